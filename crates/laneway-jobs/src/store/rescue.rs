//! What is done about lost workers and old rows.

use std::time::Duration;

/// How expired leases are taken from lost workers.
#[derive(Clone, Copy, Debug)]
pub struct Rescue {
    /// At most this many at a time.
    pub limit: usize,
    /// How long a job waits after its first crash; twice as long after each further one.
    pub backoff: Duration,
    /// After this many crashes a job is quarantined.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Jobs that run again.
    pub ready: usize,
    /// Jobs that had their last attempt, were asked to stop, or expired before they were begun.
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
    /// At most this many at a time.
    pub limit: usize,
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
