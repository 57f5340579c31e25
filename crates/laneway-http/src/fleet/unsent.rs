//! The answers that hyper has got as a whole and may not have sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The answers of one connection in HTTP/1, which are sent in the order of their requests.
///
/// The end of each answer and the flushes of the socket happen in the connection's task, one after
/// another, so nothing here has to be locked.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// The number after that of the last request whose answer hyper has got. Raised by its end.
    given: AtomicU64,
    /// How long that took from the beginning of that request: nanoseconds.
    took: AtomicU64,
    /// The value of `given` at the last flush.
    sent: AtomicU64,
}

/// Answers that have been sent since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// All requests with a lower number than this have their answers.
    pub(crate) before: u64,
    /// How long the last of them took, from the beginning of its request until hyper got its end.
    pub(crate) took: Duration,
}

impl Unsent {
    /// Notes that hyper has got the whole answer of a request.
    pub(crate) fn give(&self, request: u64, took: Duration) {
        // Relaxed, here and below: one task does all of this.
        self.took.store(took.as_nanos() as u64, Ordering::Relaxed);
        self.given.store(request + 1, Ordering::Relaxed);
    }

    /// The number after that of the last request whose answer hyper has got.
    pub(crate) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// Notes that all that hyper has got is sent. None: it had got no answer since the last time.
    pub(crate) fn send(&self) -> Option<Sent> {
        let before = self.given();
        if before == self.sent.load(Ordering::Relaxed) {
            return None;
        }
        self.sent.store(before, Ordering::Relaxed);
        let took = Duration::from_nanos(self.took.load(Ordering::Relaxed));
        Some(Sent { before, took })
    }
}
