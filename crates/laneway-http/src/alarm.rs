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
}
