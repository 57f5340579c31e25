//! Changes that an operator makes.

use crate::job_id::JobId;
use crate::job_state::JobState;

/// A change by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// A failed, cancelled or quarantined job runs again, with all its attempts and no crashes.
    Retry(JobId),
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
