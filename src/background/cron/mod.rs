//! Processes that run at times of day, in time zones.
//!
//! As [`every`](super::every()), by the clock on the wall instead of a period: a pattern says when,
//! in the words of Unix's `cron`.
//!
//! ```
//! use laneway::background::cron;
//! use laneway::spawn_task;
//!
//! let back_up = async || println!("backed up");
//! let (process, background) = cron::daily("03:00", "Europe/Zurich", back_up)?;
//! let task = spawn_task!(background);
//! assert_eq!(process.metrics().panicked, 0);
//! # process.stop();
//! # laneway::block_on(task);
//! # Ok::<(), cron::CronError>(())
//! ```
//!
//! # Patterns
//!
//! Five fields: minute, hour, day of the month, month, and day of the week (`0` or `SUN` to `6` or
//! `SAT`). Each is `*`, a number, a range `1-5`, a list `1,15`, or steps `*/15`. A sixth field in
//! front is for seconds. `@hourly`, `@daily` and the like are patterns, too, and `L` is the last
//! day of the month; the crate `croner`, which reads them, has the rest. Where a pattern names both
//! days of the month and days of the week, each day counts that is one of either, as Unix has it.
//!
//! # When clocks change
//!
//! Where clocks are put forward, some times of day are missing, and where they are put back, some
//! come twice. A pattern that names its hours, such as `30 2 * * *`, matches each of its times once
//! a day all the same: one that is missing is taken right after the gap (several together, once),
//! and one that comes twice is taken the first time. A pattern that leaves hours open, such as
//! `*/15 * * * *`, goes by the time that passes, through a gap and through both of two hours.
//!
//! # When clocks are wrong
//!
//! The system's clock counts. Where that is set ahead, or goes on after the machine was
//! suspended, ticks are late and some were missed; [`Cron::missed_ticks`] says what becomes of
//! them. It is looked at once a minute at least: so much later may a run begin after such a jump.
//! Where the clock is set back, what has run does not run again.
//!
//! In a [simulation](crate::sim), the clock begins with the year 1970 in UTC and goes by simulated
//! time.
//!
//! To read the source: `pattern.rs` says which times a pattern matches, `calendar.rs` at which
//! moments clocks show them, `wall_clock.rs` what time it is; `wall_ticks.rs` waits for one to come
//! to the other.

mod calendar;
mod error;
mod pattern;
mod wall_clock;
mod wall_ticks;

use std::future::Future;
use std::time::{Duration, SystemTime};

pub use error::CronError;

use super::every::{Overlap, Periodic, process};
use super::future::Background;
use super::repeatable::Repeatable;
use crate::time::MissedTickBehavior;
use crate::time::wall::wall_now;
use calendar::Calendar;
use wall_ticks::{Almanac, WallTicks};

/// A process that runs whenever a pattern matches the time in a time zone, and a handle to watch
/// and stop it. [`Cron`] offers more.
///
/// Runs, panics, shutdown and cancellation are as with [`every`](super::every()).
///
/// # Errors
///
/// [`CronError`] if the pattern or the zone is none, or if no time will ever match.
///
/// ```
/// use laneway::background::cron;
///
/// let report = async || println!("reported");
/// let (weekly, _background) = cron::every("0 9 * * MON", "America/New_York", report)?;
/// assert_eq!(weekly.metrics().completed, 0);
/// # Ok::<(), cron::CronError>(())
/// ```
pub fn every<F>(
    pattern: &str,
    zone: &str,
    run: F,
) -> Result<(Periodic, Background<impl Future<Output = ()>>), CronError>
where
    F: Repeatable<()>,
{
    Ok(Cron::new(pattern, zone)?.build(run))
}

/// A process that runs every day at a time, such as `03:00` or `15:04:05`, in a time zone; and a
/// handle to watch and stop it. [`Cron`] offers more.
///
/// Runs, panics, shutdown and cancellation are as with [`every`](super::every()).
///
/// # Errors
///
/// [`CronError`] if the time or the zone is none.
///
/// The [module](self) has an example.
pub fn daily<F>(
    time: &str,
    zone: &str,
    run: F,
) -> Result<(Periodic, Background<impl Future<Output = ()>>), CronError>
where
    F: Repeatable<()>,
{
    Ok(Cron::daily(time, zone)?.build(run))
}

/// Sets up a process that runs at times of day.
///
/// ```
/// use laneway::background::cron::Cron;
/// use laneway::background::Overlap;
/// use laneway::time::MissedTickBehavior;
/// use std::time::Duration;
///
/// let (rotation, _background) = Cron::new("0 */6 * * *", "UTC")?
///     .name("log rotation")
///     .jitter(Duration::from_secs(300))
///     .missed_ticks(MissedTickBehavior::Skip)
///     .overlap(Overlap::Queue)
///     .build(async || println!("rotated"));
/// assert_eq!(rotation.metrics().name, "log rotation");
/// # Ok::<(), laneway::background::cron::CronError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a process does nothing until it is built and its background spawned"]
pub struct Cron {
    name: String,
    almanac: Almanac,
    overlap: Overlap,
}

impl Cron {
    /// Whenever the pattern matches the time in a zone, by the zone's IANA name.
    ///
    /// # Errors
    ///
    /// [`CronError`] if the pattern or the zone is none, or if no time will ever match.
    ///
    /// ```
    /// use laneway::background::cron::{Cron, CronError};
    ///
    /// let twice_a_day = Cron::new("30 2,14 * * *", "Australia/Sydney")?;
    /// let never = Cron::new("0 0 30 FEB *", "UTC").unwrap_err();
    /// assert_eq!(never, CronError::Never("0 0 30 FEB *".to_owned()));
    /// # Ok::<(), CronError>(())
    /// ```
    pub fn new(pattern: &str, zone: &str) -> Result<Cron, CronError> {
        let calendar = Calendar::new(pattern, zone)?;
        if calendar.next_after(wall_now()).is_none() {
            return Err(CronError::Never(pattern.to_owned()));
        }
        Ok(Cron {
            name: "unnamed".to_owned(),
            almanac: Almanac {
                calendar,
                jitter: Duration::ZERO,
                missed: MissedTickBehavior::Skip,
            },
            overlap: Overlap::default(),
        })
    }

    /// Every day at a time, such as `03:00` or `15:04:05`, in a zone.
    ///
    /// # Errors
    ///
    /// [`CronError`] if the time or the zone is none.
    ///
    /// ```
    /// use laneway::background::cron::Cron;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let at_three = Cron::daily("03:00", "UTC")?;
    /// let first = at_three.next_after(SystemTime::UNIX_EPOCH).unwrap();
    /// assert_eq!(first, SystemTime::UNIX_EPOCH + Duration::from_secs(3 * 3600));
    /// # Ok::<(), laneway::background::cron::CronError>(())
    /// ```
    pub fn daily(time: &str, zone: &str) -> Result<Cron, CronError> {
        Cron::new(&calendar::daily(time)?, zone)
    }

    /// The first time after a moment at which a run is due, without jitter. `None`: there is none
    /// before the year 5000.
    ///
    /// ```
    /// use laneway::background::cron::Cron;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let hourly = Cron::new("0 * * * *", "UTC")?;
    /// let now = SystemTime::now();
    /// let next = hourly.next_after(now).unwrap();
    /// assert!(next > now && next <= now + Duration::from_secs(3600));
    /// # Ok::<(), laneway::background::cron::CronError>(())
    /// ```
    #[must_use]
    pub fn next_after(&self, moment: SystemTime) -> Option<SystemTime> {
        self.almanac.calendar.next_after(moment)
    }

    /// The name that shows in [`metrics`](Periodic::metrics) and in the log. Default: `unnamed`.
    ///
    /// ```
    /// use laneway::background::cron::Cron;
    ///
    /// let (backup, _background) =
    ///     Cron::daily("03:00", "UTC")?.name("backup").build(async || ());
    /// assert_eq!(backup.metrics().name, "backup");
    /// # Ok::<(), laneway::background::cron::CronError>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Cron {
        self.name = name.into();
        self
    }

    /// Puts each run off by a time of its own, drawn at random from zero to this: many machines do
    /// not all do at three what is to be done at three. It does not add up. Default: none.
    ///
    /// ```
    /// use laneway::background::cron::Cron;
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let (hour, jitter) = (Duration::from_secs(3600), Duration::from_secs(600));
    /// // A simulation begins at midnight.
    /// let run = Sim::seed(1).run(async move {
    ///     let cron = Cron::daily("03:00", "UTC")?.jitter(jitter);
    ///     let (backup, background) = cron.build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(3 * hour).await;
    ///     let before = backup.metrics().completed;
    ///     sleep(2 * jitter).await;
    ///     Ok((before, backup.metrics().completed))
    /// });
    /// let completed: Result<_, laneway::background::cron::CronError> = run?.output;
    /// assert_eq!(completed?, (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jitter(mut self, jitter: Duration) -> Cron {
        self.almanac.jitter = jitter;
        self
    }

    /// Sets the fate of times that have passed unused: the machine was suspended, its clock was set
    /// ahead, or no thread was free. Default: [`MissedTickBehavior::Skip`], by which one run comes
    /// at once for all of them. By [`Burst`](MissedTickBehavior::Burst), one comes for each.
    /// [`Delay`](MissedTickBehavior::Delay) has no period here to delay by, and is as `Skip`.
    ///
    /// ```
    /// use laneway::background::cron::{Cron, CronError};
    /// use laneway::sim::{Sim, work};
    /// use laneway::spawn_task;
    /// use laneway::time::{MissedTickBehavior, sleep};
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// // One worker, which another task takes for three minutes.
    /// let run = Sim::seed(1).high(0).low(1).run(async move {
    ///     let cron = Cron::new("* * * * *", "UTC")?.missed_ticks(MissedTickBehavior::Burst);
    ///     let (beat, background) = cron.build(async || ());
    ///     let _task = spawn_task!(background);
    ///     sleep(minute / 2).await;
    ///     spawn_task!(async move { work(3 * minute) }).await;
    ///     sleep(minute / 4).await;
    ///     Ok(beat.metrics().completed)
    /// });
    /// let completed: Result<_, CronError> = run?.output;
    /// assert_eq!(completed?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn missed_ticks(mut self, behavior: MissedTickBehavior) -> Cron {
        self.almanac.missed = behavior;
        self
    }

    /// Sets the fate of a time that comes while a run is under way. Default: [`Overlap::Skip`].
    ///
    /// ```
    /// use laneway::background::Overlap;
    /// use laneway::background::cron::{Cron, CronError};
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let run = Sim::seed(1).run(async move {
    ///     let cron = Cron::new("* * * * *", "UTC")?.overlap(Overlap::Queue);
    ///     let (slow, background) = cron.build(async move || sleep(minute * 5 / 2).await);
    ///     let _task = spawn_task!(background);
    ///     sleep(minute * 13 / 4).await;
    ///     Ok(slow.metrics())
    /// });
    /// let metrics: Result<_, CronError> = run?.output;
    /// let metrics = metrics?;
    /// assert_eq!((metrics.running, metrics.queued, metrics.skipped), (true, 2, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn overlap(mut self, overlap: Overlap) -> Cron {
        self.overlap = overlap;
        self
    }

    /// Makes the process and its handle, as [`every`](every()) does. The first run comes with the
    /// first time that matches after the background's first poll.
    ///
    /// ```
    /// use laneway::background::cron::Cron;
    /// use laneway::spawn_task;
    ///
    /// let (new_year, background) =
    ///     Cron::new("0 0 1 JAN *", "Europe/Zurich")?.build(async || println!("Prost"));
    /// spawn_task!(background).detach();
    /// assert_eq!(new_year.metrics().completed, 0);
    /// # Ok::<(), laneway::background::cron::CronError>(())
    /// ```
    pub fn build<F>(self, run: F) -> (Periodic, Background<impl Future<Output = ()>>)
    where
        F: Repeatable<()>,
    {
        let start = move || WallTicks::start(self.almanac);
        process(self.name, self.overlap, start, run)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// How long a look for the next time of a pattern takes, which may have none.
    fn time_of_a_look(pattern: &str, zone: &str) -> Duration {
        let begun = Instant::now();
        let found = Cron::new(pattern, zone);
        let took = begun.elapsed();
        assert!(
            matches!(found, Ok(_) | Err(CronError::Never(_))),
            "{found:?}"
        );
        took
    }

    /// The fastest of three walks: other programs may have the core in some of them.
    fn time_of_a_walk_through_all_days() -> Duration {
        let never: croner::Cron = "0 0 30 2 *".parse().unwrap();
        let walks = (0..3).map(|_| {
            let begun = Instant::now();
            let new_year = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0);
            let found = never.find_next_occurrence(&new_year, true);
            assert!(found.is_err());
            begun.elapsed()
        });
        walks.min().expect("there are some")
    }

    #[test]
    fn a_time_that_never_comes_or_is_far_away_takes_no_walk_through_the_days() {
        let walk = time_of_a_walk_through_all_days();
        let patterns = [
            "0 0 30 2 *",
            "* * * 31 2,4,6,9,11 *",
            "0 0 30W 2 *",
            "0 0 * * L",
            "0 0 0 30 2 * 2000-5000",
            "0 0 0 29 2 * 4996",
            "0 0 0 29 2 * 2029-2031,2033-2035,2037-2039,4996",
            "0 0 0 29 2 * 2027-2999/4,4996",
            // By each hour that passes: not by each change of clocks until then.
            "* * * * * * 4999",
            "* * * 29 2 +MON 2029-2031,4996",
        ];
        for zone in ["UTC", "Europe/Zurich", "America/Santiago"] {
            for pattern in patterns {
                // One of many looks at least has the core for as long as it takes.
                let mut looks = (0..100).map(|_| time_of_a_look(pattern, zone));
                assert!(
                    looks.any(|look| 8 * look < walk),
                    "{pattern:?} in {zone}: as long as {walk:?}, of all days"
                );
            }
        }
    }

    #[test]
    fn a_rare_day_is_found() {
        for (pattern, seconds) in [
            ("0 0 * 2 MON#5", 2_340_316_800),
            ("0 0 29 2 *", 1_835_395_200),
            ("0 0 0 29 2 * 4996", 95_496_451_200),
        ] {
            let cron = Cron::new(pattern, "UTC").unwrap();
            let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
            let next = cron.next_after(new_year).unwrap();
            let since = next.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(since.as_secs(), seconds, "{pattern:?}");
        }
    }
}
