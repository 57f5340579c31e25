//! Which answers hyper has got as a whole and may not have sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The answers of one connection in HTTP/1, which are sent in the order of their requests.
///
/// The end of each answer and the flushes of the socket happen in the connection's task, one after
/// another, so nothing here has to be locked.
#[derive(Debug)]
pub(crate) struct Unsent {
    opened: Instant,
    /// The number after that of the last request whose answer hyper has got. Raised by its end.
    given: AtomicU64,
    /// When that was: nanoseconds since `opened`.
    given_at: AtomicU64,
    /// The value of `given` at the last flush.
    sent: AtomicU64,
}

/// Answers that have been sent since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// All requests with a lower number than this have their answers.
    pub(crate) before: u64,
    /// When hyper got the last of them.
    pub(crate) given: Instant,
}

impl Unsent {
    pub(crate) fn new(opened: Instant) -> Unsent {
        Unsent {
            opened,
            given: AtomicU64::new(0),
            given_at: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        }
    }

    /// Notes that hyper has got the whole answer of a request.
    pub(crate) fn give(&self, request: u64, at: Instant) {
        // Relaxed, here and below: one task does all of this.
        let at = at.saturating_duration_since(self.opened).as_nanos() as u64;
        self.given_at.store(at, Ordering::Relaxed);
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
        let given_at = Duration::from_nanos(self.given_at.load(Ordering::Relaxed));
        Some(Sent {
            before,
            given: self.opened + given_at,
        })
    }
}
