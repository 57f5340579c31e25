//! The task of a connection: its way from one stage to the next.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::connection::{Connection, End};
use super::handshake::{Secured, handshake};
use super::linger::linger;
use super::{http1, http2};
use crate::exchange::{Serves, tell_of_nobody};
use crate::fleet::Order;
use crate::gate::Protocol;
use crate::stream::Stream;
use crate::tls::TlsStream;

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
                    tell_of_nobody();
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
