//! The ticks of a process that runs at times of day.
//!
//! A tick is due at a moment of the calendar, and whether that has come is asked of the system's
//! clock alone. So a clock that is set, or a machine that was suspended, makes ticks early or late
//! as a look at the wall would; no moment has its tick twice.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use super::calendar::Calendar;
use super::wall_clock::WallClock;
use crate::background::ticks::TickSource;
use crate::time::{MissedTickBehavior, Sleep, now, sleep};

/// How the ticks come.
#[derive(Clone, Debug)]
pub(super) struct Almanac {
    pub(super) calendar: Calendar,
    /// Each tick comes later by up to so much, at random.
    pub(super) jitter: Duration,
    pub(super) missed: MissedTickBehavior,
}

/// After a clock that was wrong by years, the ticks of a burst are taken in portions of this size.
const TAKEN_AT_ONCE: u64 = 1_000;

/// The ticks themselves.
#[derive(Debug)]
pub(super) struct WallTicks {
    almanac: Almanac,
    clock: WallClock,
    /// When the next tick is due without jitter. None: never.
    due: Option<SystemTime>,
    put_off: Duration,
    sleep: Sleep,
}

impl WallTicks {
    /// Starts now.
    pub(super) fn start(almanac: Almanac) -> WallTicks {
        WallTicks::start_by(WallClock::here(), almanac)
    }

    fn start_by(clock: WallClock, almanac: Almanac) -> WallTicks {
        let mut ticks = WallTicks {
            almanac,
            clock,
            due: None,
            put_off: Duration::ZERO,
            sleep: sleep(Duration::MAX),
        };
        ticks.set_after((clock.now)());
        ticks
    }

    /// Ready when the next tick has come.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at() else {
            return Poll::Pending;
        };
        while let Ok(left) = at.duration_since((self.clock.now)())
            && !left.is_zero()
        {
            let sleep = left.min(self.clock.look_every);
            self.sleep.set(now().checked_add(sleep));
            ready!(Pin::new(&mut self.sleep).poll(cx));
        }
        Poll::Ready(())
    }

    fn at(&self) -> Option<SystemTime> {
        self.due?.checked_add(self.put_off)
    }

    /// Takes the ticks that have come by a moment.
    fn take_by(&mut self, moment: SystemTime) -> u64 {
        let mut taken = 0;
        while taken < TAKEN_AT_ONCE
            && let Some(due) = self.due
            && self.at().is_some_and(|at| at <= moment)
        {
            taken += 1;
            self.set_after(due);
        }
        taken
    }

    fn set_after(&mut self, moment: SystemTime) {
        self.due = self.almanac.calendar.next_after(moment);
        self.put_off = self.almanac.jitter.mul_f64(fastrand::f64());
    }
}

impl TickSource for WallTicks {
    fn poll_ticks(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        ready!(self.poll_due(cx));
        let moment = (self.clock.now)();
        if self.almanac.missed == MissedTickBehavior::Burst {
            return Poll::Ready(self.take_by(moment));
        }
        // Late is what comes after its time with jitter, and never before its time without.
        let on_time = moment.checked_sub(self.put_off).unwrap_or(moment);
        let on_time = self.due.map_or(on_time, |due| on_time.max(due));
        self.set_after(on_time);
        Poll::Ready(1)
    }

    fn take_and_wait(&mut self, cx: &mut Context<'_>) -> u64 {
        let taken = self.take_by((self.clock.now)());
        if self.poll_due(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        taken
    }

    fn take_before(&mut self, end: Instant) -> u64 {
        let since = now().saturating_duration_since(end) + Duration::from_nanos(1);
        let just_before = (self.clock.now)().checked_sub(since);
        just_before.map_or(0, |moment| self.take_by(moment))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::sim::Sim;
    use crate::time::wall::wall_now;

    const MINUTE: Duration = Duration::from_secs(60);

    /// By how many seconds the clock is ahead of the steady one.
    static AHEAD: AtomicI64 = AtomicI64::new(0);

    /// At the epoch, so that all is before the jump and after it.
    fn jumping_clock() -> WallClock {
        WallClock {
            now: || {
                let ahead = Duration::from_secs(AHEAD.load(Ordering::Relaxed).unsigned_abs());
                match AHEAD.load(Ordering::Relaxed) < 0 {
                    true => wall_now() - ahead,
                    false => wall_now() + ahead,
                }
            },
            look_every: MINUTE,
        }
    }

    /// When ticks come, in minutes of the steady clock, of a process that is due every ten minutes
    /// of one whose time jumps by `jump_minutes` in the fifteenth.
    fn ticks(missed: MissedTickBehavior, jump_minutes: i64) -> Vec<u64> {
        AHEAD.store(0, Ordering::Relaxed);
        let run = Sim::seed(1).run(async move {
            let almanac = Almanac {
                calendar: Calendar::new("*/10 * * * *", "UTC").expect("it is a pattern"),
                jitter: Duration::ZERO,
                missed,
            };
            let start = now();
            let mut ticks = WallTicks::start_by(jumping_clock(), almanac);
            let (mut come, mut has_jumped) = (Vec::new(), false);
            let mut jump = sleep(15 * MINUTE - MINUTE / 2);
            while come.len() < 5 {
                let ticked = poll_fn(|cx| {
                    if !has_jumped && Pin::new(&mut jump).poll(cx).is_ready() {
                        has_jumped = true;
                        AHEAD.store(60 * jump_minutes, Ordering::Relaxed);
                        // Nobody tells the ticks.
                        return Poll::Pending;
                    }
                    ticks.poll_ticks(cx)
                });
                let count = ticked.await;
                let minutes = (now() - start).as_secs() / 60;
                come.extend((0..count).map(|_| minutes));
            }
            come
        });
        run.expect("it ends").output
    }

    #[test]
    fn after_a_jump_each_missed_moment_is_dealt_with_as_was_chosen() {
        use MissedTickBehavior::{Burst, Delay, Skip};
        // Ahead by 32 minutes: 20, 30 and 40 have passed when the clock is looked at next.
        assert_eq!(ticks(Burst, 32), [10, 15, 15, 15, 18]);
        for once in [Skip, Delay] {
            assert_eq!(ticks(once, 32), [10, 15, 18, 28, 38]);
        }
        // Ahead by less than what was left: the next comes earlier by so much.
        assert_eq!(ticks(Skip, 3), [10, 17, 27, 37, 47]);
        // Back by 8: what has come at ten does not come again.
        for behavior in [Burst, Skip, Delay] {
            assert_eq!(ticks(behavior, -8), [10, 28, 38, 48, 58]);
        }
    }

    #[test]
    fn a_clock_that_was_wrong_by_years_does_not_keep_the_thread() {
        let almanac = Almanac {
            calendar: Calendar::new("* * * * *", "Europe/Zurich").expect("it is a pattern"),
            jitter: Duration::ZERO,
            missed: MissedTickBehavior::Burst,
        };
        let mut ticks = WallTicks::start_by(WallClock::here(), almanac);
        ticks.due = Some(SystemTime::UNIX_EPOCH);
        assert_eq!(ticks.take_by(SystemTime::now()), TAKEN_AT_ONCE);
    }
}
