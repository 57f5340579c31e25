//! When a periodic process is due: its ticks, late ones, and the jitter.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::time::{MissedTickBehavior, Sleep, now, sleep, sleep_until};

/// How the ticks come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timetable {
    pub(super) period: Duration,
    pub(super) initial_delay: Duration,
    /// Each tick comes later by up to so much, at random. Less than the period.
    pub(super) jitter: Duration,
    pub(super) missed: MissedTickBehavior,
}

/// The ticks themselves. Each is put off by its own jitter, and the next one is due a period
/// after the time that it was put off from, so that jitter does not add up.
#[derive(Debug)]
pub(super) struct Ticks {
    timetable: Timetable,
    /// When the next tick is due without jitter. None: never.
    due: Option<Instant>,
    put_off: Duration,
    sleep: Sleep,
}

impl Ticks {
    /// Starts now.
    pub(super) fn start(timetable: Timetable) -> Ticks {
        let mut ticks = Ticks {
            timetable,
            due: now().checked_add(timetable.initial_delay),
            put_off: Duration::ZERO,
            sleep: sleep(Duration::MAX),
        };
        ticks.set();
        ticks
    }

    /// Ready at each tick.
    pub(super) fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let due = self.due.expect("a sleep without an end does not end");
        let Timetable { missed, period, .. } = self.timetable;
        // Late is what comes after its time with jitter, and never before its time without.
        let on_time = now().checked_sub(self.put_off).unwrap_or(due).max(due);
        self.due = missed.next(due, on_time, period);
        self.set();
        Poll::Ready(())
    }

    fn set(&mut self) {
        self.put_off = self.timetable.jitter.mul_f64(fastrand::f64());
        let at = self.due.and_then(|due| due.checked_add(self.put_off));
        self.sleep = at.map_or_else(|| sleep(Duration::MAX), sleep_until);
    }
}
