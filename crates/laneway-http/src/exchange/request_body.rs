//! The body of a request, with its limits.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use laneway::time::{Sleep, now, sleep_until};

use super::arrival::Arrival;
use super::entry::Entry;
use crate::fleet::Doing;
use crate::fleet::Watch;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// The body of a request, as the service gets it.
///
/// It keeps the server's [`Limits`]: a body that is too large or comes too slowly ends with a
/// [`BodyError`], and the client is answered with 413 or 408, whatever the service makes of it.
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::BodyExt;
/// use laneway::net::TcpListener;
/// use laneway::{Priority, Runtime};
/// use laneway_http::{BodyError, Limits, RequestBody, Server, service_fn};
/// use std::io::{Read, Write};
///
/// async fn length(request: Request<RequestBody>) -> Result<Response<String>, BodyError> {
///     let body = request.into_body().collect().await?;
///     Ok(Response::new(format!("{} bytes", body.to_bytes().len())))
/// }
///
/// let rt = Runtime::builder().build()?;
/// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
/// let address = listener.local_addr()?;
/// let server = Server::new(service_fn(length)).limits(Limits::public().body_bytes(5));
/// rt.spawn(server.serve(listener), Priority::High).detach();
///
/// let ask = |body: &str| {
///     let mut client = std::net::TcpStream::connect(address)?;
///     let head = "POST / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n";
///     write!(client, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
///     std::io::read_to_string(client)
/// };
/// assert!(ask("hello")?.ends_with("5 bytes"));
/// assert!(ask("too long")?.starts_with("HTTP/1.1 413"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    peer: SocketAddr,
    /// None of a body that is empty.
    terms: Option<Box<Terms>>,
}

/// The terms that a body has to keep to, and its amounts so far.
#[derive(Debug)]
pub(crate) struct Terms {
    limits: Arc<Limits>,
    watch: Arc<Watch>,
    request: u64,
    bytes: u64,
    wait: Wait,
}

/// Why a body cannot be read to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It is larger than [`Limits::body_bytes`].
    TooLarge,
    /// The client took too long: [`Limits::body_stall`], [`Limits::body_rate`].
    TimedOut,
    /// The connection broke, or what came is malformed.
    Broken(hyper::Error),
}

/// How long the reader has waited for the client.
#[derive(Debug, Default)]
struct Wait {
    going: Option<Going>,
    /// All other waits of the present span, and the bytes that it brought.
    before: Duration,
    bytes: u64,
    sleep: Option<Sleep>,
    /// None until the first wait.
    arrival: Option<Arc<Arrival>>,
}

/// The wait that is going on.
#[derive(Clone, Copy, Debug)]
struct Going {
    since: Instant,
    /// From when on it counts for the present span.
    in_span_since: Instant,
}

impl RequestBody {
    pub(crate) fn new(
        incoming: Incoming,
        peer: SocketAddr,
        terms: Option<Box<Terms>>,
    ) -> RequestBody {
        RequestBody {
            incoming,
            peer,
            terms,
        }
    }

    /// The address that the connection came from. Behind a proxy, that is the proxy's.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Terms {
    /// None for a body that is empty.
    pub(crate) fn of(body: &Incoming, entry: &Entry) -> Option<Box<Terms>> {
        (!body.is_end_stream()).then(|| {
            let (request, watch, limits) = entry.terms();
            Box::new(Terms {
                limits,
                watch,
                request,
                bytes: 0,
                wait: Wait::default(),
            })
        })
    }

    fn fail(&self, error: BodyError) -> BodyError {
        if let Some(refusal) = error.refusal() {
            self.watch.note_failed(self.request, refusal);
        }
        error
    }

    /// Refuses a body that is too large, with this number of bytes that are known to come.
    fn check(&self, announced: u64) -> Result<(), BodyError> {
        match self.bytes.saturating_add(announced) > self.limits.body_bytes {
            true => Err(self.fail(BodyError::TooLarge)),
            false => Ok(()),
        }
    }

    /// Counts what has come. Trailers and the end count nothing.
    fn came(&mut self, frame: Option<&Frame<Bytes>>) {
        let bytes = frame.and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        self.bytes += bytes;
        if self.wait.is_waiting() {
            self.watch.note(self.request, Doing::Handling);
        }
        self.wait.came(bytes);
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.wait.is_waiting() {
            self.watch.note(self.request, Doing::ReadingBody);
        }
        match self.wait.poll(cx, &self.limits) {
            Poll::Ready(()) => Poll::Ready(Some(Err(self.fail(BodyError::TimedOut)))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Wait {
    fn is_waiting(&self) -> bool {
        self.going.is_some()
    }

    /// Ends the wait that goes on, if any, at the time of the client's news: the handler may look
    /// at them much later.
    fn came(&mut self, bytes: u64) {
        self.bytes += bytes;
        if let Some(going) = self.going.take() {
            let end = self.arrival.as_ref().and_then(|arrival| arrival.at());
            let end = end.unwrap_or_else(now);
            self.before += end.saturating_duration_since(going.in_span_since);
        }
    }

    /// Polls the body; where nothing is there, its next news are noted.
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        mut incoming: Pin<&mut Incoming>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = incoming.as_mut().poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let arrival = self.arrival.get_or_insert_default();
        arrival.expect(cx.waker());
        let waker = Waker::from(arrival.clone());
        incoming.poll_frame(&mut Context::from_waker(&waker))
    }

    /// Ready when the client has had its time.
    fn poll(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        let going = self.going.get_or_insert_with(|| Going::since(now()));
        let (rate, span) = limits.body_rate;
        loop {
            let end_of_span = going.in_span_since + span.saturating_sub(self.before);
            let deadline = end_of_span.min(going.since + limits.body_stall);
            let sleep = self.sleep.get_or_insert_with(|| sleep_until(deadline));
            if sleep.deadline() != Some(deadline) {
                sleep.reset(deadline);
            }
            ready!(Pin::new(sleep).poll(cx));
            let enough = self.bytes as f64 >= rate as f64 * span.as_secs_f64();
            if deadline < end_of_span || !enough {
                return Poll::Ready(());
            }
            // The span was fast enough; the next one begins.
            going.in_span_since = end_of_span;
            self.before = Duration::ZERO;
            self.bytes = 0;
        }
    }
}

impl Going {
    fn since(since: Instant) -> Going {
        Going {
            since,
            in_span_since: since,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let RequestBody {
            incoming, terms, ..
        } = self.get_mut();
        let Some(terms) = terms else {
            return Poll::Ready(None);
        };
        if let Err(error) = terms.check(incoming.size_hint().lower()) {
            return Poll::Ready(Some(Err(error)));
        }
        match terms.wait.poll_frame(cx, Pin::new(incoming)) {
            Poll::Pending => terms.wait(cx),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(frame) => {
                let frame = frame.and_then(Result::ok);
                terms.came(frame.as_ref());
                let checked = terms.check(0);
                Poll::Ready(frame.map(|frame| checked.map(|()| frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl BodyError {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            BodyError::TooLarge => Some(Refusal::BodyTooLarge),
            BodyError::TimedOut => Some(Refusal::TimedOut),
            BodyError::Broken(_) => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyError::TooLarge => "the body is larger than the server takes",
            BodyError::TimedOut => "the body came too slowly",
            BodyError::Broken(_) => "the body broke off or is malformed",
        })
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BodyError::Broken(error) => Some(error),
            BodyError::TooLarge | BodyError::TimedOut => None,
        }
    }
}
