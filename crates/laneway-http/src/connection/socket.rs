//! A connection's bytes as hyper gets them: watched, and in HTTP/1 through the gate.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use laneway::time::now;

use super::greeting::Greeting;
use super::intake::{Handed, Intake};
use super::tunnel::Tunnel;
use crate::adapters::{Io, read_through};
use crate::exchange::Origin;
use crate::gate::{Frames, Pace, hand_merged};
use crate::refusal::Refusal;
use crate::stream::Stream;

/// How much is read at once at most, before it is judged.
const READ: usize = 16 * 1024;

pub(crate) struct Socket {
    io: Io<Stream>,
    origin: Arc<Origin>,
    passage: Passage,
    greeting: Greeting,
    writing: Writing,
}

enum Passage {
    /// HTTP/2: hyper gets all frames, unless they become a flood.
    Open(Open),
    /// HTTP/2 after a flood: hyper gets nothing more.
    Shut,
    Gated(Intake),
    /// Another protocol.
    Tunnel(Tunnel),
}

struct Open {
    /// The bytes that were read before.
    first: BytesMut,
    frames: Frames,
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
    pub(crate) fn open(stream: Stream, origin: Arc<Origin>, first: BytesMut) -> Socket {
        let greeting = Greeting::to(&first);
        let open = Open {
            first,
            frames: Frames::new(now()),
        };
        Socket {
            greeting,
            ..Socket::new(stream, origin, Passage::Open(open))
        }
    }

    pub(crate) fn gated(stream: Stream, origin: Arc<Origin>, first: BytesMut) -> Socket {
        let intake = Intake::new(first, origin.clone());
        Socket::new(stream, origin, Passage::Gated(intake))
    }

    fn new(stream: Stream, origin: Arc<Origin>, passage: Passage) -> Socket {
        Socket {
            io: Io::new(stream),
            origin,
            passage,
            greeting: Greeting::none(),
            writing: Writing::Flows,
        }
    }

    /// Whether all that has come was handed to hyper, and a head is next.
    pub(crate) fn is_between_requests(&self) -> bool {
        match &self.passage {
            Passage::Open(_) | Passage::Shut | Passage::Tunnel(_) => false,
            Passage::Gated(intake) => intake.is_between_requests(),
        }
    }

    /// The bytes that were read of the next request, if hyper has got all of the one before.
    pub(crate) fn into_next(self) -> Option<BytesMut> {
        match self.passage {
            Passage::Gated(intake) => intake.into_next(),
            Passage::Open(_) | Passage::Shut | Passage::Tunnel(_) => None,
        }
    }

    /// The bytes of another protocol from now on: the answer that says so is sent.
    fn give_away(&mut self, request: u64) {
        if let Passage::Gated(intake) = mem::replace(&mut self.passage, Passage::Shut) {
            let tunnel = Tunnel::new(intake.into_held(), self.origin.clone(), request);
            self.passage = Passage::Tunnel(tunnel);
        }
    }

    /// The stream and what speaks through it, if that is another protocol.
    pub(crate) fn into_tunnel(self) -> Option<(Stream, Tunnel)> {
        match self.passage {
            Passage::Tunnel(tunnel) => Some((self.io.into_inner(), tunnel)),
            _ => None,
        }
    }

    /// Writes slices by `write`, after the words that were kept, or keeps them with those.
    fn poll_say(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        write: impl FnOnce(Pin<&mut Io<Stream>>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match self.greeting.keep(slices) {
            Some(bytes) => Poll::Ready(Ok(bytes)),
            None => {
                ready!(self.poll_greet(cx))?;
                write(Pin::new(&mut self.io), cx)
            }
        };
        self.let_out(written, slices.iter().map(|slice| &**slice))
    }

    /// Writes the words that were kept.
    fn poll_greet(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.greeting.words().is_empty() {
            let written = Pin::new(&mut self.io).poll_write(cx, self.greeting.words());
            match ready!(self.wrote(written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => self.greeting.words().advance(bytes),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Notes what was written of these slices.
    fn let_out<'a>(
        &mut self,
        written: Poll<io::Result<usize>>,
        slices: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(bytes)), Passage::Open(open)) = (&written, &mut self.passage) {
            let mut left = *bytes;
            for slice in slices {
                let out = &slice[..left.min(slice.len())];
                open.frames.let_out(out);
                left -= out.len();
            }
        }
        self.wrote(written)
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Passage::Tunnel(_) = self.passage {
            return written;
        }
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
            Passage::Open(open) => {
                let read = open.poll(this.io.get_mut(), cx, &mut cursor);
                if ready!(read)? == Pace::Flood {
                    this.passage = Passage::Shut;
                    // The connection's task looks for this after each poll of hyper.
                    this.origin.watch.refuse(Refusal::Flood);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(()))
            }
            Passage::Shut => Poll::Pending,
            Passage::Tunnel(tunnel) => {
                let most = cursor.remaining();
                let stream = this.io.get_mut();
                tunnel.poll_take(stream, cx, most, |bytes| cursor.put_slice(bytes))
            }
        }
    }
}

impl Open {
    /// Hands on what comes.
    fn poll(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<Pace>> {
        let (frames, most) = (&mut self.frames, cursor.remaining());
        if !self.first.is_empty() {
            let bytes = self.first.len().min(most);
            let pace = hand_on(&self.first[..bytes], frames, cursor);
            self.first.advance(bytes);
            return Poll::Ready(Ok(pace));
        }
        read_through(stream, cx, most, |bytes| hand_on(bytes, frames, cursor))
    }
}

/// Hands bytes of frames to hyper.
fn hand_on(bytes: &[u8], frames: &mut Frames, cursor: &mut ReadBufCursor<'_>) -> Pace {
    let (begun, next) = bytes.split_at(frames.next_begins(bytes));
    cursor.put_slice(begun);
    hand_merged(next, |part| cursor.put_slice(part));
    frames.take_in(bytes)
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
        let this = &mut *self;
        this.poll_say(cx, &[IoSlice::new(bytes)], |io, cx| {
            io.poll_write(cx, bytes)
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.greeting.puts_off() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_greet(cx))?;
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        ready!(self.wrote(flushed))?;
        // hyper asks for this once its own buffer is empty.
        if let Some(sent) = self.origin.unsent.send() {
            self.origin.watch.sent(sent);
            if self.origin.handover.is_answered() {
                self.give_away(sent.before - 1);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Leaves the stream of HTTP open: the connection's task closes it, after a refusal if need be.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.passage {
            Passage::Tunnel(_) => Pin::new(&mut self.io).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.poll_say(cx, slices, |io, cx| io.poll_write_vectored(cx, slices))
    }
}
