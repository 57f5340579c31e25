//! The settings of a worker.

use std::time::Duration;

use laneway::QueueId;

use crate::retry::Retry;
use crate::store::{Pruning, Rescue};

/// How many jobs of a queue a worker runs at the same time.
///
/// A worker claims as many as it has slots free. Only while jobs end within moments, it claims up
/// to twice as many as may run, and gives back what it cannot begin within 10 ms.
///
/// ```
/// use laneway_jobs::Limit;
///
/// assert_eq!(Limit::in_flight(8).jobs(), 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    jobs: usize,
    pub(super) spawn_on: Option<String>,
}

impl Limit {
    /// At most this many jobs at the same time; 0 counts as 1.
    #[must_use]
    pub fn in_flight(jobs: usize) -> Limit {
        Limit {
            jobs: jobs.max(1),
            spawn_on: None,
        }
    }

    /// Runs the handlers on a further queue of the runtime, whatever their lanes. Default: lanes
    /// are the runtime's high and low queues.
    #[must_use]
    pub fn on_runtime_queue(mut self, name: impl Into<String>) -> Limit {
        self.spawn_on = Some(name.into());
        self
    }

    /// How many jobs.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs
    }
}

/// A queue that a worker serves.
#[derive(Clone, Debug)]
pub(super) struct ServedQueue {
    pub(super) name: String,
    pub(super) limit: usize,
    /// Where its handlers run, if not by their lanes.
    pub(super) spawn_on: Option<QueueId>,
}

/// The fate of schedules in the store that a worker does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OtherSchedules {
    #[default]
    Stay,
    Removed,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
    pub(super) retry: Retry,
    pub(super) rescue: Rescue,
    pub(super) pruning: Option<Pruning>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: format!("{}-{:06x}", std::process::id(), fastrand::u32(..1 << 24)),
            lease: Duration::from_secs(30),
            timeout: Duration::from_secs(3600),
            retry: Retry::default(),
            rescue: Rescue::default(),
            pruning: Some(Pruning::default()),
        }
    }
}
