//! A connection that waits for its first bytes, or for those of a request after a rest.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::connection::{Connection, Spoken};
use crate::adapters::read_through;
use crate::fleet::{Order, Rest};
use crate::gate::{PREFACE, Protocol, protocol};

/// How much is read while it is not known what it is.
const FIRST_READ: usize = 4096;

impl<S> Connection<S> {
    /// Waits for the first bytes of a connection, or of a request after a rest. None: it is over.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Protocol, BytesMut)>> {
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
