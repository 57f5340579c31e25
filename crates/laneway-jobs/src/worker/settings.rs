//! The settings of a worker.

use std::time::Duration;

use laneway::QueueId;

use crate::retry::Retry;
use crate::store::{Bounds, Pruning, Rate, Rescue};

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
///
/// [`per_key`](Limit::per_key) and [`rate`](Limit::rate) hold over all workers of the queue, in all
/// processes, as far as these have the same limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    jobs: usize,
    pub(super) spawn_on: Option<String>,
    pub(super) bounds: Bounds,
}

impl Limit {
    /// At most this many jobs at the same time; 0 counts as 1.
    #[must_use]
    pub fn in_flight(jobs: usize) -> Limit {
        Limit {
            jobs: jobs.max(1),
            spawn_on: None,
            bounds: Bounds::default(),
        }
    }

    /// Runs at most this many jobs of one limit key at the same time, over all workers; none counts
    /// as one. Default: any number. A job has a key by
    /// [`Enqueue::limit_key`](crate::Enqueue::limit_key); jobs without one are not limited.
    ///
    /// Jobs are counted by what the store has of running ones. So a worker that is lost keeps the
    /// places of its jobs until they are rescued, when their leases have ended, and no longer.
    ///
    /// Keys take turns, however many jobs a key has. Jobs with keys and jobs without them take
    /// turns as well. Within the keys whose turn it is high jobs come before low ones.
    ///
    /// ```
    /// use laneway::time::sleep;
    /// use laneway_jobs::store::JobSearch;
    /// use laneway_jobs::testing::simulated;
    /// use laneway_jobs::{Ctx, Job, JobError, JobState, Limit, Worker};
    /// use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Import;
    /// impl Job for Import {
    ///     const KIND: &'static str = "import";
    /// }
    ///
    /// simulated(|jobs| async move {
    ///     let worker = Worker::new(&jobs)
    ///         .queue("default", Limit::in_flight(64).per_key(2))
    ///         .handle(|_: Import, _: Ctx| async {
    ///             sleep(Duration::from_secs(60)).await;
    ///             Ok::<_, JobError>(())
    ///         })
    ///         .start(&laneway::Handle::current())
    ///         .unwrap();
    ///     for customer in ["ada", "ada", "ada", "grace"] {
    ///         jobs.enqueue(Import).limit_key(customer).await.unwrap();
    ///     }
    ///     sleep(Duration::from_secs(30)).await; // of simulated time
    ///     let running = JobSearch {
    ///         state: Some(JobState::Running),
    ///         ..JobSearch::default()
    ///     };
    ///     let running = jobs.search(running).await.unwrap().jobs;
    ///     assert_eq!(running.len(), 3, "two of Ada's and Grace's");
    ///     let _ = worker.shutdown(Duration::from_secs(3600)).await;
    /// });
    /// ```
    #[must_use]
    pub fn per_key(mut self, jobs: u32) -> Limit {
        self.bounds.per_key = Some(jobs.max(1));
        self
    }

    /// Claims at most this number of jobs in each time of this length, over all workers. No job
    /// counts as one, and less than a millisecond as a millisecond. Default: any number.
    ///
    /// A job counts when it is claimed, also where it is given back or tried again. It counts for
    /// the period and at most a thirty-second of it longer.
    ///
    /// ```
    /// use laneway_jobs::Limit;
    /// use std::time::Duration;
    ///
    /// let limit = Limit::in_flight(64).rate(100, Duration::from_secs(1));
    /// assert_eq!(limit.jobs(), 64);
    /// ```
    #[must_use]
    pub fn rate(mut self, jobs: u32, period: Duration) -> Limit {
        self.bounds.rate = Some(Rate::new(jobs, period));
        self
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
    pub(super) bounds: Bounds,
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
