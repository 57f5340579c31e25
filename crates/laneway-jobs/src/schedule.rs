//! Schedules: jobs that are enqueued at times of day, or every so often.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::enqueue::Enqueue;
use crate::job::Job;
use crate::jobs::Jobs;
use crate::schedule_error::{NAME_LIMIT, ScheduleError};
use crate::store::{IfExists, NewJob, Uniqueness};

/// When jobs of one type are enqueued by themselves. Give it to
/// [`Worker::schedule`](crate::Worker::schedule).
///
/// The store keeps the next instant of each schedule by its name. Whichever worker comes first
/// fires it: one transaction keeps the instant, enqueues the job and moves the schedule on, so that
/// each instant is fired once, however many workers there are and whenever they crash.
///
/// - The instants follow from the pattern and from the instant before, never from the time at
///   which a worker comes to it.
/// - A new schedule begins with its first instant after the worker's start. A pattern that has
///   changed since the last deploy goes on from the instant that was due, or from now on.
/// - What comes of instants that no worker was there for, [`missed`](ScheduleBuilder::missed) says.
///   What comes of one while the job of the instant before is unfinished,
///   [`if_unfinished`](ScheduleBuilder::if_unfinished) says.
/// - A schedule that is gone from the code stays in the store, where it fires no more:
///   [`Jobs::schedules`] lists it, a worker's start logs it, [`Jobs::remove_schedule`] and
///   [`Worker::remove_other_schedules`](crate::Worker::remove_other_schedules) remove it.
///
/// A schedule goes by the store's clock. Within [`laneway::sim`] that is the simulation's. The one
/// of an SQLite store is the wall clock at its opening, and goes on steadily: while a machine
/// sleeps it stands still, and instants come later by as much until the store is opened again.
///
/// ```
/// use laneway_jobs::{Job, Schedule};
/// use serde::{Deserialize, Serialize};
/// use std::time::{Duration, SystemTime};
///
/// #[derive(Serialize, Deserialize)]
/// struct Sweep {
///     hour: SystemTime,
/// }
/// impl Job for Sweep {
///     const KIND: &'static str = "sweep";
/// }
///
/// let hour = Duration::from_secs(3600);
/// let schedule = Schedule::every("hourly sweep", hour).job(|hour| Sweep { hour })?;
/// let first = schedule.next_after(SystemTime::UNIX_EPOCH + hour / 2);
/// assert_eq!(first, Some(SystemTime::UNIX_EPOCH + hour));
/// # Ok::<(), laneway_jobs::ScheduleError>(())
/// ```
#[derive(Clone)]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) instants: Instants,
    pub(crate) missed: Missed,
    if_unfinished: IfUnfinished,
    pub(crate) kind: &'static str,
    make: Make,
}

/// Makes the job of an instant.
type Make = Arc<dyn Fn(&Jobs, SystemTime) -> Result<NewJob, String> + Send + Sync>;

/// The instants of a pattern in a time zone.
#[derive(Clone)]
pub(crate) struct Instants {
    pub(crate) pattern: String,
    pub(crate) zone: String,
    pub(crate) next_after: Arc<dyn Fn(SystemTime) -> Option<SystemTime> + Send + Sync>,
}

/// The most missed instants that are fired.
pub(crate) const MISSED_LIMIT: u32 = 1_000;

/// The fate of instants at which no worker was there to fire them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// Nothing. An instant counts as missed one minute after its time.
    Skip,
    /// One job for the last of them, however many they are. The default.
    #[default]
    Once,
    /// One job for each of the last ones: for this many at most, from 1 to 1,000; of 0, for one. It
    /// goes with [`IfUnfinished::Allow`] alone. A hundred share a transaction, and the next ones
    /// follow at once.
    All(u32),
}

/// The fate of an instant while the job of an earlier one is unfinished: ready or running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfUnfinished {
    /// The instant is fired without a job. The default.
    #[default]
    Skip,
    /// One more job waits until the running one is settled; a further instant finds it there.
    QueueOne,
    /// Its job is enqueued all the same.
    Allow,
}

impl Schedule {
    /// A schedule whose instants are the multiples of a period since 1970, UTC; the period has
    /// whole seconds.
    pub fn every(name: impl Into<String>, period: Duration) -> ScheduleBuilder {
        let instants = match period.as_secs() {
            1.. if period.subsec_nanos() == 0 => Ok(every(period.as_secs())),
            _ => Err(ScheduleError::Period(period)),
        };
        ScheduleBuilder::new(name.into(), instants)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first instant after a moment; `None` where there is no further one.
    #[must_use]
    pub fn next_after(&self, moment: SystemTime) -> Option<SystemTime> {
        (self.instants.next_after)(moment)
    }

    /// The job of an instant, or why there is none.
    pub(crate) fn job_of(&self, jobs: &Jobs, at: SystemTime) -> Result<NewJob, String> {
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(jobs, at)));
        let mut job = made.unwrap_or_else(|_| Err("the schedule's closure panicked".to_owned()))?;
        let if_exists = match self.if_unfinished {
            IfUnfinished::Allow => return Ok(job),
            IfUnfinished::Skip => IfExists::Keep,
            IfUnfinished::QueueOne => IfExists::RunAgain,
        };
        let key = format!("schedule {}", self.name);
        job.unique = Some(Uniqueness { key, if_exists });
        Ok(job)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("name", &self.name)
            .field("pattern", &self.instants.pattern)
            .field("zone", &self.instants.zone)
            .field("missed", &self.missed)
            .field("if_unfinished", &self.if_unfinished)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn every(seconds: u64) -> Instants {
    let next_after = move |moment: SystemTime| {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let next = (since.as_secs() / seconds + 1).checked_mul(seconds)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(next))
    };
    Instants {
        pattern: format!("every {seconds} s"),
        zone: "UTC".to_owned(),
        next_after: Arc::new(next_after),
    }
}

/// Sets up a [`Schedule`]. Made by [`Schedule::every`] and `Schedule::cron`; ends with
/// [`job`](ScheduleBuilder::job).
#[must_use = "a schedule has no job before `job()` is called"]
pub struct ScheduleBuilder {
    name: String,
    instants: Result<Instants, ScheduleError>,
    missed: Missed,
    if_unfinished: IfUnfinished,
    options: Box<dyn Fn(Enqueue) -> Enqueue + Send + Sync>,
}

impl fmt::Debug for ScheduleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleBuilder")
            .field("name", &self.name)
            .field("missed", &self.missed)
            .field("if_unfinished", &self.if_unfinished)
            .finish_non_exhaustive()
    }
}

impl ScheduleBuilder {
    pub(crate) fn new(name: String, instants: Result<Instants, ScheduleError>) -> ScheduleBuilder {
        ScheduleBuilder {
            name,
            instants,
            missed: Missed::default(),
            if_unfinished: IfUnfinished::default(),
            options: Box::new(|enqueue| enqueue),
        }
    }

    /// Sets what comes of missed instants. Default: [`Missed::Once`].
    pub fn missed(mut self, missed: Missed) -> ScheduleBuilder {
        self.missed = missed;
        self
    }

    /// Sets what comes of an instant while the job of an earlier one is unfinished. Default:
    /// [`IfUnfinished::Skip`].
    pub fn if_unfinished(mut self, if_unfinished: IfUnfinished) -> ScheduleBuilder {
        self.if_unfinished = if_unfinished;
        self
    }

    /// Sets the options of the jobs: queue, lane, attempts. Default: those of
    /// [`Jobs::enqueue`].
    ///
    /// A unique key or a limit key that is set here counts with [`IfUnfinished::Allow`] alone: the
    /// other two take a unique key for the schedule.
    ///
    /// ```
    /// use laneway::Priority;
    /// use laneway_jobs::Schedule;
    /// # use laneway_jobs::Job;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Sweep;
    /// # impl Job for Sweep {
    /// #     const KIND: &'static str = "sweep";
    /// # }
    /// use std::time::Duration;
    ///
    /// let schedule = Schedule::every("sweep", Duration::from_secs(60))
    ///     .options(|job| job.queue("housekeeping").lane(Priority::High).max_attempts(3))
    ///     .job(|_| Sweep)?;
    /// assert_eq!(schedule.name(), "sweep");
    /// # Ok::<(), laneway_jobs::ScheduleError>(())
    /// ```
    pub fn options(
        mut self,
        options: impl Fn(Enqueue) -> Enqueue + Send + Sync + 'static,
    ) -> ScheduleBuilder {
        self.options = Box::new(options);
        self
    }

    /// Sets what makes the job of an instant, and checks all that was set.
    ///
    /// A closure that panics, or makes a job that is too large, makes none: the instant is fired
    /// without a job, and says why.
    ///
    /// # Errors
    ///
    /// A [`ScheduleError`] that says what to write instead.
    ///
    /// ```
    /// use laneway_jobs::{Missed, Schedule, ScheduleError};
    /// # use laneway_jobs::Job;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Sweep;
    /// # impl Job for Sweep {
    /// #     const KIND: &'static str = "sweep";
    /// # }
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let refused = Schedule::every("<script>", minute).job(|_| Sweep).unwrap_err();
    /// assert_eq!(refused, ScheduleError::Name("<script>".to_owned()));
    /// let all = Schedule::every("sweep", minute).missed(Missed::All(9)).job(|_| Sweep);
    /// assert_eq!(all.unwrap_err(), ScheduleError::AllAtOnce);
    /// ```
    pub fn job<T: Job>(
        self,
        make: impl Fn(SystemTime) -> T + Send + Sync + 'static,
    ) -> Result<Schedule, ScheduleError> {
        let options = self.options;
        let make = move |jobs: &Jobs, at| {
            let made = options(jobs.enqueue(make(at))).into_new_job();
            made.map_err(|error| error.to_string())
        };
        let is_contradiction =
            matches!(self.missed, Missed::All(2..)) && self.if_unfinished != IfUnfinished::Allow;
        match is_contradiction {
            true => Err(ScheduleError::AllAtOnce),
            false => Ok(Schedule {
                name: checked(self.name)?,
                instants: self.instants?,
                missed: self.missed,
                if_unfinished: self.if_unfinished,
                kind: T::KIND,
                make: Arc::new(make),
            }),
        }
    }
}

/// Names stand in keys, logs, command lines and pages.
fn checked(name: String) -> Result<String, ScheduleError> {
    let fits = (1..=NAME_LIMIT).contains(&name.chars().count()) && name.trim() == name;
    let is_allowed = |c: char| c.is_alphanumeric() || " -_./:".contains(c);
    match fits && name.chars().all(is_allowed) {
        true => Ok(name),
        false => Err(ScheduleError::Name(name)),
    }
}
