//! Ticks at a steady pace.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::clock::now;
use super::sleep::{Sleep, sleep_until};

/// Ticks every `period`, the first time at once.
///
/// # Panics
///
/// If the period is zero.
///
/// ```
/// use laneway::time::interval;
/// use std::time::{Duration, Instant};
///
/// let started = Instant::now();
/// laneway::block_on(async {
///     let mut ticks = interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         ticks.tick().await;
///     }
/// });
/// assert!(started.elapsed() >= Duration::from_millis(4));
/// ```
#[doc(alias = "Timer")]
pub fn interval(period: Duration) -> Interval {
    interval_at(now(), period)
}

/// Ticks every `period`, the first time at `start`.
///
/// # Panics
///
/// If the period is zero.
///
/// ```
/// use laneway::time::interval_at;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now() + Duration::from_millis(2);
/// let first = laneway::block_on(interval_at(start, Duration::from_secs(1)).tick());
/// assert_eq!(first, start);
/// ```
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval's period must not be zero");
    Interval {
        due: Some(start),
        sleep: sleep_until(start),
        period,
        behavior: MissedTickBehavior::default(),
    }
}

/// The answer of an [`Interval`] to ticks that were asked for too late. The names are tokio's.
///
/// ```
/// use laneway::time::MissedTickBehavior;
///
/// assert_eq!(MissedTickBehavior::default(), MissedTickBehavior::Burst);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissedTickBehavior {
    /// The missed ticks come at once, one after another, until the interval has caught up: over
    /// any time, there are as many ticks as periods. The default.
    #[default]
    Burst,
    /// The next tick comes a whole period after the late one, and so on from there. A tick that
    /// comes five milliseconds after its time or less, and less than a period, does not count as
    /// late: it moves no other.
    Delay,
    /// The missed ticks are left out, and the next one comes at a multiple of the period from
    /// the start: never out of step.
    Skip,
}

/// A tick that comes so little after its time is no late one: timers and threads always take a
/// little, and an interval would drift by all of it.
const FORGIVEN: Duration = Duration::from_millis(5);

impl MissedTickBehavior {
    /// When the tick after the one that was due at `due` and taken at `now` is due. `None`: later
    /// than the clock can say.
    pub(crate) fn next(self, due: Instant, now: Instant, period: Duration) -> Option<Instant> {
        let late = now.saturating_duration_since(due);
        match self {
            MissedTickBehavior::Burst => due.checked_add(period),
            MissedTickBehavior::Delay if late <= FORGIVEN && late < period => {
                due.checked_add(period)
            }
            MissedTickBehavior::Delay => now.checked_add(period),
            MissedTickBehavior::Skip => {
                let into_period = late.as_nanos() % period.as_nanos();
                let left = period.as_nanos() - into_period;
                now.checked_add(duration_of_nanos(left)?)
            }
        }
    }
}

/// This number of nanoseconds. `None`: more than a duration can say.
pub(crate) fn duration_of_nanos(nanos: u128) -> Option<Duration> {
    const PER_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / PER_SECOND).ok()?;
    let rest = u32::try_from(nanos % PER_SECOND).expect("less than a second");
    Some(Duration::new(seconds, rest))
}

/// A steady series of ticks. Made by [`interval`] and [`interval_at`].
///
/// ```
/// use laneway::time::{Interval, interval};
/// use std::time::Duration;
///
/// let mut heart: Interval = interval(Duration::from_millis(1));
/// laneway::block_on(async {
///     let first = heart.tick().await;
///     assert!(heart.tick().await > first);
/// });
/// ```
#[derive(Debug)]
#[must_use = "an interval ticks only when `tick` is awaited"]
pub struct Interval {
    /// When the next tick is due. None: never.
    due: Option<Instant>,
    /// Ends then.
    sleep: Sleep,
    period: Duration,
    behavior: MissedTickBehavior,
}

impl Interval {
    /// Sets the answer to ticks that were asked for too late. Default:
    /// [`MissedTickBehavior::Burst`].
    ///
    /// ```
    /// use laneway::time::{MissedTickBehavior, interval};
    /// use std::time::Duration;
    ///
    /// let ticks = interval(Duration::from_secs(1)).with_missed_ticks(MissedTickBehavior::Skip);
    /// assert_eq!(ticks.missed_ticks(), MissedTickBehavior::Skip);
    /// ```
    pub fn with_missed_ticks(mut self, behavior: MissedTickBehavior) -> Interval {
        self.behavior = behavior;
        self
    }

    /// Sets the rule for missed ticks, from the next tick on.
    /// [`with_missed_ticks`](Interval::with_missed_ticks) has more.
    ///
    /// ```
    /// use laneway::time::{MissedTickBehavior, interval};
    /// use std::time::Duration;
    ///
    /// let mut ticks = interval(Duration::from_secs(1));
    /// ticks.set_missed_ticks(MissedTickBehavior::Delay);
    /// assert_eq!(ticks.missed_ticks(), MissedTickBehavior::Delay);
    /// ```
    #[doc(alias = "set_missed_tick_behavior")]
    pub fn set_missed_ticks(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// The rule for ticks that were asked for too late.
    ///
    /// ```
    /// use laneway::time::{MissedTickBehavior, interval};
    /// use std::time::Duration;
    ///
    /// let ticks = interval(Duration::from_secs(1));
    /// assert_eq!(ticks.missed_ticks(), MissedTickBehavior::Burst);
    /// ```
    #[doc(alias = "missed_tick_behavior")]
    #[must_use]
    pub fn missed_ticks(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// The time between two ticks.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::Duration;
    ///
    /// assert_eq!(interval(Duration::from_secs(2)).period(), Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Waits for the next tick, and gives the instant at which it was due.
    ///
    /// # Cancellation
    ///
    /// Dropping the returned future loses no tick.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::Duration;
    ///
    /// laneway::block_on(async {
    ///     let mut ticks = interval(Duration::from_millis(1));
    ///     let first = ticks.tick().await;
    ///     assert_eq!(ticks.tick().await - first, Duration::from_millis(1));
    /// });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick, for futures that are written by hand.
    ///
    /// ```
    /// use laneway::time::interval_at;
    /// use std::future::poll_fn;
    /// use std::time::{Duration, Instant};
    ///
    /// let start = Instant::now();
    /// let mut ticks = interval_at(start, Duration::from_secs(1));
    /// assert_eq!(laneway::block_on(poll_fn(|cx| ticks.poll_tick(cx))), start);
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let due = self.due.expect("a sleep without an end does not end");
        self.set(self.behavior.next(due, now(), self.period));
        Poll::Ready(due)
    }

    /// Starts anew: the next tick comes a period from now. A task that waits for a tick goes on to
    /// wait, for that one.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::{Duration, Instant};
    ///
    /// let mut ticks = interval(Duration::from_millis(2));
    /// let now = Instant::now();
    /// ticks.reset();
    /// assert!(laneway::block_on(ticks.tick()) >= now + Duration::from_millis(2));
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Starts anew, as [`reset`](Interval::reset) does: the next tick comes at once.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::{Duration, Instant};
    ///
    /// laneway::block_on(async {
    ///     let mut ticks = interval(Duration::from_secs(3600));
    ///     ticks.tick().await;
    ///     ticks.reset_immediately();
    ///     assert!(ticks.tick().await <= Instant::now());
    /// });
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(now());
    }

    /// Starts anew, as [`reset`](Interval::reset) does: the next tick comes after this time, which
    /// may be zero, and the others a period apart from there. After a time beyond what the clock
    /// can say, such as [`Duration::MAX`], no tick comes.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::Duration;
    ///
    /// laneway::block_on(async {
    ///     let mut ticks = interval(Duration::from_millis(1));
    ///     let first = ticks.tick().await;
    ///     ticks.reset_after(Duration::from_millis(5));
    ///     let second = ticks.tick().await;
    ///     assert!(second - first >= Duration::from_millis(5));
    ///     assert_eq!(ticks.tick().await - second, Duration::from_millis(1));
    /// });
    /// ```
    pub fn reset_after(&mut self, after: Duration) {
        self.set(now().checked_add(after));
    }

    /// Starts anew, as [`reset`](Interval::reset) does: the next tick is due at this instant, which
    /// may have passed, and the others a period apart from there.
    ///
    /// ```
    /// use laneway::time::interval;
    /// use std::time::{Duration, Instant};
    ///
    /// let mut ticks = interval(Duration::from_secs(3600));
    /// let soon = Instant::now() + Duration::from_millis(2);
    /// ticks.reset_at(soon);
    /// assert_eq!(laneway::block_on(ticks.tick()), soon);
    /// ```
    pub fn reset_at(&mut self, start: Instant) {
        self.set(Some(start));
    }

    fn set(&mut self, due: Option<Instant>) {
        self.due = due;
        self.sleep.set(due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// When the ticks come, in periods of 10 ms, if the second is taken 25 ms late.
    fn ticks_after_a_late_one(behavior: MissedTickBehavior) -> Vec<u128> {
        let start = Instant::now();
        let period = 10 * MS;
        let mut due = start + period;
        let mut now = due + 25 * MS;
        let mut ticks = vec![(now - start).as_millis()];
        for _ in 0..4 {
            due = behavior
                .next(due, now, period)
                .expect("within the clock's range");
            now = now.max(due);
            ticks.push((now - start).as_millis());
        }
        ticks
    }

    #[test]
    fn a_burst_catches_up() {
        let ticks = ticks_after_a_late_one(MissedTickBehavior::Burst);
        assert_eq!(ticks, [35, 35, 35, 40, 50]);
    }

    #[test]
    fn a_delay_moves_all_that_follows() {
        let ticks = ticks_after_a_late_one(MissedTickBehavior::Delay);
        assert_eq!(ticks, [35, 45, 55, 65, 75]);
    }

    #[test]
    fn a_skip_stays_in_step() {
        let ticks = ticks_after_a_late_one(MissedTickBehavior::Skip);
        assert_eq!(ticks, [35, 40, 50, 60, 70]);
    }

    #[test]
    fn the_longest_period_has_no_next_tick() {
        let now = Instant::now();
        for behavior in [
            MissedTickBehavior::Burst,
            MissedTickBehavior::Delay,
            MissedTickBehavior::Skip,
        ] {
            assert_eq!(behavior.next(now, now, Duration::MAX), None);
        }
    }
}
