//! The states of a job.

use std::fmt;

/// Where a job is in its life.
///
/// ```text
///             claim                complete
///  enqueue ─> Ready ─────> Running ───────> Done
///               ^            │ │ │ fail for good, expired
///               │ retry,     │ │ └────────> Failed
///               │ snooze,    │ │   third crash
///               └────────────┘ └──────────> Quarantined
///    return, rescue
///                 from Ready, by hand or with its chain: Cancelled
/// ```
///
/// ```
/// use laneway_jobs::JobState;
///
/// assert!(JobState::Quarantined.is_settled());
/// assert_eq!(JobState::Ready.to_string(), "ready");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// Waits for its time and for a worker.
    Ready,
    /// A worker holds its lease.
    Running,
    /// Completed; its result is kept until it is pruned.
    Done,
    /// It failed for good: by its last attempt, by its own word, or by expiry.
    Failed,
    /// Taken out before it ran: by hand, or since a job before it in its chain was not done.
    Cancelled,
    /// Workers were lost three times while they ran it. It stays visible, and runs again by hand.
    Quarantined,
}

impl JobState {
    /// All states, each at the place of its number in stores.
    pub const ALL: [JobState; 6] = [
        JobState::Ready,
        JobState::Running,
        JobState::Done,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Quarantined,
    ];

    /// Whether the job runs no more by itself.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !matches!(self, JobState::Ready | JobState::Running)
    }

    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            JobState::Ready => "ready",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Quarantined => "quarantined",
        }
    }

    /// The number under which stores keep it.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The state that a store keeps under this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<JobState> {
        JobState::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
