//! The clock that a pipeline's windows are aligned to.

use std::time::{Duration, Instant, SystemTime};

use super::window::Unit;
use crate::time::interval::duration_of_nanos;
use crate::time::now;
use crate::time::wall::wall_now;

/// Tells the time as a number of units since an epoch, and never goes back.
///
/// [`unix`](PipelineClock::unix) asks the system for the time once, and from then on counts on by
/// the steady clock that sleeps go by ([`time::now`](crate::time::now)). So windows neither repeat
/// nor jump when the system's clock is set; a clock made afterwards shows the new time. On most
/// systems the steady clock stands still while the machine is suspended.
///
/// [`starting_at`](PipelineClock::starting_at) counts from an instant of your choice.
///
/// Code that puts timestamps into a pipeline's input takes them from the
/// [pipeline's clock](super::Pipeline::clock), so that they fall into the right window.
///
/// ```
/// use laneway::pipeline::{PipelineClock, Unit};
///
/// let clock = PipelineClock::unix();
/// let seconds = clock.now(Unit::Seconds);
/// assert!(seconds > 1_700_000_000, "later than 2023");
/// assert!(clock.now(Unit::Minutes) >= seconds / 60);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineClock {
    anchor: Instant,
    /// The clock's time at the anchor: nanoseconds since the epoch.
    at_anchor: i128,
}

impl PipelineClock {
    /// A clock that shows Unix time, as the system has it now.
    ///
    /// In a [simulation](crate::sim), where nothing depends on the hour at which it runs, it shows
    /// the time since the simulation began.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineClock, Unit};
    /// use std::time::{SystemTime, UNIX_EPOCH};
    ///
    /// let before = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    /// assert!(PipelineClock::unix().now(Unit::Millis) as u128 >= before);
    /// # Ok::<(), std::time::SystemTimeError>(())
    /// ```
    #[must_use]
    pub fn unix() -> PipelineClock {
        let at_anchor = match wall_now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        };
        PipelineClock {
            anchor: now(),
            at_anchor,
        }
    }

    /// A clock that shows 0 at an instant, in the past or in the future.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineClock, Unit};
    /// use laneway::time::now;
    /// use std::time::Duration;
    ///
    /// let soon = PipelineClock::starting_at(now() + Duration::from_secs(60));
    /// assert!(soon.now(Unit::Seconds) < 0);
    /// ```
    #[must_use]
    pub fn starting_at(epoch: Instant) -> PipelineClock {
        PipelineClock {
            anchor: epoch,
            at_anchor: 0,
        }
    }

    /// The clock's present time: whole units since the epoch, rounded down.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineClock, Unit};
    ///
    /// let clock = PipelineClock::starting_at(laneway::time::now());
    /// assert_eq!(clock.now(Unit::Minutes), 0);
    /// ```
    #[must_use]
    pub fn now(&self, unit: Unit) -> i64 {
        self.at(now(), unit)
    }

    /// The clock's time at an instant: whole units since the epoch, rounded down.
    ///
    /// # Panics
    ///
    /// If the instant lies more than 292,000 years from the epoch.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineClock, Unit};
    /// use std::time::{Duration, Instant};
    ///
    /// let epoch = Instant::now();
    /// let clock = PipelineClock::starting_at(epoch);
    /// assert_eq!(clock.at(epoch + Duration::from_millis(2_999), Unit::Seconds), 2);
    /// ```
    #[must_use]
    pub fn at(&self, instant: Instant, unit: Unit) -> i64 {
        let since_anchor = match instant.checked_duration_since(self.anchor) {
            Some(after) => nanos(after),
            None => -nanos(self.anchor.duration_since(instant)),
        };
        let units = (self.at_anchor + since_anchor).div_euclid(unit.nanos());
        i64::try_from(units).expect("the clock is within 292,000 years of its epoch")
    }

    /// The first instant at which it shows this position. `None`: beyond what instants can say.
    pub(super) fn instant_of(&self, position: i64, unit: Unit) -> Option<Instant> {
        let since_anchor = i128::from(position) * unit.nanos() - self.at_anchor;
        let distance = duration_of_nanos(since_anchor.unsigned_abs())?;
        match since_anchor >= 0 {
            true => self.anchor.checked_add(distance),
            false => self.anchor.checked_sub(distance),
        }
    }
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).expect("a duration has less than 2^94 nanoseconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_instant_of_a_position_is_the_first() {
        let clock = PipelineClock {
            anchor: Instant::now(),
            at_anchor: 1_700_000_000_123_456_789,
        };
        for unit in [Unit::Micros, Unit::Millis, Unit::Seconds, Unit::Minutes] {
            let position = clock.at(clock.anchor, unit);
            // The next border, and the one before, which has passed.
            for position in [position + 1, position] {
                let instant = clock.instant_of(position, unit).expect("it is near");
                assert_eq!(clock.at(instant, unit), position, "{unit}");
                let before = instant - Duration::from_nanos(1);
                assert_eq!(clock.at(before, unit), position - 1, "{unit}");
            }
        }
    }

    #[test]
    fn what_no_instant_can_say_is_none() {
        let clock = PipelineClock::starting_at(Instant::now());
        assert_eq!(clock.instant_of(i64::MAX, Unit::Minutes), None);
    }
}
