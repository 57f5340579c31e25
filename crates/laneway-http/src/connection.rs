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
//!                                   ▲
//!              http1 ───────► given away: another protocol has it, until that drops it
//! ```
//!
//! One task does all of this. Where another protocol has the connection, the task waits for the end
//! of that, and cuts it off at a shutdown's deadline. While the connection rests, the task holds it
//! and no more: the buffers and hyper's state are in a box that is made by the first byte and
//! dropped by a rest.

use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::adapters::read_through;
use super::alarm::Alarm;
use super::entry::Origin;
use super::exchange::Dispatch;
use super::fleet::Member;
use super::handshake::{Secured, handshake};
use super::limits::Limits;
use super::linger::linger;
use super::preface::{PREFACE, Protocol, protocol};
use super::refusal::Refusal;
use super::serves::Serves;
use super::stream::Stream;
use super::tls::TlsStream;
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
    /// The number of bytes that are there of the preface of HTTP/2, and nothing else.
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
    /// Another protocol has the connection: `handover.rs`.
    GivenAway,
}

/// A connection's life, which its task polls.
#[must_use = "it is lived by being polled"]
pub(crate) struct Life<S> {
    stage: Stage<S>,
}

/// Most connections rest. So all that the others need is in a box, the connection itself as well.
enum Stage<S> {
    Resting(Connection<S>),
    Awake(Pin<Box<dyn Future<Output = Turn<S>> + Send>>),
    /// Another protocol has it.
    GivenAway(Connection<S>),
    Over,
}

/// The next stage of a connection that was awake.
enum Turn<S> {
    Rest(Connection<S>),
    GivenAway(Connection<S>),
    Over,
}

/// The log's warning about an upgrade for which no task waits.
const NOBODY: &str = "a service gave its connection away by its answer, and no task took it: a task \
    has to wait for `upgrade::on` of the request";

/// How much is read while it is not known what it is.
const FIRST_READ: usize = 4096;

impl<S: Serves> Connection<S> {
    /// Lives this life.
    pub(crate) fn run(self) -> Life<S> {
        let stage = match &self.stream {
            Stream::Tls(stream) => {
                let stream = stream.clone();
                Stage::Awake(Box::pin(self.secure(stream)))
            }
            Stream::Plain(_) => Stage::Resting(self),
        };
        Life { stage }
    }

    async fn secure(mut self, stream: TlsStream) -> Turn<S> {
        match handshake(&mut self, stream).await {
            Secured::Yes => Turn::Rest(self),
            Secured::No => Turn::Over,
        }
    }

    /// The stage that follows a rest.
    fn wake(mut self, rested: Option<(Protocol, BytesMut)>, cx: &mut Context<'_>) -> Stage<S> {
        match rested {
            Some((protocol, first)) => Stage::Awake(Box::pin(self.serve(protocol, first))),
            None => {
                self.part(cx);
                Stage::Over
            }
        }
    }

    /// Serves from the first bytes to a rest or the end.
    async fn serve(mut self, protocol: Protocol, first: BytesMut) -> Turn<S> {
        let end = match protocol {
            Protocol::Http2 => Box::pin(http2::serve(&mut self, first)).await,
            Protocol::Http1 => http1::serve(&mut self, first).await,
        };
        match end {
            End::Hibernate => {
                self.member.watch.hibernate();
                return Turn::Rest(self);
            }
            End::GivenAway => {
                if !self.member.watch.is_upgraded() {
                    log::warn!("{NOBODY}");
                }
                return Turn::GivenAway(self);
            }
            End::Close => self.close().await,
            End::Linger(refusal) => Box::pin(linger(&mut self, refusal)).await,
        }
        Turn::Over
    }

    /// Waits for the end of the other protocol, or makes it.
    fn poll_given_away(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let watch = &self.member.watch;
        if watch.attend(cx.waker()) == Order::Cut {
            self.stream.cut();
            return Poll::Ready(());
        }
        match watch.is_upgraded() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// Ends what is left when the other protocol has dropped the connection.
    async fn take_back(mut self) -> Turn<S> {
        linger(&mut self, None).await;
        Turn::Over
    }

    async fn close(&mut self) {
        poll_fn(|cx| {
            self.part(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Says goodbye, where that is more than to close, if the socket takes it at once.
    fn part(&mut self, cx: &mut Context<'_>) {
        if matches!(self.stream, Stream::Tls(_)) {
            let _ = self.stream.poll_finish(cx);
        }
    }

    /// Waits for the first bytes of a connection, or of a request after a rest. None: it is over.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Protocol, BytesMut)>> {
        loop {
            let mut first = match self.spoken {
                Spoken::OfPreface(bytes) => PREFACE[..bytes.into()].into(),
                Spoken::Known(_) => BytesMut::new(),
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
    fn poll_first(
        &mut self,
        cx: &mut Context<'_>,
        first: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
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
            ready!(self.alarm.poll(cx, term.deadline()));
            return Poll::Ready(Ok(0));
        }
        Poll::Pending
    }
}

// The service of a connection that rests is not pinned.
impl<S> Unpin for Life<S> {}

impl<S: Serves> Future for Life<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = match &mut self.stage {
                Stage::Resting(connection) => {
                    let rested = ready!(connection.poll_rest(cx));
                    match mem::replace(&mut self.stage, Stage::Over) {
                        Stage::Resting(connection) => connection.wake(rested, cx),
                        _ => unreachable!("it rested"),
                    }
                }
                Stage::Awake(awake) => match ready!(awake.as_mut().poll(cx)) {
                    Turn::Rest(connection) => Stage::Resting(connection),
                    Turn::GivenAway(connection) => Stage::GivenAway(connection),
                    Turn::Over => Stage::Over,
                },
                Stage::GivenAway(connection) => {
                    ready!(connection.poll_given_away(cx));
                    match mem::replace(&mut self.stage, Stage::Over) {
                        Stage::GivenAway(connection) => {
                            Stage::Awake(Box::pin(connection.take_back()))
                        }
                        _ => unreachable!("it was given away"),
                    }
                }
                Stage::Over => return Poll::Ready(()),
            };
            self.stage = next;
        }
    }
}

impl<S> Connection<S> {
    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.member.fleet.limits().clone()
    }

    /// The service as hyper calls it.
    pub(crate) fn dispatch(&self) -> Dispatch<S>
    where
        S: Clone,
    {
        Dispatch {
            service: self.service.clone(),
            origin: Origin::new(self.member.fleet.clone(), self.member.watch.clone()),
        }
    }
}
