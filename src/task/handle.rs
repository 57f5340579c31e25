//! The handle of a task, which the caller of a spawn keeps.
//!
//! [`Task`] holds one of the two halves that `async-task` makes of a future (`half.rs`); the other,
//! the `Runnable` of `executor/runnable.rs`, is in the hands of queues and workers. This file never
//! decides where a task goes, and never polls its future. Read `executor/tracked.rs` next.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::abort_handle::AbortHandle;
use super::half::{Half, Kept, is_boxed, unkept};
use crate::executor::{Meta, Outcome, Priority, seat, telling};
use crate::ground::ids::{ExecutorId, QueueId, TaskId};
use crate::ground::join_error::JoinError;
use crate::ground::poll::budget::{self, Waited};
use crate::ground::poll::{poll_shielded, trusting};
use crate::ground::telemetry::event::Event;
use crate::ground::telemetry::names::Called;

/// A spawned future: await it for its output, or keep it to keep the future going.
///
/// # Cancellation
///
/// Dropping a `Task` cancels it: its future is dropped instead of being polled again, by a worker
/// or by the thread that ends the runtime. A poll that is running meanwhile comes to its end
/// first. [`cancel`](Task::cancel) waits until that has happened; [`detach`](Task::detach)
/// lets the task run on without a handle.
///
/// A detached task that waits for a wake-up that can never come is kept until its runtime is
/// shut down or dropped.
///
/// # Priority
///
/// A high task that awaits a low one raises it, as [`escalate`](Task::escalate) does, so that it
/// does not wait behind the low queue; the raised task in turn raises the tasks that it awaits.
///
/// # Panics
///
/// Awaiting a task that panicked continues the panic in the awaiter, with the original payload.
/// Awaiting a task that was [aborted](Task::abort), or whose runtime was shut down, panics.
/// [`fallible`](Task::fallible) gives both as values.
///
/// A task gives its outcome once. After an await of `&mut task` has had the outcome, another await
/// panics, and so do a join of the task and its entry into a group.
///
/// # Fair turns
///
/// After 64 awaits that were ready at once in one poll of the awaiter, a handle is pending once
/// more although its task has ended, with a wake-up on its way. So code that polls a handle only
/// once, such as `now_or_never`, may miss an outcome that is there; a second poll has it, and
/// [`is_finished`](Task::is_finished) tells in any case.
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
#[doc(alias = "JoinHandle")]
#[must_use = "dropping a Task cancels it: await it, join it, or let it go with `detach()`"]
pub struct Task<T> {
    half: Half<T>,
}

impl<T> Task<T> {
    #[inline]
    pub(crate) fn new(half: Half<T>) -> Task<T> {
        Task { half }
    }

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
        self.half.detach();
    }

    /// Cancels the task and waits until its future has been dropped.
    ///
    /// Gives the output if the task had completed already, and `None` if it was cancelled, had
    /// panicked, or has given its output to an await of `&mut task`; a panic is then reported as
    /// that of a detached task. The task is told to end when the returned future is first polled,
    /// or when that is dropped.
    ///
    /// # Panics
    ///
    /// Continues the panic of a destructor that panicked while the future was dropped.
    /// [`FallibleTask::cancel`] gives each panic as a value.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let forever = spawn_task!(std::future::pending::<()>());
    /// assert_eq!(laneway::block_on(forever.cancel()), None);
    /// ```
    #[doc(alias = "abort")]
    pub async fn cancel(self) -> Option<T> {
        let ended = self.end().await?;
        ended.after_cancel().map(|output| *output)
    }

    /// Tells the task to end, and waits for it. `None`: an awaiter has had its outcome before.
    pub(crate) async fn end(mut self) -> Option<Outcome<Box<T>>> {
        self.raise_for_awaiter();
        self.abort();
        if self.meta().has_served() {
            return None;
        }
        let mut waited = Waited::No;
        Some(poll_fn(|cx| waited.poll(cx, |cx| self.poll_end_boxed(cx))).await)
    }

    /// Tells the task to end, and does not wait for it: instead of its next poll, its future is
    /// dropped. A poll that is running comes to its end first, and if that is the last, the task
    /// has completed after all.
    ///
    /// Awaiting a task that was aborted panics; [`fallible`](Task::fallible) and
    /// [`try_join!`](crate::try_join!) give a [`JoinError`] that is
    /// [cancelled](JoinError::is_cancelled). The abort of a task that has ended has no effect.
    ///
    /// ```
    /// use laneway::{spawn_task, try_join};
    ///
    /// let forever = spawn_task!(std::future::pending::<()>());
    /// forever.abort();
    /// assert!(try_join!(forever)[0].as_ref().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "kill")]
    pub fn abort(&self) {
        let meta = self.meta();
        meta.abort();
        self.wake_if_waiting();
    }

    /// Gives a handle that can tell the task to end, and do nothing else with it. There may be any
    /// number of such handles, on any thread, for any time.
    ///
    /// A task for which this was never called pays nothing for it.
    ///
    /// ```
    /// use laneway::spawn_task;
    ///
    /// let task = spawn_task!(std::future::pending::<()>()).fallible();
    /// let abort = task.abort_handle();
    /// std::thread::spawn(move || abort.abort());
    /// assert!(laneway::block_on(task).unwrap_err().is_cancelled());
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        let meta = self.meta();
        meta.make_abortable();
        AbortHandle::new(meta.executor, meta.id)
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
        self.half.is_finished()
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
        match self.meta().queue_by_loans() {
            QueueId::HIGH => Priority::High,
            _ => Priority::Low,
        }
    }

    /// Raises a low task to high priority from its next scheduling on.
    ///
    /// One that waits is woken for it, so that it raises the tasks that it awaits: its future is
    /// polled once more than its own wake-ups ask for. One that is in the low queue already is
    /// looked for there, by each worker between two polls, and moved to the high queue. A high
    /// task, and a task on a further queue, stays as it is.
    ///
    /// The worker goes through all low tasks that it holds, for up to a sixteenth of its time. If
    /// it is at home in the low queue, it goes through up to 131,072 tasks at once, and otherwise
    /// through up to 16,384. Among more than these, the raised task comes nearer in turn with the
    /// others until they are few enough.
    ///
    /// ```
    /// use laneway::{Priority, spawn_task};
    ///
    /// let task = spawn_task!(std::future::pending::<()>());
    /// task.escalate();
    /// assert_eq!(task.priority(), Priority::High);
    /// ```
    pub fn escalate(&self) {
        if let Some(executor) = self.raise() {
            seat::find_raised(executor);
        }
    }

    /// Raises the task if it is a low one, and wakes it if it waits. Gives the runtime in which it
    /// may lie in the low queue, for [`seat::find_raised`].
    pub(crate) fn raise(&self) -> Option<ExecutorId> {
        let meta = self.meta();
        if !meta.raise() {
            return None;
        }
        tell_of_raise(meta.executor, meta.id);
        self.wake_if_waiting();
        Some(meta.executor)
    }

    /// Wakes the task if it waits, so that it sees its new priority or the order to end.
    fn wake_if_waiting(&self) {
        let meta = self.meta();
        if !self.is_finished() {
            seat::wake_pending(meta.executor, meta.id);
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
        self.meta().id
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
        self.meta().name()
    }

    /// The numbers of the task and of its runtime.
    pub(crate) fn numbers(&self) -> (ExecutorId, TaskId) {
        let meta = self.meta();
        (meta.executor, meta.id)
    }

    /// Raises the task if a high task waits for it here, which then does not wait behind the low
    /// queue.
    fn raise_for_awaiter(&self) {
        if seat::runs_high_task() {
            self.escalate();
        }
    }

    /// Polls for an awaiter: counts a task that has ended in the budget of the awaiter's poll, and
    /// sends the awaiter back once if that is used up.
    #[inline]
    fn poll_outcome<K: Kept<T>>(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<K>> {
        if budget::is_used_up() && self.is_finished() && self.meta().send_awaiter_back() {
            return budget::put_off(cx);
        }
        let polled = self.poll_for_awaiter::<K>(cx);
        if polled.is_ready() {
            budget::count_ready();
        }
        polled
    }

    #[inline]
    fn poll_for_awaiter<K: Kept<T>>(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<K>> {
        let ended = self.poll_end::<K>(cx);
        if ended.is_pending() {
            self.raise_for_awaiter();
        }
        ended
    }

    /// Polls for a caller that keeps its thread anyhow, beyond the budget of any poll.
    pub(crate) fn poll_uncounted<K: Kept<T>>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<K, JoinError>> {
        self.poll_for_awaiter::<K>(cx).map(Outcome::into_result)
    }

    /// Polls without raising the task, for code that looks after a task and does not wait for it.
    fn poll_end<K: Kept<T>>(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<K>> {
        self.refuse_if_served();
        let polled = poll_shielded(Pin::new(K::handle(&mut self.half)), cx);
        if polled.is_ready() {
            self.meta().note_served();
        }
        polled
    }

    /// As [`poll_end`](Task::poll_end). The output is in a box, of whatever size it is.
    pub(crate) fn poll_end_boxed(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<Box<T>>> {
        match const { is_boxed::<T>() } {
            true => self.poll_end::<Box<T>>(cx),
            false => self.poll_end_and_box(cx),
        }
    }

    // A function of its own: where nothing is optimised, a frame has room for what any of its
    // branches holds.
    fn poll_end_and_box(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<Box<T>>> {
        self.poll_end::<T>(cx).map(|ended| ended.map(Box::new))
    }

    /// The result of a task that has ended and whose outcome no awaiter has had.
    pub(crate) fn into_result(self) -> Result<T, JoinError> {
        match const { is_boxed::<T>() } {
            true => unkept(self.into_kept::<Box<T>>()),
            false => self.into_kept::<T>(),
        }
    }

    fn into_kept<K: Kept<T>>(mut self) -> Result<K, JoinError> {
        let nothing = Waker::noop();
        let mut cx = Context::from_waker(nothing);
        match trusting(nothing, || self.poll_end::<K>(&mut cx)) {
            Poll::Ready(ended) => ended.into_result(),
            Poll::Pending => unreachable!("the task has ended"),
        }
    }

    #[inline]
    fn meta(&self) -> &Meta {
        self.half.meta()
    }

    /// Panics if an awaiter has had the outcome.
    #[inline]
    pub(crate) fn refuse_if_served(&self) {
        if self.meta().has_served() {
            self.refuse_awaiter();
        }
    }

    #[cold]
    fn refuse_awaiter(&self) -> ! {
        let name = self.name();
        panic!(
            "the task{} spawned at {} has given its outcome to an earlier await, and has no other",
            Called(name.as_deref()),
            self.meta().spawned_at
        )
    }
}

/// Tells the observers that a task was raised.
#[cold]
#[inline(never)]
fn tell_of_raise(executor: ExecutorId, task: TaskId) {
    let by = seat::worker_of(executor);
    telling::emit_to(executor, || Event::Escalated { task, by });
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match const { is_boxed::<T>() } {
            true => poll_output::<T, Box<T>>(&mut self, cx),
            false => poll_output::<T, T>(&mut self, cx),
        }
    }
}

// Neither with `map`, whose frame would hold the output once more where nothing is optimised.

#[inline]
fn poll_output<T, K: Kept<T>>(task: &mut Task<T>, cx: &mut Context<'_>) -> Poll<T> {
    match task.poll_outcome::<K>(cx) {
        Poll::Ready(outcome) => Poll::Ready(outcome.output().unkept()),
        Poll::Pending => Poll::Pending,
    }
}

#[inline]
fn poll_result<T, K: Kept<T>>(
    task: &mut Task<T>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, JoinError>> {
    match task.poll_outcome::<K>(cx) {
        Poll::Ready(outcome) => Poll::Ready(unkept(outcome.into_result())),
        Poll::Pending => Poll::Pending,
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

impl<T> FallibleTask<T> {
    /// Lets the task run on without a handle, as [`Task::detach`] does.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// spawn_task!(async move { sender.send(1).unwrap() }).fallible().detach();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn detach(self) {
        self.task.detach();
    }

    /// Cancels the task and waits until its future has been dropped, as [`Task::cancel`] does.
    ///
    /// Gives the output if the task had completed already, and `None` if it was cancelled or has
    /// given its output or its panic to an await of `&mut task`.
    ///
    /// # Errors
    ///
    /// The panic of a task that had panicked already, or of a destructor that panicked while the
    /// future was dropped.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// let forever = spawn_task!(std::future::pending::<()>()).fallible();
    /// assert!(laneway::block_on(forever.cancel()).unwrap().is_none());
    /// ```
    pub async fn cancel(self) -> Result<Option<T>, JoinError> {
        match self.task.end().await.map(Outcome::into_result) {
            None => Ok(None),
            Some(Ok(output)) => Ok(Some(*output)),
            Some(Err(error)) if error.is_cancelled() => Ok(None),
            Some(Err(error)) => Err(error),
        }
    }

    /// Tells the task to end, and does not wait for it, as [`Task::abort`] does.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// let forever = spawn_task!(std::future::pending::<()>()).fallible();
    /// forever.abort();
    /// assert!(laneway::block_on(forever).unwrap_err().is_cancelled());
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Gives a handle that can tell the task to end. [`Task::abort_handle`] has an example.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the task has ended: completed, panicked, or been cancelled.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// assert!(!spawn_task!(std::future::pending::<()>()).fallible().is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The task's number, as events show it.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// let task = spawn_task!(async {});
    /// let id = task.id();
    /// assert_eq!(task.fallible().id(), id);
    /// ```
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The name that the task was spawned with, if any, as [`Task::name`] gives it.
    ///
    /// ```
    /// # use laneway::spawn_task;
    /// let parser = spawn_task!(name = "parser", async {}).fallible();
    /// assert_eq!(parser.name().as_deref(), Some("parser"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        self.task.name()
    }

    /// The priority that the task's next scheduling will use, as [`Task::priority`] gives it.
    ///
    /// ```
    /// # use laneway::{Priority, spawn_task};
    /// assert_eq!(spawn_task!(async {}).fallible().priority(), Priority::Low);
    /// ```
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.task.priority()
    }

    /// Raises a low task to high priority, as [`Task::escalate`] does.
    ///
    /// ```
    /// # use laneway::{Priority, spawn_task};
    /// let task = spawn_task!(std::future::pending::<()>()).fallible();
    /// task.escalate();
    /// assert_eq!(task.priority(), Priority::High);
    /// ```
    pub fn escalate(&self) {
        self.task.escalate();
    }
}

impl<T> Future for FallibleTask<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match const { is_boxed::<T>() } {
            true => poll_result::<T, Box<T>>(&mut self.task, cx),
            false => poll_result::<T, T>(&mut self.task, cx),
        }
    }
}

impl<T> fmt::Debug for FallibleTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FallibleTask").field(&self.task).finish()
    }
}
