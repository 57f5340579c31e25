//! A connection's bytes as hyper gets them: watched, and in HTTP/1 through the gate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::adapters::{Io, read_through};
use super::entry::Origin;
use super::intake::{Handed, Intake};
use super::stream::Stream;

/// How much is read at once at most, before it is judged.
const READ: usize = 16 * 1024;

pub(crate) struct Socket {
    io: Io<Stream>,
    origin: Arc<Origin>,
    passage: Passage,
    writing: Writing,
}

enum Passage {
    /// HTTP/2: hyper reads for itself, after what was read before.
    Open(Vec<u8>),
    Gated(Intake),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Flows,
    /// When the stream had sent so much of what it keeps.
    Blocked {
        sent: u64,
    },
}

impl Socket {
    pub(crate) fn open(stream: Stream, origin: Arc<Origin>, first: Vec<u8>) -> Socket {
        Socket::new(stream, origin, Passage::Open(first))
    }

    pub(crate) fn gated(stream: Stream, origin: Arc<Origin>, first: &[u8]) -> Socket {
        let intake = Intake::new(first, origin.clone());
        Socket::new(stream, origin, Passage::Gated(intake))
    }

    fn new(stream: Stream, origin: Arc<Origin>, passage: Passage) -> Socket {
        Socket {
            io: Io::new(stream),
            origin,
            passage,
            writing: Writing::Flows,
        }
    }

    /// Whether all that has come was handed to hyper, and a head is next.
    pub(crate) fn is_between_requests(&self) -> bool {
        match &self.passage {
            Passage::Open(_) => false,
            Passage::Gated(intake) => intake.is_between_requests(),
        }
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let sent = self.io.get_ref().sent_later();
        let Origin { watch, unsent, .. } = &*self.origin;
        match (&written, self.writing) {
            (Poll::Pending, Writing::Flows) => {
                self.writing = Writing::Blocked { sent };
                watch.write_blocked(unsent.given());
            }
            (Poll::Pending, Writing::Blocked { sent: before }) if sent != before => {
                self.writing = Writing::Blocked { sent };
                watch.write_went_on();
                watch.write_blocked(unsent.given());
            }
            (Poll::Ready(_), Writing::Blocked { .. }) => {
                self.writing = Writing::Flows;
                watch.write_went_on();
            }
            _ => {}
        }
        written
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.passage {
            Passage::Gated(intake) => poll_gated(this.io.get_mut(), intake, cx, &mut cursor),
            Passage::Open(first) if first.is_empty() => {
                Pin::new(&mut this.io).poll_read(cx, cursor)
            }
            Passage::Open(first) => {
                let bytes = first.len().min(cursor.remaining());
                cursor.put_slice(&first[..bytes]);
                first.drain(..bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Reads until some of it may pass.
fn poll_gated(
    stream: &mut Stream,
    intake: &mut Intake,
    cx: &mut Context<'_>,
    cursor: &mut ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    let mut handed = intake.hand(cursor);
    while handed == Handed::Nothing {
        let most = READ.min(cursor.remaining());
        let read = read_through(stream, cx, most, |bytes| intake.take_in(bytes, cursor));
        handed = ready!(read)?;
    }
    Poll::Ready(Ok(()))
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        ready!(self.wrote(flushed))?;
        // hyper asks for this once its own buffer is empty.
        if let Some(sent) = self.origin.unsent.send() {
            self.origin.watch.sent(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Leaves the stream open: the connection's task closes it, after a refusal if need be.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.wrote(written)
    }
}
