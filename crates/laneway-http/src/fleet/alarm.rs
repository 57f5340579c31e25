//! The one sleep of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use laneway::time::{Sleep, now, sleep};

use super::watch::Term;

/// A sleep that is moved only when it has to ring earlier: a deadline that has moved to later is
/// looked at when it rings, so that a busy connection seldom touches the timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Sleep,
}

/// The term at the last look, where terms follow each other.
#[derive(Debug, Default)]
pub(crate) struct Seen(Option<Term>);

impl Alarm {
    pub(crate) fn new() -> Alarm {
        Alarm {
            sleep: sleep(Duration::MAX),
        }
    }

    /// Ready at the deadline.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if self.sleep.deadline().is_none_or(|rings| rings > deadline) {
                self.sleep.reset(deadline);
            }
            if Pin::new(&mut self.sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            if deadline <= now() {
                return Poll::Ready(());
            }
            self.sleep.reset(deadline);
        }
    }

    /// As [`poll`](Alarm::poll), where a term begins within a poll of the task: a busy connection
    /// does not read the clock for this.
    pub(crate) fn poll_term(
        &mut self,
        cx: &mut Context<'_>,
        term: Term,
        seen: &mut Seen,
    ) -> Poll<()> {
        let before = seen.0.replace(term);
        // The last look left the sleep to ring at the deadline of the term before, or earlier.
        let ends_later =
            before.is_some_and(|before| before.since < term.since && before.time <= term.time);
        // When the term began, in this poll, the sleep was still to ring. If it has rung meanwhile,
        // it wakes the task, which finds the term as it was.
        let is_armed = || {
            self.sleep
                .deadline()
                .is_some_and(|rings| term.since < rings)
        };
        match ends_later && is_armed() {
            true => Poll::Pending,
            false => self.poll(cx, term.deadline()),
        }
    }
}
