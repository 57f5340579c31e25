//! Attempts that did not complete, of all jobs.

use std::time::SystemTime;

use crate::job_id::JobId;
use crate::job_state::JobState;

/// The most characters of an error that a list of attempts shows.
pub const ERROR_LIMIT: usize = 500;

/// An attempt that did not complete, in a list of those of all jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The job.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// The state that the job is in now.
    pub state: JobState,
    /// When the attempt ended.
    pub ended_at: SystemTime,
    /// The error: the first [`ERROR_LIMIT`] characters.
    pub error: String,
}
