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
use crate::exchange::RequestBody;

impl Inspect {
    /// Puts the page beside another service: requests for `prefix` and what is below it are the
    /// page's, all others the service's.
    ///
    /// # Panics
    ///
    /// If the prefix does not begin with a slash, or ends with one.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use laneway::net::TcpListener;
    /// use laneway::{Priority, Runtime};
    /// use laneway_http::{RequestBody, Server, inspect, service_fn};
    /// use std::io::{Read, Write};
    ///
    /// let ours = service_fn(|_request: Request<RequestBody>| async {
    ///     Ok::<_, std::convert::Infallible>(Response::new("ours".to_owned()))
    /// });
    /// let rt = Runtime::builder().build()?;
    /// let server = Server::new(inspect(&rt).mount("/inspect", ours));
    /// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
    /// let address = listener.local_addr()?;
    /// rt.spawn(server.serve(listener), Priority::High).detach();
    ///
    /// let ask = |path: &str| {
    ///     let mut client = std::net::TcpStream::connect(address)?;
    ///     let head = "Host: localhost\r\nConnection: close";
    ///     write!(client, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n")?;
    ///     std::io::read_to_string(client)
    /// };
    /// assert!(ask("/inspect/")?.contains("<title>Laneway live</title>"));
    /// assert!(ask("/anything/else")?.ends_with("ours"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mount<S>(mut self, prefix: &str, service: S) -> Mounted<S> {
        assert!(
            prefix.starts_with('/') && !prefix.ends_with('/'),
            "a prefix is as /inspect: it begins with a slash and does not end with one"
        );
        self.set_prefix(prefix);
        Mounted::new(self, service)
    }
}

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
        let of = match self.inspect.below(request.uri().path()) {
            Some(_) => Of::Page {
                page: self.inspect.call(request),
            },
            None => Of::Other {
                other: self.service.call(request),
            },
        };
        MountedFuture { of }
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
    #[derive(Debug)]
    #[must_use = "an answer is worked on while this is awaited"]
    pub struct MountedFuture<F> {
        #[pin]
        of: Of<InspectFuture, F>,
    }
}

impl<F, B, E> Future for MountedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<MountedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().of.project() {
            OfProjected::Page { page } => {
                let answer = ready!(Pin::new(page).poll(cx));
                let answer = answer.unwrap_or_else(|never| match never {});
                Poll::Ready(Ok(answer.map(MountedBody::page)))
            }
            OfProjected::Other { other } => {
                let answer = ready!(other.poll(cx));
                Poll::Ready(answer.map(|answer| answer.map(MountedBody::other)))
            }
        }
    }
}

pin_project! {
    /// The body of an answer of a [`Mounted`] service.
    #[derive(Debug)]
    pub struct MountedBody<B> {
        #[pin]
        of: Of<InspectBody, B>,
    }
}

pin_project! {
    #[project = OfProjected]
    #[derive(Debug)]
    enum Of<P, O> {
        Page { page: P },
        Other { #[pin] other: O },
    }
}

impl<B> MountedBody<B> {
    fn page(page: InspectBody) -> MountedBody<B> {
        MountedBody {
            of: Of::Page { page },
        }
    }

    fn other(other: B) -> MountedBody<B> {
        MountedBody {
            of: Of::Other { other },
        }
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
        match self.project().of.project() {
            OfProjected::Page { page } => Pin::new(page)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            OfProjected::Other { other } => other.poll_frame(cx).map(|frame| {
                // `Bytes` are not copied.
                let whole = |mut data: B::Data| data.copy_to_bytes(data.remaining());
                frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(whole)),
                    Err(error) => Err(error.into()),
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.of {
            Of::Page { page } => page.is_end_stream(),
            Of::Other { other } => other.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.of {
            Of::Page { page } => page.size_hint(),
            Of::Other { other } => other.size_hint(),
        }
    }
}
