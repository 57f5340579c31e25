//! A bounded queue of heavy work behind quick handlers: [`TaskQueue`].
//!
//! A web handler that computes for a second keeps its caller waiting, and all callers after it. It
//! had better answer "accepted, number 7", and let the work go on in the low lane; the caller comes
//! back with the number and asks. [`TaskQueue`] is the part between the two answers:
//!
//! ```
//! use laneway::background::{TaskQueue, Work, WorkStatus};
//! use laneway::block_on;
//!
//! // At most 32 wait, and 2 run at once.
//! let queue = TaskQueue::bounded(32).workers(2);
//!
//! // POST /tasks: the number comes at once, or the work comes back if the queue is full.
//! let report = Work::sync(|context| {
//!     context.report(0.5, "half of it");
//!     (1..=20_u64).product::<u64>()
//! });
//! let id = queue.submit(report.named("report")).expect("there is room");
//!
//! // GET /tasks/1
//! match queue.status(id) {
//!     WorkStatus::Queued { ahead } => println!("{ahead} before it"),
//!     WorkStatus::Running { progress, .. } => println!("{}", progress.text),
//!     status => println!("{status}"),
//! }
//!
//! // In a handler that waits nevertheless, without raising the work into its own lane.
//! assert_eq!(block_on(queue.wait(id)), WorkStatus::Done);
//! assert_eq!(queue.take(id), Ok(2_432_902_008_176_640_000));
//! ```
//!
//! # Where work runs
//!
//! Each piece of work is a low task of its own from the moment it is submitted: it waits there for
//! its turn, so that it shows in the runtime's lists under its name. A future is polled by that
//! task. A closure goes on from there to the [blocking](crate::blocking) pool, and inside of it
//! `spawn_task!` uses the queue's runtime.
//!
//! The queue belongs to one runtime: to the one that [`on`](TaskQueue::on) says, or else to the one
//! on which work is first submitted. Work that is first submitted outside of any runtime goes to
//! the process-wide one, which starts with it. After that it makes no difference from where work is
//! submitted: other threads, other runtimes, or work of the same queue.
//!
//! Work that waits for other work of its own queue keeps its place meanwhile. If all places do
//! that, all wait for ever: give such work a queue of its own.
//!
//! # How work ends
//!
//! The first of these counts, and is seen at once by all: it gives a value; it fails, by a panic,
//! an error or its [timeout](Work::timeout); it is [cancelled](TaskQueue::cancel). A future that is
//! cancelled or timed out is dropped. A closure cannot be stopped: it learns it through its
//! [`WorkContext`], and until it returns it keeps its place among the workers; the
//! [metrics](TaskQueueMetrics::lingering) count such work.
//!
//! | setting | default | what it bounds |
//! |---|---|---|
//! | [`bounded`] | to be given | work that waits: more is refused, and given back |
//! | [`workers`] | 1 | work that runs at once |
//! | [`keep_for`] | 10 minutes | the age of a result that is not taken |
//! | [`keep_at_most`] | 1,000 | results that are not taken: the oldest goes |
//!
//! [`bounded`]: TaskQueue::bounded
//! [`workers`]: TaskQueue::workers
//! [`keep_for`]: TaskQueue::keep_for
//! [`keep_at_most`]: TaskQueue::keep_at_most
//!
//! # The end
//!
//! When the runtime begins to shut down, [`submit`](TaskQueue::submit) gives work back as
//! [`ShutDown`](SubmitError::ShutDown), and what is queued is carried out. Work that has not ended
//! by the deadline is [`Cancelled`](WorkStatus::Cancelled), and stands in the
//! [`ShutdownReport`](crate::ShutdownReport) by its name. A runtime that is dropped cancels all of
//! it at once. Results can be taken after either.
//!
//! When the last [`TaskQueue`] is dropped, what it holds is carried out too, and the results are
//! dropped, as with a [`Service`](super::Service).
//!
//! # Where to read
//!
//! `work.rs` is what is submitted, `ledger.rs` decides all that happens to it, `line.rs` with
//! `census.rs` is the line of what waits, `aftermath.rs` does what the ledger leaves to do,
//! `desk.rs` is the lock around it, `carry_out.rs` the task of a piece of work, `wait.rs` the wait
//! for its end.

mod aftermath;
mod carry_out;
mod census;
mod desk;
mod ledger;
mod line;
mod progress;
mod submit_error;
mod take_error;
mod task_queue_metrics;
mod wait;
mod work;
mod work_context;
mod work_end;
mod work_id;
mod work_status;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use carry_out::carry_out;
use desk::{Charge, Desk};
use ledger::Settings;
pub use progress::Progress;
pub use submit_error::SubmitError;
pub use take_error::TakeError;
pub use task_queue_metrics::TaskQueueMetrics;
pub use wait::Wait;
pub use work::Work;
pub use work_context::WorkContext;
use work_end::WorkEnd;
pub use work_id::WorkId;
pub use work_status::{Cancelling, ListedWork, WorkStatus};

use crate::runtime::Runtime;
use crate::{Handle, Priority, SpawnError, Task};

/// A bounded queue of work that runs in the low lane, and its results, by number.
///
/// All work of one queue gives values of one type, `T`. Clones are cheap and share the queue.
/// The [module](self) tells where work runs, how it ends, and what becomes of it at shutdown.
///
/// ```
/// use laneway::background::{Cancelling, SubmitError, TaskQueue, Work};
///
/// let queue = TaskQueue::bounded(2).workers(1);
/// let waits = |n: u32| Work::future(async move |_| {
///     std::future::pending::<()>().await;
///     n
/// });
/// let ids = [1, 2, 3].map(|n| queue.submit(waits(n)).unwrap());
/// // One runs, two wait, and the fourth comes back.
/// let refused = queue.submit(waits(4)).unwrap_err();
/// assert!(matches!(refused, SubmitError::Full(_)));
///
/// // Work that is cancelled before it has begun makes room.
/// assert_eq!(queue.cancel(ids[2]), Cancelling::NeverRuns);
/// assert!(queue.submit(refused.into_work()).is_ok());
/// # queue.list(4).into_iter().for_each(|work| drop(queue.cancel(work.id)));
/// ```
#[doc(alias("job queue", "worker pool", "JoinSet", "load_shed"))]
pub struct TaskQueue<T: Send + 'static> {
    desk: Arc<Desk<T>>,
    /// The runtime, once that is known.
    home: Arc<OnceLock<Handle>>,
}

/// The time for which a result is kept that is not taken.
const KEEP_FOR: Duration = Duration::from_secs(600);

/// The most results that are kept.
const KEEP_AT_MOST: usize = 1_000;

impl<T: Send + 'static> TaskQueue<T> {
    /// Makes a queue in which at most `bound` pieces of work wait, besides those that run or have a
    /// place to run. With 0, work is taken only if it can begin at once.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    ///
    /// let queue = TaskQueue::bounded(32).workers(4);
    /// let id = queue.submit(Work::sync(|_| "heavy")).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert_eq!(queue.take(id), Ok("heavy"));
    /// ```
    #[must_use = "a queue does nothing until work is submitted to it"]
    pub fn bounded(bound: usize) -> TaskQueue<T> {
        let settings = Settings {
            bound,
            workers: 1,
            keep_for: KEEP_FOR,
            keep_at_most: KEEP_AT_MOST,
        };
        TaskQueue {
            desk: Arc::new(Desk::new(settings)),
            home: Arc::default(),
        }
    }

    /// How many pieces of work run at once. Default: 1. Work that
    /// [lingers](TaskQueueMetrics::lingering) counts.
    ///
    /// The number may be changed while the queue is used, through any clone. If it becomes lower,
    /// work that runs goes on.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    #[must_use = "this gives the queue"]
    pub fn workers(self, workers: usize) -> TaskQueue<T> {
        assert!(workers > 0, "a task queue needs one worker at least");
        self.desk.write(|ledger, _now, after| {
            ledger.settings.workers = workers;
            ledger.call_next(after);
        });
        self
    }

    /// For how long a result is kept that is not taken. Default: 10 minutes.
    ///
    /// The time runs from the end of the work, and the result stays longer if a waiting task has
    /// not learned of the end yet. The next use of the queue after it drops the result, whichever
    /// use that is.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    /// use std::time::Duration;
    ///
    /// let queue = TaskQueue::bounded(8).keep_for(Duration::ZERO);
    /// let id = queue.submit(Work::sync(|_| 1)).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert_eq!(queue.status(id), WorkStatus::Unknown);
    /// ```
    #[must_use = "this gives the queue"]
    pub fn keep_for(self, time: Duration) -> TaskQueue<T> {
        self.desk
            .write(|ledger, _now, _after| ledger.settings.keep_for = time);
        self
    }

    /// How many results are kept at most that have not been taken. Beyond it, the oldest is
    /// dropped. Default: 1,000.
    ///
    /// A result stays, and does not count, while a waiting task has not learned of the end yet.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    ///
    /// let queue = TaskQueue::bounded(8).keep_at_most(1);
    /// let ids = [1, 2].map(|n| queue.submit(Work::sync(move |_| n)).unwrap());
    /// ids.map(|id| laneway::block_on(queue.wait(id)));
    /// assert_eq!(ids.map(|id| queue.status(id)), [WorkStatus::Unknown, WorkStatus::Done]);
    /// ```
    #[must_use = "this gives the queue"]
    pub fn keep_at_most(self, results: usize) -> TaskQueue<T> {
        self.desk
            .write(|ledger, _now, _after| ledger.settings.keep_at_most = results);
        self
    }

    /// The runtime whose low lane the work runs in. Default: the one on which work is first
    /// submitted, and outside of any, the process-wide one.
    ///
    /// # Panics
    ///
    /// If the queue has a runtime already.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    /// use laneway::{QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let queue = TaskQueue::bounded(8).on(&rt.handle());
    /// let id = queue.submit(Work::future(async |_| 1)).unwrap();
    /// rt.block_on(queue.wait(id));
    /// assert_eq!(rt.metrics().queues[QueueId::LOW.index()].spawned, 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    #[must_use = "this gives the queue"]
    pub fn on(self, runtime: &Handle) -> TaskQueue<T> {
        let set = self.home.set(runtime.clone());
        assert!(set.is_ok(), "a task queue stays on the runtime that it has");
        self
    }

    /// Submits work, and gives its number at once. Never waits.
    ///
    /// # Errors
    ///
    /// [`Full`](SubmitError::Full) if as much work waits as may, and
    /// [`ShutDown`](SubmitError::ShutDown) if the queue's runtime has begun to shut down. Both give
    /// the work back.
    ///
    /// # Panics
    ///
    /// If the process-wide runtime is needed and cannot start.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let first = queue.submit(Work::sync(|_| 1)).unwrap();
    /// let second = queue.submit(Work::future(async |_| 2)).unwrap();
    /// assert!(first < second);
    /// ```
    #[track_caller]
    pub fn submit(&self, work: Work<T>) -> Result<WorkId, SubmitError<T>> {
        let home = self.home();
        if home.is_shut_down() {
            return Err(SubmitError::ShutDown(work));
        }
        let name = work.name.clone();
        let id = self.desk.write(|ledger, now, _| ledger.admit(work, now))?;
        match spawn(home, name, Charge::new(&self.desk, id)) {
            Ok(task) => self
                .desk
                .write(|ledger, _, after| ledger.attach(id, task, after)),
            Err(refused) => {
                let work = self
                    .desk
                    .write(|ledger, _, after| ledger.withdraw(id, after));
                // Dropped after that, since its drop would cancel the work.
                drop(refused);
                if let Some(work) = work {
                    return Err(SubmitError::ShutDown(work));
                }
            }
        }
        Ok(id)
    }

    fn home(&self) -> &Handle {
        if let Some(home) = self.home.get() {
            return home;
        }
        // Not in the initializer: if no runtime can start, the hook of the panic may use the queue.
        let home = Handle::try_current().unwrap_or_else(|| Runtime::global().handle());
        self.home.get_or_init(|| home)
    }

    /// Where a piece of work stands.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::sync(|_| 1)).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert_eq!(queue.status(id), WorkStatus::Done);
    /// ```
    #[must_use]
    pub fn status(&self, id: WorkId) -> WorkStatus {
        self.desk.write(|ledger, _, _| ledger.status(id))
    }

    /// Cancels a piece of work: one that is queued never runs, a future that runs is dropped, and a
    /// closure that runs learns it through its [`WorkContext`]. In each case the status is
    /// [`Cancelled`](WorkStatus::Cancelled) at once, whatever the work still gives. [`Cancelling`]
    /// has an example.
    pub fn cancel(&self, id: WorkId) -> Cancelling {
        self.desk
            .write(|ledger, now, after| ledger.end(id, WorkEnd::Cancelled, now, after))
    }

    /// Takes the value of work that has ended. The queue forgets the work with it, also where it
    /// gave no value. To look at it only, ask for the [`status`](TaskQueue::status).
    ///
    /// # Errors
    ///
    /// If there is no value: the work has [not ended](TakeError::NotOver), has failed or was
    /// cancelled, or the queue does not know it.
    ///
    /// ```
    /// use laneway::background::{TakeError, TaskQueue, Work};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::sync(|_| vec![1, 2])).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert_eq!(queue.take(id), Ok(vec![1, 2]));
    /// assert_eq!(queue.take(id), Err(TakeError::Unknown));
    /// ```
    pub fn take(&self, id: WorkId) -> Result<T, TakeError> {
        self.desk.write(|ledger, _, _| ledger.take(id))
    }

    /// Waits until a piece of work has ended, and gives its status then. Any number of tasks and
    /// threads may wait for the same work.
    ///
    /// Unlike the await of a [`Task`] by a high one, this does not raise the work: a high handler
    /// that waits does not draw heavy work into the high lane. Where it should,
    /// [`raising`](Wait::raising) does it.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    /// use laneway::time::timeout;
    /// use std::time::Duration;
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::sync(|_| 1)).unwrap();
    /// // A handler may wait for a moment, and answer with the number if that was too short.
    /// match laneway::block_on(timeout(Duration::from_secs(10), queue.wait(id))) {
    ///     Ok(status) => assert_eq!(status, WorkStatus::Done),
    ///     Err(_elapsed) => println!("ask for {id} later"),
    /// }
    /// ```
    pub fn wait(&self, id: WorkId) -> Wait<T> {
        Wait::new(&self.desk, id)
    }

    /// The last `at_most` pieces of work that the queue knows, the newest first: for a page that
    /// shows them all.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// for name in ["first", "second", "third"] {
    ///     queue.submit(Work::sync(|_| ()).named(name)).unwrap();
    /// }
    /// let names: Vec<_> = queue.list(2).into_iter().map(|work| work.name.unwrap()).collect();
    /// assert_eq!(names, ["third".into(), "second".into()]);
    /// ```
    #[must_use]
    pub fn list(&self, at_most: usize) -> Vec<ListedWork> {
        self.desk.write(|ledger, _, _| ledger.list(at_most))
    }

    /// The present state and the counts of the queue. See [`TaskQueueMetrics`].
    ///
    /// [`Prometheus::task_queue`](crate::observe::Prometheus::task_queue) exports it.
    #[must_use]
    pub fn metrics(&self) -> TaskQueueMetrics {
        self.desk.write(|ledger, _, _| ledger.metrics())
    }
}

/// Spawns the task of a piece of work, at the place where that was submitted.
#[track_caller]
fn spawn<T: Send + 'static>(
    home: &Handle,
    name: Option<Arc<str>>,
    charge: Charge<T>,
) -> Result<Task<()>, SpawnError<impl Future>> {
    match name {
        Some(name) => home.named(name).try_spawn(carry_out(charge), Priority::Low),
        None => home.try_spawn(carry_out(charge), Priority::Low),
    }
}

impl<T: Send + 'static> Clone for TaskQueue<T> {
    fn clone(&self) -> TaskQueue<T> {
        TaskQueue {
            desk: self.desk.clone(),
            home: self.home.clone(),
        }
    }
}

impl<T: Send + 'static> fmt::Debug for TaskQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskQueue").field(&self.metrics()).finish()
    }
}
