//! Schedules: at which times which jobs are enqueued, and at which they were.
//!
//! A store knows no patterns. It keeps for each schedule the next instant, and the worker, which
//! can read the pattern, says what comes after it. Any worker fires; the guard of [`Firing`] lets
//! one of them win.

use std::time::SystemTime;

use super::StoreFuture;
use super::insert::NewJob;
use crate::job_id::JobId;

/// The part of a store that keeps schedules.
///
/// Every implementation owes the same as one of [`Store`](super::Store): batches, one transaction
/// for each call, T by the store's clock, and operations that can be sent again.
pub trait ScheduleStore {
    /// The schedules that are wanted, by name, with T.
    fn schedules(&self, wanted: WantedSchedules) -> StoreFuture<'_, SchedulesNow>;

    /// Makes changes to schedules; hints at them after the commit.
    fn change_schedules(
        &self,
        changes: Vec<ScheduleChange>,
    ) -> StoreFuture<'_, Vec<ScheduleChanged>>;

    /// Fires schedules that are due: moves each on, keeps the fires and inserts the jobs, all in
    /// one transaction.
    fn fire(&self, firings: Vec<Firing>) -> StoreFuture<'_, Vec<Fired>>;
}

/// Which schedules are to be shown, and how much of each.
#[derive(Clone, Debug, Default)]
pub struct WantedSchedules {
    /// These names; `None` is all.
    pub names: Option<Vec<String>>,
    /// At most this many of each one's fires, the newest first.
    pub fires: usize,
}

/// Schedules, and what time it is.
#[derive(Clone, Debug)]
pub struct SchedulesNow {
    /// T, when they were read.
    pub now: SystemTime,
    /// The schedules, by name.
    pub schedules: Vec<ScheduleView>,
}

/// A schedule as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// The pattern of its instants, as it was written.
    pub pattern: String,
    /// The time zone that the pattern goes by.
    pub zone: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Whether it fires.
    pub state: ScheduleState,
    /// The next instant, or one that is due and that no worker has fired yet. `None`: there is no
    /// further one.
    pub next: Option<SystemTime>,
    /// When it was resumed last: instants up to then do not fire any more.
    pub resumed_at: Option<SystemTime>,
    /// When a worker that serves it was started last.
    pub served_at: SystemTime,
    /// Its last fires, the newest first.
    pub fires: Vec<Fire>,
}

/// Whether a schedule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleState {
    /// It does, at its instants.
    Active,
    /// Not until it is resumed.
    Paused,
}

/// An instant of a schedule that was fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fire {
    /// The instant, by the pattern.
    pub at: SystemTime,
    /// T, when it was fired.
    pub fired_at: SystemTime,
    /// The outcome.
    pub outcome: FireOutcome,
}

/// The outcome of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FireOutcome {
    /// This job was enqueued for it.
    Enqueued(JobId),
    /// None was, since this job of an earlier instant was unfinished.
    Unfinished(JobId),
    /// The schedule's code made no job that can be stored; why.
    Refused(String),
}

/// A schedule as a worker's code has it.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// Its name.
    pub name: String,
    /// The pattern of its instants.
    pub pattern: String,
    /// The time zone that the pattern goes by.
    pub zone: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Its next instant. A schedule that has the same pattern and zone already keeps its own, so
    /// that a deploy misses nothing and fires nothing twice.
    pub next: Option<SystemTime>,
}

/// A change to a schedule.
#[derive(Clone, Debug)]
pub enum ScheduleChange {
    /// A worker serves it: it is there from now on, with this pattern.
    Keep(NewSchedule),
    /// It does not fire until it is resumed.
    Pause(String),
    /// It fires again. Instants that passed meanwhile do not.
    Resume(String),
    /// It is gone, with what is known of its fires. A worker that has it in its code keeps it
    /// again at its next start.
    Remove(String),
}

/// The answer to a change to a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleChanged {
    /// It was made, or there was nothing to change.
    Done,
    /// There is no such schedule.
    Missing,
}

/// The firing of a schedule that is due.
///
/// It is guarded by name, pattern, zone and instant: it happens if the schedule still has all four,
/// is not paused, and its instant is not after T. Each of the runs happens unless its instant was
/// fired before.
#[derive(Clone, Debug)]
pub struct Firing {
    /// The schedule.
    pub name: String,
    /// The pattern that the worker goes by.
    pub pattern: String,
    /// Its zone.
    pub zone: String,
    /// The instant that the schedule has as its next one.
    pub at: SystemTime,
    /// The instants to fire. None, where all that are due count as missed.
    pub runs: Vec<FiringRun>,
    /// The instant after the last that is due by now.
    pub next: Option<SystemTime>,
}

/// One instant to fire.
#[derive(Clone, Debug)]
pub struct FiringRun {
    /// The instant.
    pub at: SystemTime,
    /// Its job, or why there is none.
    pub job: Result<NewJob, String>,
}

/// The answer to a firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fired {
    /// It happened: what came of each instant that was not fired before.
    Here(Vec<FireOutcome>),
    /// Nothing happened: another worker has fired, or the schedule has changed. So it is too where
    /// the same firing was sent before.
    Elsewhere,
}
