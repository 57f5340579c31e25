//! What a task is: a future on its way through the queues, and the handle that awaits it.
//!
//! [`spawn`] turns a future into two halves with one allocation, made by the `async-task` crate:
//! the `Runnable`, which gets queued and polled, and the [`Task`], which the caller keeps.
//! Between the future and async-task stands [`Tracked`], which sees every poll: it turns a panic
//! into a value, keeps the books, and drops the future where a panicking destructor does no harm.
//!
//! This module never decides where a task goes. Read `queue.rs` next.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, RawWakerVTable, Waker, ready};

use async_task::{ScheduleInfo, WithInfo};
use pin_project_lite::pin_project;

use super::cut_off::CutOffTask;
use super::event::{LostPanic, PollEnd, TaskId};
use super::join_error::JoinError;
use super::names::{self, Called};
use super::route::QueueId;
use super::shield::{ShieldedWaker, drop_shielded, log_error};
use super::{Executor, ExecutorId, seat};

/// How urgent a task is: which of the two queues it waits in.
///
/// A task's priority is read each time it is scheduled, so a change counts from the next
/// scheduling on.
///
/// ```
/// use laneway::{Priority, spawn_task};
///
/// let task = spawn_task!(async { 42 }, Priority::High);
/// assert_eq!(task.priority(), Priority::High);
/// assert_eq!(Priority::default(), Priority::Low);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// For what somebody waits for.
    High,
    /// For everything else. The default.
    #[default]
    Low,
}

impl Priority {
    pub(crate) fn queue(self) -> QueueId {
        match self {
            Priority::High => QueueId::HIGH,
            Priority::Low => QueueId::LOW,
        }
    }
}

/// The half of a task that waits in queues and is polled.
pub(crate) type Runnable = async_task::Runnable<Meta>;

/// What a task carries besides its future. Lives in the task's one allocation.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) id: TaskId,
    pub(crate) executor: ExecutorId,
    /// The queue it goes to when next scheduled. Changed by `escalate`.
    queue: AtomicU16,
    /// Whether its name stands in `names.rs`, from before its first scheduling to the end of its
    /// memory.
    named: bool,
    /// Here as well as in [`Life`], for those who see the task and not its future.
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Meta {
    fn name(&self) -> Option<Arc<str>> {
        let key = (self.executor, self.id);
        self.named.then(|| names::get(key)).flatten()
    }

    pub(crate) fn queue(&self) -> QueueId {
        // Relaxed: a hint to the next scheduling; no other data hangs on it.
        QueueId(self.queue.load(Ordering::Relaxed))
    }
}

impl Drop for Meta {
    #[inline]
    fn drop(&mut self) {
        if self.named {
            names::leave((self.executor, self.id));
        }
    }
}

/// Where a task comes from, and what its spawner calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) spawned_at: &'static Location<'static>,
    // One pointer: a task without a name hands on no more than a null.
    pub(crate) name: Option<&'a Arc<str>>,
}

/// Makes the two halves of a task. Neither has been queued or polled yet. Its name, if it has
/// one, is in `names.rs` already.
#[inline]
pub(crate) fn new<F>(
    future: F,
    id: TaskId,
    executor: ExecutorId,
    queue: QueueId,
    origin: Origin<'_>,
) -> (Runnable, Task<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Origin { spawned_at, name } = origin;
    let named = name.is_some();
    let meta = Meta {
        id,
        executor,
        queue: AtomicU16::new(queue.0),
        named,
        spawned_at,
    };
    let tracked = move |meta: &Meta| Tracked {
        future: Some(future),
        life: Life {
            task: meta.id,
            executor,
            queue,
            named,
            registered: false,
            spawned_at,
        },
    };
    let (runnable, handle) = async_task::Builder::new()
        .metadata(meta)
        .spawn(tracked, WithInfo(schedule));
    (runnable, Task { handle })
}

/// Called by async-task whenever a task is to be queued again.
///
/// A function without captured state on purpose: async-task then needs no extra reference to
/// the task while it calls it, and the tasks share no reference count that two cores would
/// fight over.
fn schedule(runnable: Runnable, info: ScheduleInfo) {
    if info.woken_while_running {
        POLL_END.set(PollEnd::Yielded);
        seat::reschedule(runnable);
    } else {
        seat::schedule(runnable);
    }
}

thread_local! {
    /// How the last poll on this thread ended, from `Tracked` to the worker's step.
    pub(super) static POLL_END: Cell<PollEnd> = const { Cell::new(PollEnd::Cancelled) };

    /// Set while this thread runs a task in order to cancel it; `Tracked` takes it.
    static CANCELLING: Cell<Option<Cancelling>> = const { Cell::new(None) };

    /// Set by the task that took the order to cancel itself: where it was spawned.
    static OBEYED: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };

    /// What wakers do that are known not to panic: the running task's, or that of our own
    /// `block_on`. A table of functions belongs to one type of waker, and every waker of a type of
    /// ours is as harmless as the other.
    static TRUSTED: Cell<*const RawWakerVTable> = const { Cell::new(ptr::null()) };
}

/// What becomes of a task that is run in order to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelling {
    /// Its end is counted.
    CutOff,
    /// It was never taken, and is counted as refused.
    Refused,
}

/// Ends a task of a runtime that has shut down: its future is dropped, its awaiter gets
/// [`JoinError`]. Tells which it was if there was anything left to cancel.
pub(crate) fn cancel(runnable: Runnable) -> Option<CutOffTask> {
    let name = runnable.metadata().name();
    let spawned_at = run_in_order_to(Cancelling::CutOff, runnable)?;
    Some(CutOffTask { name, spawned_at })
}

/// Ends a new task that its runtime does not take.
pub(crate) fn refuse(runnable: Runnable) {
    let obeyed = run_in_order_to(Cancelling::Refused, runnable);
    debug_assert!(obeyed.is_some(), "a new task can be cancelled");
}

fn run_in_order_to(order: Cancelling, runnable: Runnable) -> Option<&'static Location<'static>> {
    // The task's future may cancel others when it is dropped: each call restores what it found.
    let outer = OBEYED.replace(None);
    CANCELLING.set(Some(order));
    runnable.run();
    // Not taken by a task whose handle had been dropped: that one was not polled.
    CANCELLING.set(None);
    OBEYED.replace(outer)
}

/// Runs `poll` with `waker` known to be one of ours.
pub(crate) fn trusting<R>(waker: &Waker, poll: impl FnOnce() -> R) -> R {
    /// Puts back what was trusted before, after a panic too.
    struct Restore(*const RawWakerVTable);
    impl Drop for Restore {
        fn drop(&mut self) {
            TRUSTED.set(self.0);
        }
    }
    let _restore = Restore(TRUSTED.replace(waker.vtable()));
    poll()
}

/// As [`trusting`], for the waker of a task. What was trusted before is not put back: there is no
/// harm in trusting it for longer, and of stores there are many in a poll.
#[inline]
fn trust(waker: &Waker) {
    let vtable: *const RawWakerVTable = waker.vtable();
    if TRUSTED.get() != vtable {
        TRUSTED.set(vtable);
    }
}

/// Polls one of async-task's futures, which wake their awaiter where a panic aborts the process.
/// Wakers of our own do not panic; any other is called through a shield.
fn poll_shielded<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    if ptr::eq(TRUSTED.get(), cx.waker().vtable()) {
        return future.poll(cx);
    }
    let shielded = ShieldedWaker::around(cx.waker());
    future.poll(&mut Context::from_waker(&shielded))
}

/// How a task has ended, told to nobody yet: with an output, or with the reason why there is none.
/// A task's allocation holds it until somebody awaits the task. Dropped, it is as if the task had
/// been detached: a panic is reported.
// Not an enum: where the output has no size, two options are handed on in registers. An enum would
// be written to memory in parts and read back whole, for which a processor waits 4 ns.
pub(crate) struct Outcome<T> {
    output: Option<T>,
    // Boxed, since every task has room for a failure and few need it.
    failure: Option<Box<Failure>>,
}

impl<T> Outcome<T> {
    fn completed(output: T) -> Outcome<T> {
        Outcome {
            output: Some(output),
            failure: None,
        }
    }

    fn failed(failure: Box<Failure>) -> Outcome<T> {
        Outcome {
            output: None,
            failure: Some(failure),
        }
    }

    /// What the awaiter learns.
    pub(crate) fn tell(mut self) -> Result<T, JoinError> {
        self.output.take().ok_or_else(|| {
            let failure = self.failure.take();
            let failure = failure.expect("a task without an output has failed");
            failure.into_error()
        })
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        // Where no awaiter comes for it, a panic in its destructor is caught: async-task would
        // abort.
        if let Some(output) = self.output.take() {
            drop_shielded(output);
        }
    }
}

pin_project! {
    /// A future under observation.
    struct Tracked<F> {
        // None once the future has been dropped.
        #[pin]
        future: Option<F>,
        life: Life,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.future.is_some() {
                drop_future(this.future, this.life);
                this.life.cancelled();
            }
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(order) = CANCELLING.get() {
            CANCELLING.set(None);
            drop_future(this.future, this.life);
            match order {
                Cancelling::CutOff => this.life.cancelled(),
                Cancelling::Refused => seat::emit_cancelled(this.life.executor, this.life.task),
            }
            OBEYED.set(Some(this.life.spawned_at));
            return Poll::Ready(Outcome::failed(this.life.failure(Cause::Cancelled)));
        }
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("async-task polls no task that has ended");
        trust(cx.waker());
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let outcome = match polled {
            Ok(Poll::Pending) => {
                this.life.pend(cx.waker());
                return Poll::Pending;
            }
            Ok(Poll::Ready(output)) => Outcome::completed(output),
            Err(payload) => Outcome::failed(this.life.failure(Cause::Panicked(payload))),
        };
        drop_future(this.future, this.life);
        this.life.end(match outcome.failure {
            None => PollEnd::Ready,
            Some(_) => PollEnd::Panicked,
        });
        Poll::Ready(outcome)
    }
}

/// Drops a task's future where a panic in its destructor is caught: async-task would abort.
fn drop_future<F>(mut future: Pin<&mut Option<F>>, life: &Life) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| future.set(None))) {
        // There is no awaiter left for it, or one that awaits something else.
        drop(life.failure(Cause::Panicked(payload)));
    }
}

/// The books kept for one task.
#[derive(Debug)]
struct Life {
    task: TaskId,
    executor: ExecutorId,
    /// The queue it was spawned on, under which it is counted.
    queue: QueueId,
    /// As in [`Meta`], whose memory this lies in.
    named: bool,
    /// Whether its waker is kept, since it was pending once.
    registered: bool,
    spawned_at: &'static Location<'static>,
}

impl Life {
    /// Notes that a poll left the task pending. The first time, its waker is entered among those
    /// that shutdown wakes.
    #[inline]
    fn pend(&mut self, waker: &Waker) {
        POLL_END.set(PollEnd::Pending);
        if !self.registered {
            self.registered = seat::register_pending(self.executor, self.task, waker);
        }
    }

    /// Notes that the task has ended and its future is gone.
    fn end(&mut self, end: PollEnd) {
        POLL_END.set(end);
        let registered = std::mem::take(&mut self.registered).then_some(self.task);
        seat::record_end(self.executor, self.queue, end, registered);
    }

    /// Notes that the future was dropped before the task had completed.
    fn cancelled(&mut self) {
        // First, since with the end's count a shutdown may be over.
        seat::emit_cancelled(self.executor, self.task);
        self.end(PollEnd::Cancelled);
    }

    #[cold]
    fn failure(&self, cause: Cause) -> Box<Failure> {
        let key = (self.executor, self.task);
        Box::new(Failure {
            task: self.task,
            executor: self.executor,
            name: self.named.then(|| names::get(key)).flatten(),
            spawned_at: self.spawned_at,
            cause,
        })
    }
}

/// Why a task has no output. Reports a panic that nobody took.
struct Failure {
    task: TaskId,
    executor: ExecutorId,
    name: Option<Arc<str>>,
    spawned_at: &'static Location<'static>,
    cause: Cause,
}

enum Cause {
    Panicked(Box<dyn Any + Send>),
    Cancelled,
    /// The cause has been handed to an awaiter.
    Told,
}

// What a task's allocation holds besides its future must not grow unseen.
const _: () = assert!(size_of::<Meta>() <= 24);
const _: () = assert!(size_of::<Life>() <= 32);
const _: () = assert!(size_of::<Outcome<()>>() <= 16);

impl Failure {
    fn into_error(mut self) -> JoinError {
        let error = match mem::replace(&mut self.cause, Cause::Told) {
            Cause::Panicked(payload) => JoinError::panic(payload, self.spawned_at),
            Cause::Cancelled => JoinError::cancelled(self.spawned_at),
            Cause::Told => unreachable!("a failure is consumed by the one who is told"),
        };
        error.with_name(self.name.take())
    }
}

impl Drop for Failure {
    #[cold]
    fn drop(&mut self) {
        if let Cause::Panicked(payload) = mem::replace(&mut self.cause, Cause::Told) {
            let panic = LostPanic {
                task: self.task,
                name: self.name.as_deref(),
                spawned_at: self.spawned_at,
                payload: &*payload,
            };
            log_error(format_args!(
                "task {}{} spawned at {} panicked and nobody awaits it: {}",
                panic.task,
                Called(panic.name),
                panic.spawned_at,
                panic.message()
            ));
            if let Some(executor) = Executor::find(self.executor) {
                executor.observe(|observer| observer.on_lost_panic(&panic));
            }
            drop_shielded(payload);
        }
    }
}

/// A spawned future: await it for its output, or keep it to keep the future going.
///
/// # Cancellation
///
/// Dropping a `Task` cancels it: its future is dropped by a worker instead of being polled again,
/// or on this thread if the runtime has shut down. A poll that is running meanwhile comes to its
/// end first. [`cancel`](Task::cancel) waits until that has happened; [`detach`](Task::detach)
/// lets the task run on without a handle.
///
/// A detached task that waits for a wake-up that can never come is kept until its runtime is
/// shut down or dropped.
///
/// # Priority
///
/// A high task that awaits a low one raises it, as [`escalate`](Task::escalate) does, so that it
/// does not wait behind the low queue, and so in turn what that one awaits.
///
/// # Panics
///
/// Awaiting a task that panicked continues the panic in the awaiter, with the original payload.
/// Awaiting a task that was cancelled, which here means that its runtime was shut down, panics.
/// [`fallible`](Task::fallible) gives both as values.
///
/// ```
/// use laneway::{Runtime, Priority, spawn_task};
///
/// let rt = Runtime::builder().build()?;
/// let sum = rt.block_on(async {
///     let one = spawn_task!(async { 1 });
///     let two = spawn_task!(async { 2 }, Priority::High);
///     one.await + two.await
/// });
/// assert_eq!(sum, 3);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[must_use = "dropping a Task cancels it: await it, join it, or let it go with `detach()`"]
pub struct Task<T> {
    handle: async_task::Task<Outcome<T>, Meta>,
}

impl<T> Task<T> {
    /// Lets the task run on without a handle. Its output is dropped; its panic is reported to
    /// the observer and the log.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// spawn_task!(async move { sender.send("still here").unwrap() }).detach();
    /// assert_eq!(receiver.recv(), Ok("still here"));
    /// ```
    pub fn detach(self) {
        self.handle.detach();
    }

    /// Cancels the task and waits until its future has been dropped.
    ///
    /// Gives the output if the task had completed already, and `None` if it was cancelled or had
    /// panicked; the panic is then reported as that of a detached task. Cancellation happens when
    /// the returned future is first polled, or when it is dropped.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let forever = spawn_task!(std::future::pending::<()>());
    /// assert_eq!(laneway::block_on(forever.cancel()), None);
    /// ```
    pub async fn cancel(self) -> Option<T> {
        self.raise_for_awaiter();
        let mut cancelled = pin!(self.handle.cancel());
        let mut outcome = poll_fn(|cx| poll_shielded(cancelled.as_mut(), cx)).await?;
        outcome.output.take()
    }

    /// Turns the task into a future of a `Result`, with a panic or cancellation as the error.
    ///
    /// # Cancellation
    ///
    /// Dropping the returned future cancels the task, as dropping the `Task` does.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let task = spawn_task!(async { if true { panic!("no luck") } });
    /// let error = laneway::block_on(task.fallible()).unwrap_err();
    /// assert!(error.is_panic());
    /// ```
    pub fn fallible(self) -> FallibleTask<T> {
        FallibleTask { task: self }
    }

    /// Whether the task has ended: completed, panicked, or been cancelled.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let task = spawn_task!(std::future::pending::<()>());
    /// assert!(!task.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The priority that the task's next scheduling will use. A task on a further queue counts
    /// as low.
    ///
    /// ```
    /// use laneway::{Priority, spawn_task};
    ///
    /// assert_eq!(spawn_task!(async {}).priority(), Priority::Low);
    /// ```
    #[must_use]
    pub fn priority(&self) -> Priority {
        match self.handle.metadata().queue() {
            QueueId::HIGH => Priority::High,
            _ => Priority::Low,
        }
    }

    /// Raises a low task to high priority from its next scheduling on.
    ///
    /// One that waits is woken for it, so that it raises in turn what it awaits: its future is
    /// polled once more than its own wake-ups ask for. One that is in a queue already stays there
    /// until its turn. A high task, and a task on a further queue, stays as it is.
    ///
    /// ```
    /// use laneway::{Priority, spawn_task};
    ///
    /// let task = spawn_task!(std::future::pending::<()>());
    /// task.escalate();
    /// assert_eq!(task.priority(), Priority::High);
    /// ```
    pub fn escalate(&self) {
        let meta = self.handle.metadata();
        // Only from low: a further queue was chosen for its threads, not its urgency.
        let raised = meta.queue.compare_exchange(
            QueueId::LOW.0,
            QueueId::HIGH.0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if raised.is_ok() {
            seat::emit_escalated(meta.executor, meta.id);
            if !self.is_finished() {
                seat::wake_pending(meta.executor, meta.id);
            }
        }
    }

    /// The task's number, as events show it.
    ///
    /// ```
    /// let task = laneway::spawn_task!(async {});
    /// println!("spawned task {}", task.id());
    /// # assert!(task.id().to_string().starts_with('#'));
    /// ```
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.handle.metadata().id
    }

    /// The name that the task was spawned with, if any. A handle knows it after the task's end as
    /// well.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let parser = spawn_task!(name = "parser", async {});
    /// assert_eq!(parser.name().as_deref(), Some("parser"));
    /// assert_eq!(spawn_task!(async {}).name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        self.handle.metadata().name()
    }

    /// A high task does not wait behind the low queue.
    fn raise_for_awaiter(&self) {
        if seat::runs_high_task() {
            self.escalate();
        }
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let ended = self.poll_end(cx);
        if ended.is_pending() {
            self.raise_for_awaiter();
        }
        ended.map(Outcome::tell)
    }

    /// Polls without raising the task, for those who look after a task and do not wait for it.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        poll_shielded(Pin::new(&mut self.handle), cx)
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(self.poll_outcome(cx)) {
            Ok(output) => Poll::Ready(output),
            Err(error) => error.throw(),
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("priority", &self.priority())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// A [`Task`] whose panic or cancellation is an `Err`. Made by [`Task::fallible`].
///
/// ```
/// use laneway::spawn_task;
///
/// let task = spawn_task!(async { 42 }).fallible();
/// assert_eq!(laneway::block_on(task).unwrap(), 42);
/// ```
#[must_use = "dropping a FallibleTask cancels it"]
pub struct FallibleTask<T> {
    task: Task<T>,
}

impl<T> Future for FallibleTask<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.poll_outcome(cx)
    }
}

impl<T> fmt::Debug for FallibleTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FallibleTask").field(&self.task).finish()
    }
}
