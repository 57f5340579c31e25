//! Connections that speak another protocol from an answer on: WebSocket, or a tunnel of `CONNECT`.
//! In HTTP/2, so does a stream of a connection, beside other requests.
//!
//! A service that agrees to a request's upgrade answers 101, or a success to `CONNECT`, and has a
//! task of its own that waits for the connection by [`on`]. Once the answer is sent, that task owns
//! the connection as an [`Upgraded`], a reader and writer of `futures_io`. Bytes that the client
//! has sent behind its request are the first ones that it reads.
//!
//! ```
//! use futures_lite::AsyncReadExt as _;
//! use futures_lite::AsyncWriteExt as _;
//! use http::header::{CONNECTION, UPGRADE};
//! use http::{Request, Response, StatusCode};
//! use laneway::net::TcpListener;
//! use laneway::{Priority, Runtime, spawn_task};
//! use laneway_http::{RequestBody, Server, service_fn, upgrade};
//! use std::io::{Read, Write};
//!
//! let echo = service_fn(async |mut request: Request<RequestBody>| {
//!     let upgraded = upgrade::on(&mut request);
//!     let task = async move {
//!         let mut connection = upgraded.await.expect("it is answered below");
//!         let mut bytes = [0; 5];
//!         connection.read_exact(&mut bytes).await.expect("five bytes");
//!         connection.write_all(&bytes).await.expect("the client reads");
//!     };
//!     spawn_task!(task, Priority::High).detach();
//!     Response::builder()
//!         .status(StatusCode::SWITCHING_PROTOCOLS)
//!         .header(CONNECTION, "upgrade")
//!         .header(UPGRADE, "echo")
//!         .body(String::new())
//! });
//! let rt = Runtime::builder().build()?;
//! let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
//! let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
//! rt.spawn(Server::new(echo).serve(listener), Priority::High).detach();
//!
//! let head = b"GET / HTTP/1.1\r\nHost: me\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
//! client.write_all(head)?;
//! client.write_all(b"hello")?;
//! let answer = std::io::read_to_string(client)?;
//! assert!(answer.starts_with("HTTP/1.1 101 "));
//! assert!(answer.ends_with("\r\n\r\nhello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! hyper's `upgrade::on` works in HTTP/1 as well, and its `Upgraded` becomes this one by
//! `try_from`. WebSocket itself is for a crate of the user's choice, such as async-tungstenite over
//! an [`Upgraded`]; the example `chat` has all of it. The extractor of axum's feature `ws` spawns
//! on tokio's runtime, so that it needs one.
//!
//! The task runs on the queue that it is spawned on, whatever the priority of the handler. For a
//! route behind [`low`](crate::low), that may be the low one.
//!
//! # Which requests
//!
//! Those of HTTP/1.1 with `Upgrade` and with `upgrade` among the options of `Connection`, and
//! `CONNECT`; neither may have a body, since its bytes would be the first ones of the new protocol.
//! To other requests the server does not send 101, nor a success for `CONNECT`: the client gets
//! 501. A service may choose among several protocols of `Upgrade`, and names its choice in that
//! field of the answer, without which the client gets 501 as well. A service that refuses answers
//! as to any other request, and the connection goes on, but after a refused `CONNECT` in HTTP/1 it
//! ends: a client may have sent already what belongs into the tunnel.
//!
//! # In HTTP/2
//!
//! There is no `Upgrade` and no 101. A `CONNECT` makes a tunnel of its stream alone, and where the
//! server [offers it](crate::Server::enable_connect_protocol), a `CONNECT` may name a protocol and
//! a path (RFC 8441), by which browsers open WebSockets. The service agrees by 200.
//!
//! ```
//! use http::header::{CONNECTION, UPGRADE};
//! use http::{Request, Response, StatusCode};
//! use laneway_http::{RequestBody, Server, service_fn, upgrade};
//!
//! let either = service_fn(async |mut request: Request<RequestBody>| {
//!     let agreed = match upgrade::connect_protocol(&request) {
//!         Some("echo") => Response::builder(),
//!         Some(_) => Response::builder().status(StatusCode::NOT_IMPLEMENTED),
//!         None => Response::builder()
//!             .status(StatusCode::SWITCHING_PROTOCOLS)
//!             .header(CONNECTION, "upgrade")
//!             .header(UPGRADE, "echo"),
//!     };
//!     let upgraded = upgrade::on(&mut request);
//!     // A task waits for it, as above.
//!     # drop(upgraded);
//!     agreed.body(String::new())
//! });
//! let server = Server::new(either).enable_connect_protocol();
//! # let _ = server;
//! ```
//!
//! Such a stream counts as a request among [`Limits::streams`](crate::Limits::streams). A client
//! that resets it ends it as one that closes it does. The connection goes on with its other
//! requests, and has the [`write_stall`](crate::Limits::write_stall) as ever if its client reads
//! nothing at all. The task should read on: all streams of a connection share a window of 256 kB,
//! and a client of many small messages that the task leaves unread is taken for a flood.
//!
//! # Which limits
//!
//! An upgraded connection counts among [`Limits::connections`](crate::Limits::connections), and is
//! never closed to make room; nor is one that has a stream for another protocol. The times of
//! heads, bodies and answers, the time of silence and hibernation are for HTTP: from the upgrade
//! on, all times are the task's affair.
//!
//! # The end
//!
//! When the [`Upgraded`] is dropped, the server says that there is no more to come, reads on for
//! the [`linger`](crate::Limits::linger) so that the last words reach the client, and closes. In
//! HTTP/2 it ends the stream, and a client that does not read the last words is cut off after the
//! [`write_stall`](crate::Limits::write_stall). So it does where the task panics.
//!
//! When the server begins to end, no more upgrades are agreed to: the client gets 503. Those that
//! there are go on until the deadline, and [`Upgraded::end_begun`] tells their tasks. At the
//! deadline they are cut off, and the report names each: its client, method and path, that it
//! [`was upgraded`](crate::Doing::Upgraded), and since when.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_io::{AsyncRead, AsyncWrite};
use http::Request;

use super::connection::{Socket, Tunnel};
pub use super::exchange::connect_protocol;
use super::exchange::{Offer, Streamed};
use super::fleet::Watch;
use super::stream::Stream;

/// Waits for the upgrade that a request asks for.
///
/// It is to be awaited in a task of its own: the upgrade comes after the answer. The
/// [module](self) has an example. For one request, the first call alone gets the upgrade.
pub fn on<B>(request: &mut Request<B>) -> OnUpgrade {
    let extensions = request.extensions_mut();
    let offer = extensions.remove::<Offer>();
    let of_stream = offer.as_ref().and_then(|offer| offer.stream.as_ref());
    let of_stream = of_stream.map(|awaited| awaited.of_hyper.clone());
    let of_hyper = of_stream.or_else(|| extensions.remove());
    OnUpgrade {
        waits: of_hyper.zip(offer),
    }
}

/// The wait for an upgrade. Made by [`on`]; the [module](self) has an example.
///
/// # Errors
///
/// [`NotUpgraded`], as soon as it is known that no upgrade will come.
///
/// # Cancellation
///
/// Dropped before it is ready, it leaves the connection to nobody. If the service agrees to the
/// upgrade nevertheless, the connection ends after the answer.
#[derive(Debug)]
#[must_use = "the connection ends when this is dropped"]
pub struct OnUpgrade {
    waits: Option<(hyper::upgrade::OnUpgrade, Offer)>,
}

/// Why there is no upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotUpgraded {
    /// The request asks for none, or not in a way that can be agreed to. The [module](self) says
    /// which requests can.
    NotAsked,
    /// The request got another answer, or none.
    Refused,
}

/// A connection that speaks another protocol now, and ends when this is dropped.
///
/// The [module](self) has an example, and tells of its limits and its end. For two tasks, the
/// `split` of futures' `AsyncReadExt` makes two halves of it. Closing it says that nothing more
/// will be written; the client may go on.
pub struct Upgraded {
    share: Share,
}

/// The part of a connection that is upgraded.
enum Share {
    /// All of it, in HTTP/1.
    Whole(Whole),
    /// A stream, in HTTP/2.
    Stream(Streamed),
}

struct Whole {
    /// The bytes that hyper had read.
    first: Bytes,
    stream: Stream,
    tunnel: Tunnel,
}

impl Whole {
    fn new(socket: Socket, first: Bytes) -> Whole {
        let (stream, tunnel) = socket.into_tunnel().expect("hyper gave it away");
        let mut whole = Whole {
            first,
            stream,
            tunnel,
        };
        whole.free_first();
        whole
    }

    /// Gives hyper's buffer back once it is read: a connection may rest for long.
    fn free_first(&mut self) {
        if self.first.is_empty() {
            self.first = Bytes::new();
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.first.is_empty() {
            let bytes = self.first.len().min(space.len());
            self.first.copy_to_slice(&mut space[..bytes]);
            self.free_first();
            return Poll::Ready(Ok(bytes));
        }
        self.tunnel.poll_read(&mut self.stream, cx, space)
    }
}

impl Upgraded {
    fn of_stream(streamed: Streamed) -> Upgraded {
        let share = Share::Stream(streamed);
        Upgraded { share }
    }

    /// The connection, and the number of the request there.
    fn place(&self) -> (&Arc<Watch>, u64) {
        match &self.share {
            Share::Whole(whole) => whole.tunnel.place(),
            Share::Stream(streamed) => streamed.place(),
        }
    }

    /// The address that the connection came from. Behind a proxy, that is the proxy's.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.place().0.peer()
    }

    /// Waits until the server begins to end, so that the protocol's own goodbye can be said before
    /// the deadline. The wait does not borrow the connection, and is over as well once that is
    /// dropped.
    ///
    /// ```
    /// use futures_lite::{AsyncReadExt as _, FutureExt as _};
    /// use laneway_http::upgrade::Upgraded;
    ///
    /// async fn talk(mut connection: Upgraded) -> std::io::Result<()> {
    ///     let goodbye = connection.end_begun();
    ///     let talk = async {
    ///         let mut bytes = [0; 1024];
    ///         while connection.read(&mut bytes).await? > 0 {}
    ///         Ok(())
    ///     };
    ///     let end = async {
    ///         goodbye.await;
    ///         Ok(())
    ///     };
    ///     talk.or(end).await
    /// }
    /// # let _ = talk;
    /// ```
    pub fn end_begun(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        let (watch, request) = self.place();
        let watch = watch.clone();
        poll_fn(move |cx| watch.poll_end_begun(request, cx))
    }
}

/// Gives hyper's connection back if it is not one of this crate's servers.
impl TryFrom<hyper::upgrade::Upgraded> for Upgraded {
    type Error = hyper::upgrade::Upgraded;

    fn try_from(of_hyper: hyper::upgrade::Upgraded) -> Result<Upgraded, hyper::upgrade::Upgraded> {
        let parts = of_hyper.downcast::<Socket>()?;
        let share = Share::Whole(Whole::new(parts.io, parts.read_buf));
        Ok(Upgraded { share })
    }
}

impl Future for OnUpgrade {
    type Output = Result<Upgraded, NotUpgraded>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((of_hyper, offer)) = &mut self.waits else {
            return Poll::Ready(Err(NotUpgraded::NotAsked));
        };
        let outcome = match Pin::new(of_hyper).poll(cx) {
            Poll::Ready(Ok(upgraded)) => match &offer.stream {
                Some(awaited) => Some(Upgraded::of_stream(awaited.take(upgraded))),
                None => Upgraded::try_from(upgraded).ok(),
            },
            Poll::Ready(Err(_)) => None,
            // hyper tells of a refusal when the connection ends.
            Poll::Pending => match offer.watch.poll_refused(offer.request, cx) {
                Poll::Ready(()) => None,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(outcome.ok_or(NotUpgraded::Refused))
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.share {
            Share::Whole(whole) => whole.poll_read(cx, space),
            Share::Stream(streamed) => streamed.poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.share {
            Share::Whole(whole) => Pin::new(&mut whole.stream).poll_write(cx, bytes),
            Share::Stream(streamed) => streamed.poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.share {
            Share::Whole(whole) => Pin::new(&mut whole.stream).poll_write_vectored(cx, slices),
            Share::Stream(streamed) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                streamed.poll_write(cx, first.map_or(&[], |slice| slice))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.share {
            Share::Whole(whole) => Pin::new(&mut whole.stream).poll_flush(cx),
            Share::Stream(streamed) => streamed.poll_flush(cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.share {
            Share::Whole(whole) => Pin::new(&mut whole.stream).poll_close(cx),
            Share::Stream(streamed) => streamed.poll_close(cx),
        }
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("peer", &self.peer())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NotUpgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotUpgraded::NotAsked => "the request asks for no upgrade that can be agreed to",
            NotUpgraded::Refused => "the request was not answered by an upgrade",
        })
    }
}

impl Error for NotUpgraded {}
