//! A worker's own view of a lease: until when it may go on, and whether it should stop.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_lite::future::or;
use laneway::time::{now, sleep_until};

use crate::deadline::after;
use crate::lock::unpoisoned;
use crate::signal::Signal;

/// The worker's side of a lease. Its deadline is earlier than the store's end of it, since it
/// counts from before the claim was sent, and a tenth less.
#[derive(Debug)]
pub(crate) struct Lease {
    deadline: Mutex<Instant>,
    /// The end of the attempt, once that has begun.
    attempt_ends: OnceLock<Instant>,
    /// An operator or a shutdown wants the handler to stop by itself.
    pub(crate) cancelled: Signal,
    lost: Signal,
}

impl Lease {
    /// A lease of `length`, asked for at `sent`.
    pub(crate) fn new(sent: Instant, length: Duration) -> Lease {
        Lease {
            deadline: Mutex::new(after(sent, own_part(length))),
            attempt_ends: OnceLock::new(),
            cancelled: Signal::default(),
            lost: Signal::default(),
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        *unpoisoned(self.deadline.lock())
    }

    pub(crate) fn renewed(&self, sent: Instant, length: Duration) {
        *unpoisoned(self.deadline.lock()) = after(sent, own_part(length));
    }

    /// The attempt has begun, and has until then.
    pub(crate) fn ends_with(&self, attempt_ends: Instant) {
        let _ = self.attempt_ends.set(attempt_ends);
    }

    /// Whether the attempt is over by a whole lease and its handler has not noticed, since one poll
    /// of it lasts that long.
    pub(crate) fn is_overdue(&self, length: Duration) -> bool {
        let ended = self.attempt_ends.get();
        ended.is_some_and(|&ended| now() >= after(ended, length))
    }

    pub(crate) fn lose(&self) {
        self.lost.set();
    }

    pub(crate) fn has_lapsed(&self) -> bool {
        self.lost.is_set() || now() >= self.deadline()
    }

    /// Waits until the handler has to be dropped, although the lease may be renewed meanwhile.
    pub(crate) async fn lapsed(&self) {
        while !self.has_lapsed() {
            or(self.lost.wait(), sleep_until(self.deadline())).await;
        }
    }
}

fn own_part(length: Duration) -> Duration {
    length - length / 10
}
