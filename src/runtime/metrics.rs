//! The work of a runtime so far, in numbers that are always on.
//!
//! Every worker counts for itself, on its own cache lines; a snapshot adds up. The counts of a
//! snapshot are taken one after another while the runtime goes on, so a task may be counted as
//! spawned in it and not yet as completed, never the other way round.
//!
//! A worker raises its counters by plain loads and stores (T21).

use std::time::Duration;

use crate::executor::Executor;
use crate::ground::ids::QueueId;
use crate::ground::telemetry::Tally;

/// A snapshot of a runtime's counters. Made by [`Runtime::metrics`](crate::Runtime::metrics).
///
/// ```
/// use laneway::{Priority, QueueId, Runtime, join_all};
///
/// let rt = Runtime::builder().build()?;
/// join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
/// let low = &rt.metrics().queues[QueueId::LOW.index()];
/// assert_eq!(low.spawned, 100);
/// assert_eq!(low.completed, 100);
/// assert_eq!(low.polls, 100);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeMetrics {
    /// High, low, then further queues in the order in which they were added.
    pub queues: Vec<QueueMetrics>,
    /// High workers, low ones, then those of further queues.
    pub workers: Vec<WorkerMetrics>,
}

/// The counts of one queue's tasks.
///
/// Tasks are counted under the queue that they were spawned on, polls under the queue that the
/// task was in.
///
/// ```
/// # let rt = laneway::Runtime::builder().build()?;
/// let high = &rt.metrics().queues[0];
/// assert_eq!((high.name.as_str(), high.live()), ("high", 0));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueMetrics {
    /// The queue's name.
    pub name: String,
    /// Tasks that wait to be polled, at the moment.
    pub depth: usize,
    /// Tasks that were spawned here. One that was spawned while or after shutdown began counts as
    /// spawned and cancelled.
    pub spawned: u64,
    /// Of those, tasks that came to their end.
    pub completed: u64,
    /// Of those, tasks that panicked.
    pub panicked: u64,
    /// Of those, tasks that were cancelled.
    pub cancelled: u64,
    /// Polls of tasks in this queue. The drop of a task that was cancelled in the queue is none.
    pub polls: u64,
    /// Of those, polls by workers at home in another queue: what was stolen from here.
    pub stolen: u64,
    /// Polls of tasks in other queues by workers at home here: what they stole elsewhere.
    pub stolen_in: u64,
}

impl QueueMetrics {
    /// Tasks that were spawned here and have not ended.
    ///
    /// ```
    /// use laneway::{Priority, QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let _waits = rt.spawn(std::future::pending::<()>(), Priority::Low);
    /// assert_eq!(rt.metrics().queues[QueueId::LOW.index()].live(), 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn live(&self) -> u64 {
        self.spawned - self.completed - self.panicked - self.cancelled
    }
}

/// The counts of one worker, and where its time went.
///
/// `busy`, `searching` and `parked` together are all the time since the worker was made, up to
/// now or to its end; none of the three ever falls. The clock is read when a worker parks, when it
/// is woken, and before and after a search that goes beyond its first round: never from one poll
/// to the next. In a [simulation](crate::sim) the times are simulated ones.
///
/// ```
/// let rt = laneway::Runtime::builder().build()?;
/// let first = rt.metrics().workers[0];
/// assert_eq!((first.home, first.stolen), (laneway::QueueId::HIGH, 0));
///
/// // The part of its time in which it was busy:
/// let utilization = first.busy.as_secs_f64() / first.alive().as_secs_f64();
/// assert!(utilization <= 1.0);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// The queue that it is at home in.
    pub home: QueueId,
    /// Polls that it did.
    pub polls: u64,
    /// Of those, polls of tasks from queues that are not its home.
    pub stolen: u64,
    /// How often it took tasks from another worker's deque, of whichever queue; up to half of what
    /// lay there each time.
    pub steals: u64,
    /// How often it found nothing to do, and parked or napped.
    pub parks: u64,
    /// Time in which it was neither parked nor searching: it polled tasks, or went from one to
    /// the next.
    pub busy: Duration,
    /// Time in which it was awake and looked for work in vain, again and again.
    pub searching: Duration,
    /// Time in which it slept.
    pub parked: Duration,
}

impl WorkerMetrics {
    /// The time since the worker was made, up to now or to its end: busy, searching and parked
    /// time together. [`WorkerMetrics`] has an example.
    #[must_use]
    pub fn alive(&self) -> Duration {
        self.busy + self.searching + self.parked
    }
}

impl RuntimeMetrics {
    pub(crate) fn of(executor: &Executor) -> RuntimeMetrics {
        let workers: Vec<WorkerMetrics> = executor
            .workers()
            .map(|(home, tally)| WorkerMetrics::of(executor, home, tally))
            .collect();
        let queue = |index| QueueMetrics::of(executor, QueueId(index as u16), &workers);
        RuntimeMetrics {
            queues: (0..executor.queues().len()).map(queue).collect(),
            workers,
        }
    }
}

impl WorkerMetrics {
    fn of(executor: &Executor, home: QueueId, tally: &Tally) -> WorkerMetrics {
        let time = tally.time_spent(|| executor.host.now());
        // In this order: each of the stolen is among the polls.
        let stolen = tally.stolen(home);
        WorkerMetrics {
            home,
            stolen,
            polls: tally.polls(),
            steals: tally.steals.get(),
            parks: tally.parks.get(),
            busy: time.busy,
            searching: time.searching,
            parked: time.parked,
        }
    }
}

impl QueueMetrics {
    fn of(executor: &Executor, id: QueueId, workers: &[WorkerMetrics]) -> QueueMetrics {
        let tallies = || executor.tallies().map(|tally| tally.queue(id));
        let at_home = workers.iter().filter(|worker| worker.home == id);
        let away = executor.workers().filter(|(home, _)| *home != id);
        let queue = executor.queue(id);
        // In this order: an end that is counted has its spawn counted too.
        let completed = tallies().map(|tally| tally.completed.get()).sum();
        let panicked = tallies().map(|tally| tally.panicked.get()).sum();
        let cancelled: u64 = tallies().map(|tally| tally.cancelled.get()).sum();
        let spawned: u64 = tallies().map(|tally| tally.spawned.get()).sum();
        let refused: u64 = tallies().map(|tally| tally.refused.get()).sum();
        QueueMetrics {
            name: queue.name().to_owned(),
            depth: queue.len(),
            completed,
            panicked,
            cancelled: cancelled + refused,
            spawned: spawned + refused,
            stolen: away.map(|(_, tally)| tally.queue(id).polls()).sum(),
            stolen_in: at_home.map(|worker| worker.stolen).sum(),
            polls: tallies().map(|tally| tally.polls()).sum(),
        }
    }
}
