//! A service that is a function.

use std::future::Future;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

/// Makes a service of a function. [`Server`](crate::Server) has an example.
pub fn service_fn<F, B, R>(function: F) -> ServiceFn<F>
where
    F: FnMut(Request<B>) -> R,
{
    ServiceFn { function }
}

/// A function as a service. Made by [`service_fn`].
#[derive(Clone, Copy, Debug)]
pub struct ServiceFn<F> {
    function: F,
}

impl<F, B, R, T, E> Service<Request<B>> for ServiceFn<F>
where
    F: FnMut(Request<B>) -> R,
    R: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = R;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> R {
        (self.function)(request)
    }
}
