//! A service that is a function.

use std::future::Future;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::request_body::RequestBody;

/// Makes a service of a function. [`Server`](crate::Server) has an example.
pub fn service_fn<F, R>(function: F) -> ServiceFn<F>
where
    F: FnMut(Request<RequestBody>) -> R,
{
    ServiceFn { function }
}

/// A function as a service. Made by [`service_fn`].
#[derive(Clone, Copy, Debug)]
pub struct ServiceFn<F> {
    function: F,
}

impl<F, R, T, E> Service<Request<RequestBody>> for ServiceFn<F>
where
    F: FnMut(Request<RequestBody>) -> R,
    R: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = R;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> R {
        (self.function)(request)
    }
}
