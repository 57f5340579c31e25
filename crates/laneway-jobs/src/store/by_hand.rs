//! Changes that an operator makes.

use super::StoreError;
use super::insert::Due;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::name::check_name;

/// A change by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// A failed, cancelled or quarantined job runs again, with all its attempts and no crashes.
    Retry(JobId),
    /// A ready job may run at this time instead: at once, or later. Its attempts and its expiry
    /// stay as they are, and what it waits for besides the time, it still waits for.
    Reschedule(JobId, Due),
    /// A ready job is cancelled; a running one is asked to stop, and does not run again: an end of
    /// its attempt by which it would is the cancellation.
    Cancel(JobId),
    /// A job that does not run is deleted.
    Delete(JobId),
    /// Workers take no more of this queue.
    Pause(String),
    /// They do again.
    Resume(String),
}

impl ByHand {
    /// Refuses to pause or resume a queue of a name that no job can have, which not every store
    /// could keep. Each store asks this before it makes changes.
    ///
    /// ```
    /// use laneway_jobs::NAME_LIMIT;
    /// use laneway_jobs::store::ByHand;
    ///
    /// let pause = |bytes| [ByHand::Pause("a".repeat(bytes))];
    /// assert!(ByHand::check_names(&pause(NAME_LIMIT)).is_ok());
    /// assert!(ByHand::check_names(&pause(NAME_LIMIT + 1)).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// A [`StoreError::Database`] that says what is wrong with the first such name.
    pub fn check_names(changes: &[ByHand]) -> Result<(), StoreError> {
        let queues = changes.iter().filter_map(|change| match change {
            ByHand::Pause(queue) | ByHand::Resume(queue) => Some(queue),
            _ => None,
        });
        let mut checked = queues.map(|queue| check_name("the name of a queue", queue));
        let checked = checked.find_map(Result::err);
        checked.map_or(Ok(()), |error| Err(StoreError::Database(error.to_string())))
    }
}

/// The changes by hand that one job allows.
///
/// ```
/// use laneway_jobs::JobState;
/// use laneway_jobs::store::JobAction;
///
/// assert!(JobAction::Retry.applies_to(JobState::Quarantined));
/// assert!(!JobAction::Delete.applies_to(JobState::Running));
/// let names = ["retry", "run-now", "cancel", "delete"];
/// assert_eq!(JobAction::ALL.map(JobAction::name), names);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    /// [`ByHand::Retry`].
    Retry,
    /// [`ByHand::Reschedule`], at once.
    RunNow,
    /// [`ByHand::Cancel`].
    Cancel,
    /// [`ByHand::Delete`].
    Delete,
}

impl JobAction {
    /// All of them.
    pub const ALL: [JobAction; 4] = [
        JobAction::Retry,
        JobAction::RunNow,
        JobAction::Cancel,
        JobAction::Delete,
    ];

    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            JobAction::Retry => "retry",
            JobAction::RunNow => "run-now",
            JobAction::Cancel => "cancel",
            JobAction::Delete => "delete",
        }
    }

    /// The change to a job.
    #[must_use]
    pub fn of(self, id: JobId) -> ByHand {
        match self {
            JobAction::Retry => ByHand::Retry(id),
            JobAction::RunNow => ByHand::Reschedule(id, Due::Now),
            JobAction::Cancel => ByHand::Cancel(id),
            JobAction::Delete => ByHand::Delete(id),
        }
    }

    /// Whether a job in this state allows it. The store decides by the state at that time.
    #[must_use]
    pub fn applies_to(self, state: JobState) -> bool {
        match self {
            JobAction::Retry => state.is_settled() && state != JobState::Done,
            JobAction::RunNow => state == JobState::Ready,
            JobAction::Cancel => !state.is_settled(),
            JobAction::Delete => state != JobState::Running,
        }
    }
}

/// The answer to a change by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// The job runs; it has been asked to stop, and learns it when its lease is renewed.
    Asked,
    /// The job's state does not allow it.
    Not(JobState),
    /// An unfinished job has the same unique key.
    KeyTaken,
    /// There is no such job.
    Missing,
}

impl Changed {
    /// Whether the change was made, or will be by the job's worker.
    #[must_use]
    pub fn is_made(self) -> bool {
        matches!(self, Changed::Done | Changed::Asked)
    }
}
