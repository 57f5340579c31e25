//! The rescue of lost workers' jobs, and the end of old rows.

use std::time::Duration;

use crate::job_state::JobState;

/// How expired leases are taken from lost workers.
#[derive(Clone, Copy, Debug)]
pub struct Rescue {
    /// At most this many at a time; 0 turns the rescue off.
    pub limit: usize,
    /// How long a job waits after its first crash; twice as long after each further one.
    pub backoff: Duration,
    /// After this many crashes a job is quarantined; 0 counts as 1.
    pub max_crashes: u32,
}

impl Default for Rescue {
    /// 1,000 at a time, one second after the first crash, quarantine at the third.
    fn default() -> Rescue {
        Rescue {
            limit: 1_000,
            backoff: Duration::from_secs(1),
            max_crashes: 3,
        }
    }
}

/// The result of a rescue.
///
/// ```
/// use laneway_jobs::JobState;
/// use laneway_jobs::store::Rescued;
///
/// let rescued: Rescued = [JobState::Ready, JobState::Quarantined].into_iter().collect();
/// assert_eq!((rescued.ready, rescued.quarantined, rescued.all()), (1, 1, 2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Jobs that run again.
    pub ready: usize,
    /// Jobs that had their last attempt, were asked to stop, or expired.
    pub failed: usize,
    /// Jobs that workers were lost with once too often.
    pub quarantined: usize,
}

/// Which settled jobs are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Pruning {
    /// Jobs that are done or cancelled, this long after.
    pub done_after: Duration,
    /// Jobs that failed, this long after. Quarantined ones stay.
    pub failed_after: Duration,
    /// At most this many at a time; 0 deletes none.
    pub limit: usize,
}

impl FromIterator<JobState> for Rescued {
    /// Counts jobs by the states in which a rescue has left them.
    fn from_iter<I: IntoIterator<Item = JobState>>(states: I) -> Rescued {
        let mut rescued = Rescued::default();
        for state in states {
            match state {
                JobState::Ready => rescued.ready += 1,
                JobState::Quarantined => rescued.quarantined += 1,
                _ => rescued.failed += 1,
            }
        }
        rescued
    }
}

impl Rescued {
    /// The jobs of all three.
    #[must_use]
    pub fn all(&self) -> usize {
        self.ready + self.failed + self.quarantined
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Pruning {
    /// Done after one day, failed after 14, 1,000 rows at a time.
    fn default() -> Pruning {
        Pruning {
            done_after: DAY,
            failed_after: 14 * DAY,
            limit: 1_000,
        }
    }
}

impl Pruning {
    /// The states whose jobs are deleted, each with the age from which on they are.
    ///
    /// ```
    /// use laneway_jobs::JobState;
    /// use laneway_jobs::store::Pruning;
    ///
    /// let ages = Pruning::default().ages();
    /// assert!(ages.iter().all(|(state, _)| *state != JobState::Quarantined));
    /// ```
    #[must_use]
    pub fn ages(&self) -> [(JobState, Duration); 3] {
        [
            (JobState::Done, self.done_after),
            (JobState::Cancelled, self.done_after),
            (JobState::Failed, self.failed_after),
        ]
    }
}
