//! The ticks of a periodic process, late ones, and the jitter.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::time::{MissedTickBehavior, Sleep, now, sleep, sleep_until};

/// Ticks, from the moment of its making on.
pub(super) trait TickSource {
    /// Ready when ticks have come, with their number: one, or all that are late where missed ticks
    /// come in a burst.
    fn poll_ticks(&mut self, cx: &mut Context<'_>) -> Poll<u64>;

    /// Takes the ticks that have come in the middle of a run, gives their number, and has the next
    /// one wake. They were not missed, and so none of them is left out.
    fn take_and_wait(&mut self, cx: &mut Context<'_>) -> u64;

    /// Takes the ticks that came before a run ended at this moment, as
    /// [`take_and_wait`](TickSource::take_and_wait) does. One that comes at its very end is not in
    /// its middle.
    fn take_before(&mut self, end: Instant) -> u64;
}

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

    /// Takes the ticks that have come by a moment, however many: all but the last few in one step.
    fn take_by(&mut self, moment: Instant) -> u64 {
        let Timetable { period, jitter, .. } = self.timetable;
        let mut taken = 0_u64;
        while let Some(due) = self.due.filter(|due| self.comes_by(*due, moment)) {
            // Every tick that was due by then has come, with any jitter.
            let come = moment.checked_sub(jitter).unwrap_or(due).max(due);
            let periods = (come - due).as_nanos() / period.as_nanos();
            let more = u64::try_from(periods).unwrap_or(u64::MAX);
            taken = taken.saturating_add(more).saturating_add(1);
            self.due = MissedTickBehavior::Skip.next(due, come, period);
            self.set();
        }
        taken
    }

    fn comes_by(&self, due: Instant, moment: Instant) -> bool {
        due.checked_add(self.put_off).is_some_and(|at| at <= moment)
    }

    fn set(&mut self) {
        self.put_off = self.timetable.jitter.mul_f64(fastrand::f64());
        let at = self.due.and_then(|due| due.checked_add(self.put_off));
        self.sleep = at.map_or_else(|| sleep(Duration::MAX), sleep_until);
    }
}

impl TickSource for Ticks {
    fn poll_ticks(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let due = self.due.expect("a sleep without an end does not end");
        let Timetable { missed, period, .. } = self.timetable;
        // Late is what comes after its time with jitter, and never before its time without.
        let on_time = now().checked_sub(self.put_off).unwrap_or(due).max(due);
        if missed == MissedTickBehavior::Burst {
            return Poll::Ready(self.take_by(on_time + self.put_off));
        }
        self.due = missed.next(due, on_time, period);
        self.set();
        Poll::Ready(1)
    }

    fn take_and_wait(&mut self, cx: &mut Context<'_>) -> u64 {
        let taken = self.take_by(now());
        if Pin::new(&mut self.sleep).poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        taken
    }

    fn take_before(&mut self, end: Instant) -> u64 {
        let just_before = end.checked_sub(Duration::from_nanos(1));
        just_before.map_or(0, |moment| self.take_by(moment))
    }
}
