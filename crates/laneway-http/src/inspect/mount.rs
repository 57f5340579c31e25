//! The live page beside another service.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::InspectBody;
use super::service::{Inspect, InspectFuture};
use crate::request_body::RequestBody;

/// A service with the live page below a prefix. Made by [`Inspect::mount`], which has an example.
#[derive(Clone)]
pub struct Mounted<S> {
    inspect: Inspect,
    service: S,
}

impl<S> Mounted<S> {
    pub(super) fn new(inspect: Inspect, service: S) -> Mounted<S> {
        Mounted { inspect, service }
    }
}

impl<S, B> Service<Request<RequestBody>> for Mounted<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    type Response = Response<MountedBody<B>>;
    type Error = S::Error;
    type Future = MountedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        match self.inspect.below(request.uri().path()) {
            Some(_) => MountedFuture::Page {
                answer: self.inspect.call(request),
            },
            None => MountedFuture::Other {
                future: self.service.call(request),
            },
        }
    }
}

impl<S> fmt::Debug for Mounted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted")
            .field("inspect", &self.inspect)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The answer of a [`Mounted`] service.
    #[project = MountedFutureProjected]
    #[derive(Debug)]
    #[must_use = "an answer is worked on while this is awaited"]
    pub enum MountedFuture<F> {
        /// Of the page.
        Page { answer: InspectFuture },
        /// Of the service beside it.
        Other { #[pin] future: F },
    }
}

impl<F, B, E> Future for MountedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<MountedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            MountedFutureProjected::Page { answer } => {
                let answer = ready!(Pin::new(answer).poll(cx));
                let answer = answer.unwrap_or_else(|never| match never {});
                Poll::Ready(Ok(answer.map(|page| MountedBody::Page { page })))
            }
            MountedFutureProjected::Other { future } => {
                let answer = ready!(future.poll(cx));
                Poll::Ready(answer.map(|answer| answer.map(|body| MountedBody::Other { body })))
            }
        }
    }
}

pin_project! {
    /// The body of an answer of a [`Mounted`] service.
    #[project = MountedBodyProjected]
    #[derive(Debug)]
    pub enum MountedBody<B> {
        /// Of the page.
        Page { page: InspectBody },
        /// Of the service beside it.
        Other { #[pin] body: B },
    }
}

impl<B> Body for MountedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project() {
            MountedBodyProjected::Page { page } => Pin::new(page)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            MountedBodyProjected::Other { body } => body.poll_frame(cx).map(|frame| {
                // What is `Bytes` already is not copied.
                let whole = |mut data: B::Data| data.copy_to_bytes(data.remaining());
                frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(whole)),
                    Err(error) => Err(error.into()),
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            MountedBody::Page { page } => page.is_end_stream(),
            MountedBody::Other { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            MountedBody::Page { page } => page.size_hint(),
            MountedBody::Other { body } => body.size_hint(),
        }
    }
}
