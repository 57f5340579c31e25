//! A rate: the most jobs of a queue that all workers together claim in a time.

use std::time::Duration;

/// How many jobs are claimed in a time.
///
/// ```
/// use laneway_jobs::store::Rate;
/// use std::time::Duration;
///
/// let rate = Rate::new(100, Duration::from_secs(1));
/// assert_eq!((rate.jobs(), rate.period()), (100, Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    jobs: u32,
    period: Duration,
}

impl Rate {
    /// At most this many jobs in each time of this length, wherever it begins. No job counts as
    /// one, and less than a millisecond as a millisecond.
    #[must_use]
    pub fn new(jobs: u32, period: Duration) -> Rate {
        Rate {
            jobs: jobs.max(1),
            period: period.max(Duration::from_millis(1)),
        }
    }

    /// How many jobs.
    #[must_use]
    pub fn jobs(self) -> u32 {
        self.jobs
    }

    /// The time.
    #[must_use]
    pub fn period(self) -> Duration {
        self.period
    }
}
