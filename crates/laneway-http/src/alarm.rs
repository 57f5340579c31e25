//! The one sleep of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use laneway::time::{Sleep, now, sleep};

/// A sleep that is moved only when it has to ring earlier: a deadline that has moved to later is
/// looked at when it rings, so that a busy connection seldom touches the timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Sleep,
}

/// The deadline of the last look, where deadlines move.
#[derive(Debug, Default)]
pub(crate) struct Seen(Option<Instant>);

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

    /// As [`poll`](Alarm::poll), where a deadline moves to later only within a poll of the task:
    /// `since` was the time then. A busy connection does not read the clock for this.
    pub(crate) fn poll_since(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Instant,
        since: Instant,
        seen: &mut Seen,
    ) -> Poll<()> {
        let rings = self.sleep.deadline();
        // Before this poll the sleep had not rung: its end was to come. If it ends meanwhile, it
        // wakes the task, which finds the deadline where it was.
        let is_armed = rings.is_some_and(|rings| since < rings && rings <= deadline);
        let before = seen.0.replace(deadline);
        if is_armed && before.is_some_and(|before| before < deadline) {
            return Poll::Pending;
        }
        self.poll(cx, deadline)
    }
}
