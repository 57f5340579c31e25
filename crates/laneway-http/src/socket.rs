//! A connection's bytes as hyper gets them: watched, and in HTTP/1 through the gate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::adapters::{Io, read_through};
use super::gate::{Gate, Verdict};
use super::limits::Limits;
use super::stream::Stream;
use super::watch::Watch;

/// How much the gate has read at most without having judged it.
const READ: usize = 16 * 1024;

pub(crate) struct Socket {
    io: Io<Stream>,
    watch: Arc<Watch>,
    passage: Passage,
    /// What was read and not handed to hyper yet.
    held: Vec<u8>,
    writing: Writing,
}

enum Passage {
    /// HTTP/2: hyper reads for itself, after what is held.
    Open,
    Gated {
        gate: Gate,
        limits: Arc<Limits>,
        /// How much of what is held may pass.
        granted: usize,
    },
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
    pub(crate) fn open(stream: Stream, watch: Arc<Watch>, held: Vec<u8>) -> Socket {
        Socket {
            io: Io::new(stream),
            watch,
            passage: Passage::Open,
            held,
            writing: Writing::Flows,
        }
    }

    pub(crate) fn gated(
        stream: Stream,
        watch: Arc<Watch>,
        held: Vec<u8>,
        limits: Arc<Limits>,
    ) -> Socket {
        let gate = Gate::new();
        let granted = 0;
        Socket {
            passage: Passage::Gated {
                gate,
                limits,
                granted,
            },
            ..Socket::open(stream, watch, held)
        }
    }

    /// Whether all that has come was handed to hyper, and a head is next.
    pub(crate) fn is_between_requests(&self) -> bool {
        let at_head = match &self.passage {
            Passage::Open => false,
            Passage::Gated { gate, .. } => gate.is_at_head(),
        };
        at_head && self.held.is_empty()
    }

    /// Asks the gate whether something of what is held may pass.
    fn ask(&mut self) -> Asked {
        let Passage::Gated {
            gate,
            limits,
            granted,
        } = &mut self.passage
        else {
            return Asked::Granted(self.held.len());
        };
        if *granted > 0 {
            return Asked::Granted(*granted);
        }
        match gate.judge(&self.held, limits) {
            Verdict::Pass(bytes) => {
                *granted = bytes;
                Asked::Granted(bytes)
            }
            Verdict::Refuse(refusal) => {
                self.watch.refuse(refusal);
                Asked::Over
            }
            Verdict::Wait if gate.has_refused() => Asked::Over,
            Verdict::Wait => {
                if !self.held.is_empty() {
                    self.watch.head_begun();
                }
                Asked::Granted(0)
            }
        }
    }

    fn hand(&mut self, most: usize, cursor: &mut ReadBufCursor<'_>) {
        let bytes = most.min(cursor.remaining());
        cursor.put_slice(&self.held[..bytes]);
        self.held.drain(..bytes);
        if let Passage::Gated { granted, .. } = &mut self.passage {
            *granted -= bytes;
        }
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let sent = self.io.get_ref().sent_later();
        match (&written, self.writing) {
            (Poll::Pending, Writing::Flows) => {
                self.writing = Writing::Blocked { sent };
                self.watch.write_blocked();
            }
            (Poll::Pending, Writing::Blocked { sent: before }) if sent != before => {
                self.writing = Writing::Blocked { sent };
                self.watch.write_went_on();
                self.watch.write_blocked();
            }
            (Poll::Ready(_), Writing::Blocked { .. }) => {
                self.writing = Writing::Flows;
                self.watch.write_went_on();
            }
            _ => {}
        }
        written
    }
}

/// What the gate has answered.
enum Asked {
    Granted(usize),
    Over,
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.ask() {
                Asked::Over => return Poll::Ready(Ok(())),
                Asked::Granted(0) => {}
                Asked::Granted(bytes) => {
                    this.hand(bytes, &mut cursor);
                    return Poll::Ready(Ok(()));
                }
            }
            if matches!(this.passage, Passage::Open) {
                return Pin::new(&mut this.io).poll_read(cx, cursor);
            }
            let (stream, held) = (this.io.get_mut(), &mut this.held);
            let read = read_through(stream, cx, READ, |bytes| {
                held.extend_from_slice(bytes);
                bytes.len()
            });
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
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
        self.watch.flushed();
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
