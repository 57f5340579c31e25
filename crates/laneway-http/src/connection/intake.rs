//! The bytes that were read of a connection in HTTP/1, until hyper gets them.
//!
//! Most heads come whole and alone. Such a one goes to hyper from where it was read; only what has
//! to wait is held.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use hyper::rt::ReadBufCursor;

use crate::exchange::Origin;
use crate::gate::{Gate, Verdict};

/// The gate, and the bytes before it.
pub(crate) struct Intake {
    gate: Gate,
    origin: Arc<Origin>,
    /// The bytes that were read and not handed to hyper yet.
    held: BytesMut,
    /// How much of what is held may pass.
    granted: usize,
}

/// The result of a look for bytes that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// hyper has got some.
    Some,
    /// More have to be read first.
    Nothing,
    /// No more will come.
    Over,
}

impl Intake {
    pub(crate) fn new(held: BytesMut, origin: Arc<Origin>) -> Intake {
        Intake {
            gate: Gate::new(),
            origin,
            held,
            granted: 0,
        }
    }

    /// Whether all that has come was handed to hyper, and a head is next.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.gate.is_at_head() && self.held.is_empty()
    }

    /// The bytes that hyper has not got.
    pub(crate) fn into_held(self) -> BytesMut {
        self.held
    }

    /// The bytes that were read of the next request, if hyper has got all of the one before.
    pub(crate) fn into_next(self) -> Option<BytesMut> {
        let is_next = self.gate.is_at_head() && self.granted == 0;
        is_next.then_some(self.held)
    }

    /// Hands on what is held and may pass.
    pub(crate) fn hand(&mut self, cursor: &mut ReadBufCursor<'_>) -> Handed {
        if self.held.is_empty() && !self.gate.has_refused() {
            return Handed::Nothing;
        }
        if self.granted == 0 {
            let verdict = self.gate.judge(&self.held, self.origin.fleet.limits());
            match self.granted(verdict) {
                Some(bytes) => self.granted = bytes,
                None => return Handed::Over,
            }
        }
        let handed = self.granted.min(cursor.remaining());
        cursor.put_slice(&self.held[..handed]);
        self.held.advance(handed);
        self.granted -= handed;
        self.handed(handed)
    }

    /// Takes in what was read, and hands on what may pass. No bytes are the end of all.
    pub(crate) fn take_in(&mut self, bytes: &[u8], cursor: &mut ReadBufCursor<'_>) -> Handed {
        if bytes.is_empty() {
            return Handed::Over;
        }
        if !self.held.is_empty() {
            self.held.extend_from_slice(bytes);
            return self.hand(cursor);
        }
        let verdict = self.gate.judge(bytes, self.origin.fleet.limits());
        let Some(passes) = self.granted(verdict) else {
            return Handed::Over;
        };
        let (now, later) = bytes.split_at(passes.min(cursor.remaining()));
        cursor.put_slice(now);
        if !later.is_empty() {
            self.held.extend_from_slice(later);
        }
        self.granted = passes - now.len();
        self.handed(now.len())
    }

    /// How many bytes may pass. None: nothing will pass any more.
    fn granted(&self, verdict: Verdict) -> Option<usize> {
        match verdict {
            Verdict::Pass(bytes) => Some(bytes),
            Verdict::Wait => (!self.gate.has_refused()).then_some(0),
            Verdict::BreakOff => None,
            Verdict::Refuse(refusal) => {
                self.origin.watch.refuse(refusal);
                None
            }
        }
    }

    fn handed(&self, bytes: usize) -> Handed {
        if bytes > 0 {
            return Handed::Some;
        }
        if !self.held.is_empty() {
            self.origin.watch.head_begun();
        }
        Handed::Nothing
    }
}
