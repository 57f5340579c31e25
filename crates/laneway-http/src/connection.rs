//! The life of a connection.
//!
//! ```text
//!  (TLS: handshake)
//!      │
//!      ▼       first bytes                       Due::Hibernate
//!     rest ───────────────────► http1 ──────────────────────────► rest
//!      │   └──────────────────► http2 ─┐                           as at the beginning, but the
//!      │ silence, an order             │ the end                   protocol is known
//!      ▼                               ▼
//!     closed ◄──────────────────── linger, if the client may still be sending
//! ```
//!
//! One task does all of this. While it rests it holds no more than itself: the buffers and hyper's
//! state are in a box that is made by the first byte and dropped by a rest.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::adapters::read_through;
use super::alarm::Alarm;
use super::fleet::Member;
use super::handshake::{Secured, handshake};
use super::linger::linger;
use super::preface::{PREFACE, Protocol, protocol};
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::stream::Stream;
use super::watch::{Order, Rest};
use super::{http1, http2};

/// A connection that was accepted.
pub(crate) struct Connection<S> {
    pub(crate) stream: Stream,
    pub(crate) member: Member,
    pub(crate) service: S,
    pub(crate) alarm: Alarm,
    pub(crate) spoken: Spoken,
}

/// The protocol of a client, by the bytes that have come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// So many bytes of the preface of HTTP/2, and nothing else.
    OfPreface(u8),
    Known(Protocol),
}

/// How hyper's part came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It rests, and is to hibernate.
    Hibernate,
    /// There is nothing to wait for.
    Close,
    /// The client may still be sending, and is to get this answer first.
    Linger(Option<Refusal>),
}

/// How much is read while it is not known what it is.
const FIRST_READ: usize = 4096;

impl<S, B> Connection<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Lives this life. All that is not needed for a rest is in boxes.
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` has two places for `self`"
    )]
    pub(crate) fn run(mut self) -> impl Future<Output = ()> + Send {
        async move {
            if let Stream::Tls(stream) = &self.stream {
                let stream = stream.clone();
                if Box::pin(handshake(&mut self, stream)).await == Secured::No {
                    return;
                }
            }
            while let Some((protocol, first)) = poll_fn(|cx| self.poll_rest(cx)).await {
                let end = match protocol {
                    Protocol::Http2 => Box::pin(http2::serve(&mut self, first)).await,
                    Protocol::Http1 => Box::pin(http1::serve(&mut self, first)).await,
                };
                match end {
                    End::Hibernate => self.member.watch.hibernate(),
                    End::Close => break,
                    End::Linger(refusal) => return Box::pin(linger(&mut self, refusal)).await,
                }
            }
            self.part().await;
        }
    }

    /// Says goodbye, where that is more than to close, if the socket takes it at once.
    async fn part(&mut self) {
        if matches!(self.stream, Stream::Tls(_)) {
            poll_fn(|cx| {
                let _ = self.stream.poll_finish(cx);
                Poll::Ready(())
            })
            .await;
        }
    }

    /// Waits for the first bytes of a connection, or of a request after a rest. None: it is over.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Protocol, Vec<u8>)>> {
        loop {
            let mut first = match self.spoken {
                Spoken::OfPreface(bytes) => PREFACE[..bytes.into()].to_vec(),
                Spoken::Known(_) => Vec::new(),
            };
            if !matches!(ready!(self.poll_first(cx, &mut first)), Ok(1..)) {
                return Poll::Ready(None);
            }
            if let Some(protocol) = self.protocol(&first) {
                self.spoken = Spoken::Known(protocol);
                return Poll::Ready(Some((protocol, first)));
            }
            self.spoken = Spoken::OfPreface(first.len() as u8);
            self.member.watch.head_begun();
        }
    }

    fn protocol(&self, first: &[u8]) -> Option<Protocol> {
        match self.spoken {
            Spoken::OfPreface(_) => protocol(first),
            Spoken::Known(protocol) => Some(protocol),
        }
    }

    /// Reads until the client has had its time, or the server wants an end: that counts as an end
    /// of the stream.
    fn poll_first(&mut self, cx: &mut Context<'_>, first: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        let watch = &self.member.watch;
        let order = watch.attend(cx.waker());
        let read = read_through(&mut self.stream, cx, FIRST_READ, |bytes| {
            first.extend_from_slice(bytes);
            bytes.len()
        });
        if read.is_ready() {
            return read;
        }
        if order != Order::Serve {
            return Poll::Ready(Ok(0));
        }
        if let Some(term) = watch.due(self.member.fleet.limits(), Rest::ToEnd) {
            ready!(self.alarm.poll(cx, term.deadline));
            return Poll::Ready(Ok(0));
        }
        Poll::Pending
    }
}

impl<S> Connection<S> {
    pub(crate) fn limits(&self) -> Arc<super::limits::Limits> {
        self.member.fleet.limits().clone()
    }
}
