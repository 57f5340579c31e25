//! The runtime: owns the queues and the threads, takes tasks, and ends.
//!
//! Here the executor's parts, which know no threads, and the threads come together. There is one
//! process-wide runtime, which `spawn_task!` uses outside of tasks, and as many others as are
//! built; the code is the same.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::block_on::block_on;
use crate::builder::{BuildError, Builder};
use crate::executor::{CutOffTask, Executor, Origin, Phase, QueueId, Task, seat};
use crate::metrics::{QueueMetrics, RuntimeMetrics};
use crate::queue_name::{IntoQueueName, QueueName};
use crate::spawn::{SpawnError, settle, spawn_from, spawn_on, try_spawn_from};
use crate::threads::Threads;

/// A runtime: queues, and the threads that consume them.
///
/// Dropping it cancels all its tasks and waits for its threads, each of which first comes to the
/// end of the poll it is in. [`shutdown`](Runtime::shutdown) lets the tasks finish before.
///
/// ```
/// use laneway::{Priority, Runtime};
///
/// let rt = Runtime::builder().with_low_num(2).build()?;
/// let answer = rt.spawn(async { 42 }, Priority::High);
/// assert_eq!(rt.block_on(answer), 42);
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct Runtime {
    executor: Arc<Executor>,
    threads: Arc<Threads>,
    low_nice: Option<u8>,
}

/// The process-wide runtime.
static GLOBAL: OnceLock<Runtime> = OnceLock::new();

/// How long `shutdown` waits for the polls that are running when its deadline has come.
const GRACE: Duration = Duration::from_millis(100);

impl Runtime {
    /// Begins to configure a runtime, as [`builder`](Runtime::builder) does. Reads well where the
    /// process-wide one is started.
    ///
    /// ```
    /// use laneway::Runtime;
    ///
    /// Runtime::new().with_high_num(4).with_low_num(2).run();
    /// ```
    #[expect(
        clippy::new_ret_no_self,
        reason = "a runtime is always made by its builder"
    )]
    pub fn new() -> Builder {
        Builder::new()
    }

    /// Begins to configure a runtime.
    ///
    /// ```
    /// use laneway::{Runtime, Stealing};
    ///
    /// let rt = Runtime::builder().with_stealing(Stealing::None).build()?;
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The process-wide runtime, started with defaults if it does not exist yet.
    ///
    /// # Panics
    ///
    /// If it has to be started and cannot be, for instance because `LANEWAY_HIGH_NUM` holds no
    /// number.
    ///
    /// ```
    /// let rt = laneway::Runtime::global();
    /// assert_eq!(rt.block_on(async { 5 }), 5);
    /// ```
    pub fn global() -> &'static Runtime {
        GLOBAL.get_or_init(|| match Builder::new().build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("the process-wide runtime could not start: {error}"),
        })
    }

    pub(crate) fn install(builder: Builder) -> Result<&'static Runtime, BuildError> {
        if GLOBAL.get().is_some() {
            return Err(BuildError::AlreadyRunning);
        }
        let runtime = builder.build()?;
        match GLOBAL.set(runtime) {
            Ok(()) => Ok(Runtime::global()),
            // Another thread was faster; this runtime ends here.
            Err(_second) => Err(BuildError::AlreadyRunning),
        }
    }

    pub(crate) fn new_started(
        executor: Arc<Executor>,
        threads: Arc<Threads>,
        low_nice: Option<u8>,
    ) -> Runtime {
        Runtime {
            executor,
            threads,
            low_nice,
        }
    }

    /// Spawns a future on one of this runtime's queues: the one of a
    /// [`Priority`](crate::Priority), or a further one by its name.
    ///
    /// After shutdown has begun the task is cancelled at once, and its awaiter learns it;
    /// [`try_spawn`](Runtime::try_spawn) gives the future back instead.
    ///
    /// # Panics
    ///
    /// If there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().with_queue("disk", 1, &[]).build()?;
    /// let urgent = rt.spawn(async { 1 }, Priority::High);
    /// let slow = rt.spawn(async { 2 }, "disk");
    /// assert_eq!(laneway::join!(urgent, slow), [1, 2]);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<'q, F>(&self, future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin {
            spawned_at: Location::caller(),
            name: None,
        };
        spawn_from(&self.executor, future, queue.into_queue_name(), origin)
    }

    /// Spawns a future as a task with a name.
    ///
    /// The name shows wherever the task is spoken of: in [`Task::name`], in the
    /// [`JoinError`](crate::JoinError) of its panic or cancellation, in the log, in the
    /// [`ShutdownReport`], and to the [`Observer`](crate::Observer). It may be any text, and
    /// several tasks may have the same. Messages show it in full, in quotes and escaped as
    /// `{:?}` does it, so that a line break in a name does not begin a line of the log.
    ///
    /// Costs what keeping the text costs, and a lock at the task's spawn and end. Tasks without a
    /// name pay nothing. Otherwise as [`spawn`](Runtime::spawn).
    ///
    /// # Panics
    ///
    /// If there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let parser = rt.spawn_named("parser", async { 1 }, Priority::High);
    /// let worker = rt.spawn_named(format!("worker {}", 7), async { 2 }, Priority::Low);
    /// assert_eq!(worker.name().as_deref(), Some("worker 7"));
    /// assert_eq!(laneway::join!(parser, worker), [1, 2]);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_named<'q, F>(
        &self,
        name: impl Into<Arc<str>>,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = name.into();
        let origin = Origin {
            spawned_at: Location::caller(),
            name: Some(&name),
        };
        spawn_from(&self.executor, future, queue.into_queue_name(), origin)
    }

    /// Spawns a future, or gives it back if that cannot be done.
    ///
    /// # Errors
    ///
    /// If shutdown has begun, or there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.shutdown(Duration::from_secs(1));
    /// let error = rt.try_spawn(async { "kept" }, Priority::Low).unwrap_err();
    /// assert!(error.is_shut_down());
    /// assert_eq!(laneway::block_on(error.into_future()), "kept");
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<'q, F>(
        &self,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin {
            spawned_at: Location::caller(),
            name: None,
        };
        try_spawn_from(&self.executor, future, queue.into_queue_name(), origin)
    }

    /// Spawns a future as a task with a name, or gives the future back if that cannot be done.
    ///
    /// [`spawn_named`](Runtime::spawn_named) tells what a name is and where it shows.
    ///
    /// # Errors
    ///
    /// If shutdown has begun, or there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.try_spawn_named("parser", async { 1 }, Priority::Low).unwrap();
    /// assert_eq!(task.name().as_deref(), Some("parser"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn try_spawn_named<'q, F>(
        &self,
        name: impl Into<Arc<str>>,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = name.into();
        let origin = Origin {
            spawned_at: Location::caller(),
            name: Some(&name),
        };
        try_spawn_from(&self.executor, future, queue.into_queue_name(), origin)
    }

    /// Runs a future on this thread, and blocks until it has ended. Inside of it, `spawn_task!`
    /// uses this runtime.
    ///
    /// On a worker thread, of this or another runtime, another thread takes the worker's place
    /// meanwhile.
    ///
    /// # Panics
    ///
    /// If the future does.
    ///
    /// ```
    /// let rt = laneway::Runtime::builder().build()?;
    /// let n = rt.block_on(async {
    ///     let task = laneway::spawn_task!(async { 20 });
    ///     task.await + 1
    /// });
    /// assert_eq!(n, 21);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = seat::enter(self.executor.clone());
        block_on(future)
    }

    /// The id of the queue of this name, which events carry and which is a little faster to spawn
    /// with.
    ///
    /// ```
    /// use laneway::{QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// assert_eq!(rt.queue("low"), Some(QueueId::LOW));
    /// assert_eq!(rt.queue("lwo"), None);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.executor.queue_named(name)
    }

    /// The niceness that the low threads were given, or `None` if it was left alone: where
    /// [`with_low_nice`](Builder::with_low_nice) was not called, and on systems where threads
    /// have no niceness of their own.
    ///
    /// ```
    /// let rt = laneway::Runtime::builder().with_low_nice(10).build()?;
    /// assert_eq!(rt.low_nice(), cfg!(target_os = "linux").then_some(10));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn low_nice(&self) -> Option<u8> {
        self.low_nice
    }

    /// What the runtime has done so far. See [`RuntimeMetrics`].
    ///
    /// ```
    /// use laneway::{Priority, QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.block_on(rt.spawn(async {}, Priority::High));
    /// assert_eq!(rt.metrics().queues[QueueId::HIGH.index()].completed, 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::of(&self.executor)
    }

    /// Ends the runtime: takes nothing new from now on, inside or outside of its tasks; waits for
    /// the tasks that are there, for `deadline` at most; cancels those that are left; and ends
    /// the threads.
    ///
    /// A poll that is running at the deadline is given another tenth of a second. If it does not
    /// end by then, its thread is left behind, ends when the poll does, and its task is counted
    /// as still running. Called by several threads, each gets a report of the whole.
    ///
    /// Do not call this from inside one of the runtime's own tasks: that task cannot end before
    /// the deadline, and is then cancelled itself.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.spawn(async { /* finishes */ }, Priority::Low).detach();
    /// rt.spawn(std::future::pending::<()>(), Priority::Low).detach();
    ///
    /// let report = rt.shutdown(Duration::from_millis(50));
    /// assert_eq!(report.completed, 1);
    /// assert_eq!(report.cut_off, 1);
    /// assert_eq!(report.still_running, 0);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        // A deadline beyond what the clock can say is none.
        let deadline = Instant::now().checked_add(deadline);
        seat::block_in_place(|| {
            self.executor.drain(deadline);
            self.close();
            let grace = Instant::now() + GRACE;
            self.threads
                .join(deadline.map(|deadline| deadline.max(grace)));
            ShutdownReport::of(&self.executor)
        })
    }

    fn close(&self) {
        // Futures are dropped here. What their destructors spawn belongs to this runtime, as on
        // a worker's thread, and is cancelled; it must not start the process-wide one.
        let _entered = seat::enter(self.executor.clone());
        self.executor.close();
        self.threads.close();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.close();
        seat::block_in_place(|| self.threads.join(None));
        self.executor.unregister();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("executor", &self.executor)
            .finish_non_exhaustive()
    }
}

/// What became of a runtime's tasks. Made by [`Runtime::shutdown`].
///
/// ```
/// use laneway::Runtime;
/// use std::time::Duration;
///
/// let report = Runtime::builder().build()?.shutdown(Duration::ZERO);
/// assert!(report.is_clean());
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks that completed, in the whole life of the runtime.
    pub completed: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks that shutdown cancelled because they had not ended.
    pub cut_off: usize,
    /// Which tasks were cut off, by place of spawn and name: the first 64 of them.
    pub cut_off_tasks: Vec<CutOffTask>,
    /// Tasks whose poll did not end in time.
    pub still_running: u64,
}

impl ShutdownReport {
    fn of(executor: &Executor) -> ShutdownReport {
        let queues = RuntimeMetrics::of(executor).queues;
        let cut_off = executor.cut_off_so_far();
        ShutdownReport {
            completed: queues.iter().map(|queue| queue.completed).sum(),
            panicked: queues.iter().map(|queue| queue.panicked).sum(),
            cut_off: cut_off.count,
            cut_off_tasks: cut_off.tasks,
            still_running: queues.iter().map(QueueMetrics::live).sum(),
        }
    }

    /// Whether every task came to its own end.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.spawn(std::future::pending::<()>(), Priority::Low).detach();
    /// assert!(!rt.shutdown(Duration::ZERO).is_clean());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut_off == 0 && self.still_running == 0
    }
}

/// Spawns a future on the runtime that this code runs on: inside a task or
/// [`Runtime::block_on`] that one, elsewhere the process-wide one. What
/// [`spawn_task!`](crate::spawn_task!) calls.
///
/// # Panics
///
/// If there is no queue of that name, or the process-wide runtime is needed and cannot start.
///
/// ```
/// use laneway::Priority;
///
/// let task = laneway::spawn(async { 42 }, Priority::High);
/// assert_eq!(laneway::block_on(task), 42);
/// ```
#[inline]
#[track_caller]
pub fn spawn<'q, F>(future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let origin = Origin {
        spawned_at: Location::caller(),
        name: None,
    };
    spawn_here(&mut Some(future), queue.into_queue_name(), origin)
}

/// Spawns a future as a task with a name, on the runtime that this code runs on. What
/// [`spawn_task!`](crate::spawn_task!) calls if it is given a name.
///
/// [`Runtime::spawn_named`] tells what a name is and where it shows. Otherwise as [`spawn`].
///
/// # Panics
///
/// As [`spawn`].
///
/// ```
/// use laneway::Priority;
///
/// let task = laneway::spawn_named("answer", async { 42 }, Priority::High);
/// assert_eq!(task.name().as_deref(), Some("answer"));
/// assert_eq!(laneway::block_on(task), 42);
/// ```
#[track_caller]
pub fn spawn_named<'q, F>(
    name: impl Into<Arc<str>>,
    future: F,
    queue: impl IntoQueueName<'q>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let name = name.into();
    let origin = Origin {
        spawned_at: Location::caller(),
        name: Some(&name),
    };
    spawn_here(&mut Some(future), queue.into_queue_name(), origin)
}

#[inline]
fn spawn_here<F>(
    future: &mut Option<F>,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let spawned = seat::with_executor(|executor| {
        let executor = executor.unwrap_or_else(|| &Runtime::global().executor);
        spawn_on(executor, future, queue, origin)
    });
    match spawned {
        Some((task, Phase::Open | Phase::Draining)) => task,
        // Not within the borrow above: futures are dropped, and may enter a runtime then.
        ended => {
            let executor = seat::current().unwrap_or_else(|| Runtime::global().executor.clone());
            settle(&executor, ended, future, queue, origin)
        }
    }
}
