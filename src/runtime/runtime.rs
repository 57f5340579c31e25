//! The runtime: owns the queues and the threads, takes tasks, and ends.
//!
//! Here the executor's parts, which know no threads, and the threads come together. There is one
//! process-wide runtime, which `spawn_task!` uses outside of tasks, and as many others as are
//! built; the code is the same.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::block_in_place::block_in_place;
use super::block_on::block_on;
use super::builder::Builder;
use super::end_wait::EndWait;
use super::metrics::RuntimeMetrics;
use super::queue_name::queue_named;
use super::shutdown_report::ShutdownReport;
use super::threads::Threads;
use crate::executor::{Executor, seat};
use crate::ground::ids::QueueId;
use crate::ground::os_thread;
use crate::ground::poll::{being_cut_off_here, may_call_observer_of, polls_under_way};

/// A runtime: queues, and the threads that consume them.
///
/// Dropping it cancels all its tasks and waits for its threads, each of which first comes to the
/// end of the poll it is in. [`shutdown`](Runtime::shutdown) lets the tasks finish before. Where an
/// [`Observer`](crate::observe::Observer) drops it, another thread does all that, and the drop does
/// not wait. The same holds where tasks of several runtimes drop each other's at one time, for the
/// last of them: their ends would wait for each other.
///
/// ```
/// use laneway::{Priority, Runtime};
///
/// let rt = Runtime::builder().with_low_num(2).build()?;
/// let answer = rt.spawn(async { 42 }, Priority::High);
/// assert_eq!(rt.block_on(answer), 42);
/// # Ok::<(), laneway::BuildError>(())
/// ```
///
/// # Processes that fork
///
/// A child of a bare `fork` has this value and none of its threads: its tasks are never polled
/// there, and each wait for one lasts for ever, the drop of the runtime included. That is not
/// supported, as with other runtimes. A child has to run another program at once, which is what
/// [`Command`](std::process::Command) does; where both sides need a runtime, the process has to
/// fork before the first one starts.
pub struct Runtime {
    pub(super) executor: Arc<Executor>,
    threads: Arc<Threads>,
    low_nice: Option<u8>,
}

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
    /// assert_eq!(laneway::join!(laneway::spawn_task!(async { 42 })), [42]);
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
    /// assert_eq!(rt.block_on(async { 42 }), 42);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "new_multi_thread")]
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn new_started(
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
        queue_named(&self.executor, name)
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

    /// The counts of the runtime so far. See [`RuntimeMetrics`].
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
    /// A poll that is running at the deadline is given another tenth of a second, and so is the
    /// destructor of a future that is cancelled. If it does not end by then, its thread is left
    /// behind, ends when the poll or the destructor does, and its task is counted as still
    /// running. Called by several threads, each gets a report of the whole.
    ///
    /// A task of the runtime's own that calls this is not waited for, by no caller: it comes back
    /// when all others have ended, and is cancelled itself if it waits after that. Nor is a task
    /// waited for that waits for the end of another runtime, if that in turn would wait for this
    /// call: runtimes whose tasks shut each other down in a circle end, whatever their deadlines.
    ///
    /// A closure given to [`unblock`](crate::blocking::unblock), or a thread, that a task of the
    /// runtime waits for is no such task. If it calls this, each of the two waits for the other
    /// until the deadline has come: such a closure is to be
    /// [detached](crate::blocking::Unblock::detach).
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.block_on(rt.spawn(async { /* finishes */ }, Priority::Low));
    /// rt.spawn(std::future::pending::<()>(), Priority::Low).detach();
    ///
    /// let report = rt.shutdown(Duration::from_millis(50));
    /// assert_eq!(report.completed, 1);
    /// assert_eq!(report.cut_off, 1);
    /// assert_eq!(report.still_running, 0);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias("shutdown_timeout", "graceful_shutdown"))]
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        // A deadline beyond what the clock can say is none.
        let deadline = Instant::now().checked_add(deadline);
        let waits = EndWait::begin(&self.threads);
        block_in_place(|| {
            let excused = self.own_tasks() + waits.tasks_in_circle();
            let _excused = self.executor.ending.excuse(excused);
            self.executor.drain(deadline);
            let grace = Instant::now() + GRACE;
            let deadline = match waits.closes_a_circle() {
                // One of the threads stays for as long as this one does.
                true => Some(grace),
                false => deadline.map(|deadline| deadline.max(grace)),
            };
            if !self.closes_elsewhere(deadline) {
                self.close(deadline);
            }
            self.threads.wait_until_gone(deadline);
            if self.executor.is_left_alone() {
                // The system is busy, and has given the other threads no turn.
                self.close(deadline);
            }
            ShutdownReport::of(&self.executor)
        })
    }

    /// Has another thread close the runtime, where there are futures to be dropped by a deadline.
    fn closes_elsewhere(&self, deadline: Option<Instant>) -> bool {
        let may_take_long = deadline.is_some() && !self.executor.is_drained();
        may_take_long && self.threads.start_closer(&self.executor).is_ok()
    }

    fn close(&self, deadline: Option<Instant>) {
        // Futures are dropped here. The tasks that their destructors spawn belong to this runtime,
        // as on a worker's thread, and are cancelled; they must not start the process-wide one.
        let _entered = seat::enter(self.executor.clone());
        self.threads.end(&self.executor, deadline);
    }

    /// Has another thread do all of the end. Not if the system gives no thread.
    fn ends_on_another_thread(&self) -> bool {
        // Handed over by a channel, and so not dropped here with a thread that never starts.
        let (sender, receiver) = mpsc::sync_channel(1);
        let builder = thread::Builder::new().name("laneway-closer".to_owned());
        let executor = self.executor.clone();
        let started = os_thread::spawn(builder, move || {
            // The futures are dropped here: what their thread-locals spawn belongs to this runtime.
            seat::belong(executor);
            drop(receiver.recv());
        });
        let ends = started.is_ok();
        if ends {
            let runtime = Runtime {
                executor: self.executor.clone(),
                threads: self.threads.clone(),
                low_nice: self.low_nice,
            };
            let handed_over = sender.send(runtime);
            handed_over.expect("the thread waits for it");
        }
        ends
    }

    /// How many of the runtime's tasks are under way on this very thread, so that it cannot wait
    /// for them: the one that it polls, if it does, those whose polls wait on the same stack, and
    /// those that it is dropping.
    fn own_tasks(&self) -> u64 {
        let polled = match self.threads.polls_here() {
            true => u64::from(polls_under_way()),
            false => 0,
        };
        polled + being_cut_off_here(self.executor.id)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let waits = EndWait::begin(&self.threads);
        let may_wait = !waits.closes_a_circle() && !may_call_observer_of(self.executor.id);
        if !may_wait && self.ends_on_another_thread() {
            return;
        }
        let own = self.own_tasks();
        block_in_place(|| {
            let _excused = self.executor.ending.excuse(own);
            self.close(None);
            self.threads.join();
        });
        match self.threads.is_one_of_them() && own > 0 {
            // A task of its own has dropped it, and ends after this: with the thread, which sees to
            // what is left. An observer may have dropped it on another thread of its own.
            true => self.threads.leave_the_rest_to_this_thread(),
            false => self.executor.unregister(),
        }
    }
}

// A panic leaves a runtime whole: its own state is changed under no user's code.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("executor", &self.executor)
            .finish_non_exhaustive()
    }
}
