//! A connection, as its stages hand it on.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::exchange::Dispatch;
use crate::exchange::Origin;
use crate::fleet::Alarm;
use crate::fleet::Member;
use crate::gate::Protocol;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::stream::Stream;

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
    /// Another protocol has the connection (`tunnel.rs`).
    GivenAway,
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

    pub(super) async fn close(&mut self) {
        poll_fn(|cx| {
            self.part(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Says goodbye, where that is more than to close, if the socket takes it at once.
    pub(super) fn part(&mut self, cx: &mut Context<'_>) {
        if matches!(self.stream, Stream::Tls(_)) {
            let _ = self.stream.poll_finish(cx);
        }
    }
}
