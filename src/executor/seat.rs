//! This thread's connection to a runtime: which one it belongs to, and which worker sits here.
//!
//! Tasks are spawned, woken and dropped on all kinds of threads. On a worker's thread that costs
//! least, since the worker's own queues and counters are at hand; here is decided which of the
//! two ways is taken.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::event::{Event, Placement, PollEnd, TaskId, WorkerId};
use super::route::QueueId;
use super::tally::{Tally, Writer};
use super::task::{Runnable, cancel};
use super::worker::{Turn, Worker};
use super::{Executor, ExecutorId, Park, Phase};

thread_local! {
    /// The runtime that this thread works for, or has entered by `Runtime::block_on`.
    static EXECUTOR: RefCell<Option<Kept<Arc<Executor>>>> = const { RefCell::new(None) };

    /// The worker that sits here. Empty while its thread is blocked in a task and another thread
    /// has taken the worker over, and while [`Seated`] has it.
    static SEAT: Cell<Option<Kept<Box<Worker>>>> = const { Cell::new(None) };

    /// Whether the task that blocks this thread is a high one. Set when another thread takes the
    /// worker over, of no meaning while a worker sits here.
    static BLOCKED_IN_HIGH: Cell<bool> = const { Cell::new(false) };

    /// Whether anybody observes the runtime that this thread works for, or one that it has
    /// entered meanwhile.
    static OBSERVED: Cell<bool> = const { Cell::new(false) };

    /// The task that is being polled on this thread. Kept where somebody observes.
    static RUNNING: Cell<Option<(ExecutorId, TaskId)>> = const { Cell::new(None) };

    /// Task numbers set aside for what this thread spawns from outside.
    static NUMBERS: Numbers = const {
        Numbers {
            of: Cell::new(None),
            next: Cell::new(0),
            end: Cell::new(0),
        }
    };

    /// Whether this thread is waking those whose time has come.
    static FIRING: Cell<bool> = const { Cell::new(false) };
}

/// Dropped by whoever takes it out, never with the thread: a thread-local without a destructor
/// needs no look at whether it still exists, at each of several accesses a poll.
type Kept<T> = ManuallyDrop<T>;

/// Makes a runtime this thread's own until the guard is dropped.
#[must_use]
pub(crate) fn enter(executor: Arc<Executor>) -> Entered {
    // The worker that sits here goes on to report to its own observer.
    let outer_observed = OBSERVED.get();
    OBSERVED.set(outer_observed || executor.is_observed());
    let outer = EXECUTOR.replace(Some(Kept::new(executor)));
    Entered {
        outer: outer.map(Kept::into_inner),
        outer_observed,
    }
}

/// Puts back what was entered before.
pub(crate) struct Entered {
    outer: Option<Arc<Executor>>,
    outer_observed: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        OBSERVED.set(self.outer_observed);
        let inner = EXECUTOR.replace(self.outer.take().map(Kept::new));
        drop(inner.map(Kept::into_inner));
    }
}

/// Seats a worker on this thread, or takes away the one that sits here.
pub(crate) fn replace_worker(worker: Option<Box<Worker>>) -> Option<Box<Worker>> {
    SEAT.replace(worker.map(Kept::new)).map(Kept::into_inner)
}

/// The worker that sits here, taken from its seat until this is dropped.
struct Seated(Option<Kept<Box<Worker>>>);

impl Seated {
    // A cell that is emptied and filled, and no `RefCell`: what is done in between would else be
    // compiled into a closure behind a call, which costs 4 ns in a spawn and its run.
    #[inline]
    fn here() -> Seated {
        Seated(SEAT.take())
    }
}

impl Drop for Seated {
    #[inline]
    fn drop(&mut self) {
        SEAT.set(self.0.take());
    }
}

/// Calls `f` with the worker that sits here. `f` must not run anything of the user's: it would
/// find no worker.
#[inline]
pub(crate) fn with_worker<R>(f: impl FnOnce(&mut Worker) -> R) -> Option<R> {
    let mut seated = Seated::here();
    seated.0.as_mut().map(|worker| f(worker))
}

/// Calls `f` with the worker that sits here, if it belongs to the given runtime.
#[inline]
fn with_worker_of<R>(id: ExecutorId, f: impl FnOnce(&mut Worker) -> R) -> Option<R> {
    with_worker(|worker| (worker.executor_id == id).then(|| f(worker))).flatten()
}

/// Calls `f` with this thread's runtime. `f` must not run anything of the user's, who might enter
/// another runtime in it; observers excepted.
#[inline]
pub(crate) fn with_executor<R>(f: impl FnOnce(Option<&Arc<Executor>>) -> R) -> R {
    EXECUTOR.with_borrow(|executor| f(executor.as_deref()))
}

/// Whether the task that is being polled on this thread was taken from the high queue.
pub(crate) fn runs_high_task() -> bool {
    with_worker(Worker::runs_high_task).unwrap_or_else(|| BLOCKED_IN_HIGH.get())
}

/// This thread's runtime.
pub(crate) fn current() -> Option<Arc<Executor>> {
    with_executor(|executor| executor.cloned())
}

/// A runtime that exists, wherever this thread belongs. For what may run code of the user's; it
/// costs a reference count.
fn executor_of(id: ExecutorId) -> Option<Arc<Executor>> {
    let here = with_executor(|executor| executor.filter(|here| here.id == id).cloned());
    here.or_else(|| Executor::find(id))
}

/// Calls `f` with a runtime that exists, wherever this thread belongs. `f` must
/// not run anything of the user's.
fn with_executor_of<R>(id: ExecutorId, f: impl FnOnce(&Executor) -> R) -> Option<R> {
    with_executor(|executor| match executor {
        Some(executor) if executor.id == id => Some(f(executor)),
        _ => Some(f(&*Executor::find(id)?)),
    })
}

/// Whether anybody may observe what happens on this thread.
#[inline]
pub(crate) fn is_observed() -> bool {
    OBSERVED.get()
}

/// Tells the observer, if there is one.
#[inline]
pub(crate) fn emit(event: impl FnOnce() -> Event) {
    if OBSERVED.get() {
        with_observed(|executor| executor.emit(event()));
    }
}

/// Calls `f` with this thread's runtime, for it to tell its observer of several things at once.
pub(crate) fn with_observed(f: impl FnOnce(&Executor)) {
    with_executor(|executor| {
        if let Some(executor) = executor {
            f(executor);
        }
    });
}

/// Tells the observer of a given runtime, if there is one.
fn emit_to(id: ExecutorId, event: impl FnOnce() -> Event) {
    with_executor_of(id, |executor| executor.emit_with(event));
}

/// Tells that a task is about to be put into its queue's channel.
#[cold]
pub(crate) fn emit_injected(executor: &Executor, task: TaskId, queue: QueueId) {
    let by = worker_of(executor.id);
    emit_scheduled(executor, task, queue, by, Placement::Channel);
}

/// Tells that a task is about to be queued, and what for if it is by the timer.
#[inline]
fn emit_scheduled(
    executor: &Executor,
    task: TaskId,
    queue: QueueId,
    by: Option<WorkerId>,
    to: Placement,
) {
    if FIRING.get() {
        executor.emit(Event::TimerFired { task });
    }
    executor.emit(Event::Scheduled {
        task,
        queue,
        by,
        to,
    });
}

/// Tells that a task's future was dropped before its end.
#[cold]
#[inline(never)]
pub(crate) fn emit_cancelled(id: ExecutorId, task: TaskId) {
    emit_to(id, || Event::Cancelled {
        task,
        by: worker_of(id),
    });
}

/// Tells that a task was raised.
#[cold]
#[inline(never)]
pub(crate) fn emit_escalated(id: ExecutorId, task: TaskId) {
    emit_to(id, || Event::Escalated {
        task,
        by: worker_of(id),
    });
}

/// Tells that the task that is being polled on this thread begins to wait for the timer.
pub(crate) fn emit_timer_armed(wait: impl FnOnce() -> Duration) {
    if OBSERVED.get()
        && let Some((id, task)) = RUNNING.get()
    {
        let after_us = u64::try_from(wait().as_micros()).unwrap_or(u64::MAX);
        emit_to(id, || Event::TimerArmed {
            task,
            by: worker_of(id),
            after_us,
        });
    }
}

/// Runs `wake`, which wakes somebody whose time has come.
pub(crate) fn firing(wake: impl FnOnce()) {
    let outer = FIRING.replace(true);
    wake();
    FIRING.set(outer);
}

/// The task that is being polled on this thread, if somebody observes its runtime.
pub(crate) fn running_task() -> Option<TaskId> {
    RUNNING.get().map(|(_, task)| task)
}

/// Notes which task is being polled on this thread, and gives what was noted before.
pub(crate) fn set_running(running: Option<(ExecutorId, TaskId)>) -> Option<(ExecutorId, TaskId)> {
    RUNNING.replace(running)
}

/// Queues a task that was woken.
#[inline]
pub(crate) fn schedule(runnable: Runnable) {
    place(runnable, Turn::Next);
}

/// Queues a task that was woken while it ran.
#[inline]
pub(crate) fn reschedule(runnable: Runnable) {
    place(runnable, Turn::Last);
}

#[inline]
fn place(runnable: Runnable, turn: Turn) {
    let id = runnable.metadata().executor;
    if let Err(runnable) = keep(id, runnable, turn) {
        inject(id, runnable);
    }
}

/// Gives a task to the worker that sits here, if it belongs there.
#[inline]
fn keep(id: ExecutorId, runnable: Runnable, turn: Turn) -> Result<(), Runnable> {
    if is_observed() {
        return keep_observed(id, runnable, turn);
    }
    hand_over(id, runnable, turn)
}

/// As [`keep`], and tells nobody.
#[inline]
fn hand_over(id: ExecutorId, runnable: Runnable, turn: Turn) -> Result<(), Runnable> {
    match &mut Seated::here().0 {
        Some(worker) if worker.executor_id == id => worker.keep(runnable, turn),
        _ => Err(runnable),
    }
}

#[cold]
fn keep_observed(id: ExecutorId, runnable: Runnable, turn: Turn) -> Result<(), Runnable> {
    let meta = runnable.metadata();
    let (task, queue) = (meta.id, meta.queue());
    let kept_by = with_worker_of(id, |worker| worker.keeps(queue).then_some(worker.id)).flatten();
    if kept_by.is_none() {
        return Err(runnable);
    }
    // Before it lies there: somebody might take it, and tell so, at once. To the task's own
    // runtime, which need not be the one that this thread has entered.
    with_executor_of(id, |executor| {
        let to = match turn {
            Turn::Next => Placement::NextSlot,
            Turn::Last => Placement::Deque,
        };
        emit_scheduled(executor, task, queue, kept_by, to);
    });
    hand_over(id, runnable, turn)
}

/// Puts a task into its queue's channel, or cancels it if its runtime has ended.
fn inject(id: ExecutorId, runnable: Runnable) {
    let queued = with_executor(|executor| match executor {
        Some(executor) if executor.id == id => Ok(executor.enqueue(runnable)),
        _ => Err(runnable),
    });
    match queued {
        Ok(Phase::Open | Phase::Draining) => {}
        // Not within the borrow above: the futures that are dropped now may enter a runtime.
        Ok(Phase::Closed) => {
            executor_of(id).inspect(|executor| executor.cancel_rest());
        }
        Err(runnable) => match executor_of(id) {
            Some(executor) => {
                if executor.enqueue(runnable) == Phase::Closed {
                    // What the futures spawn when they are dropped belongs to their runtime.
                    let _entered = enter(executor.clone());
                    executor.cancel_rest();
                }
            }
            None => {
                cancel(runnable);
            }
        },
    }
}

/// Queues a task for the first time, on the thread that has registered it. `executor` is its own.
/// Gives the phase as [`Executor::enqueue`] does.
#[inline]
#[must_use]
pub(crate) fn schedule_new(executor: &Executor, by: Option<WorkerId>, runnable: Runnable) -> Phase {
    if by.is_none() {
        return executor.enqueue(runnable);
    }
    match keep(executor.id, runnable, Turn::Next) {
        // The worker that sits here sees to its end.
        Ok(()) => Phase::Open,
        Err(runnable) => executor.enqueue(runnable),
    }
}

/// The worker of the given runtime that sits here.
#[inline]
pub(crate) fn worker_of(id: ExecutorId) -> Option<WorkerId> {
    with_worker_of(id, |worker| worker.id)
}

/// A task that has been counted and does not exist yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) task: TaskId,
    /// The worker that spawns it, if it is one.
    pub(crate) by: Option<WorkerId>,
}

/// Counts a new task and gives it a number.
#[inline]
pub(crate) fn register_spawn(executor: &Executor, queue: QueueId) -> Registered {
    let by_worker = with_worker_of(executor.id, |worker| {
        worker.tally().queue(queue).spawned.add(1, Writer::Only);
        Registered {
            task: worker.next_task_id(),
            by: Some(worker.id),
        }
    });
    by_worker.unwrap_or_else(|| {
        let tally = executor.outside_tally().queue(queue);
        tally.spawned.add(1, Writer::Shared);
        Registered {
            task: next_number(executor),
            by: None,
        }
    })
}

/// Numbers that nobody has yet: from `next` to before `end`.
struct Numbers {
    /// The runtime that set them aside.
    of: Cell<Option<ExecutorId>>,
    next: Cell<u64>,
    end: Cell<u64>,
}

impl Numbers {
    #[cold]
    fn refill(&self, executor: &Executor) {
        let Range { start, end } = executor.reserve_task_ids(16);
        self.of.set(Some(executor.id));
        self.next.set(start);
        self.end.set(end);
    }
}

/// A number for a task from outside. A few at a time: to ask for each costs 5 ns.
#[inline]
fn next_number(executor: &Executor) -> TaskId {
    NUMBERS.with(|numbers| {
        if numbers.next.get() == numbers.end.get() || numbers.of.get() != Some(executor.id) {
            numbers.refill(executor);
        }
        TaskId(numbers.next.replace(numbers.next.get() + 1))
    })
}

/// Counts a task that its runtime does not take.
pub(crate) fn register_refused(executor: &Executor, queue: QueueId) -> Registered {
    let tally = executor.outside_tally().queue(queue);
    tally.refused.add(1, Writer::Shared);
    Registered {
        task: next_number(executor),
        by: worker_of(executor.id),
    }
}

/// Takes back what a thread that is no worker has registered: the runtime takes nothing new.
#[cold]
pub(crate) fn take_back_spawn(executor: &Executor, queue: QueueId) {
    executor.outside_tally().queue(queue).spawned.take_back(1);
    executor.ending.task_ended_outside();
}

/// Counts the end of a task. Its future has been dropped; `registered` is its number if its waker
/// is among the pending.
#[inline]
pub(crate) fn record_end(id: ExecutorId, queue: QueueId, end: PollEnd, registered: Option<TaskId>) {
    let count = |tally: &Tally, writer| tally.queue(queue).count_end(end, writer);
    let remove = |executor: &Executor| {
        if let Some(task) = registered {
            executor.pending.remove(task);
        }
    };
    let by_worker = with_worker_of(id, |worker| {
        count(worker.tally(), Writer::Only);
        remove(&worker.executor);
    });
    if by_worker.is_none() {
        with_executor_of(id, |executor| {
            count(executor.outside_tally(), Writer::Shared);
            remove(executor);
            executor.ending.task_ended_outside();
        });
    }
}

/// Enters a task's waker among the pending. `false`: its runtime is gone.
pub(crate) fn register_pending(id: ExecutorId, task: TaskId, waker: &Waker) -> bool {
    with_executor_of(id, |executor| executor.pending.insert(task, waker)).is_some()
}

/// Wakes a task that waits, wherever that may be.
pub(crate) fn wake_pending(id: ExecutorId, task: TaskId) {
    // A task without a runtime has ended, or is about to.
    executor_of(id).inspect(|executor| executor.pending.wake(task));
}

/// Runs `f`, which may block this thread. If a worker sits here, another thread takes its place
/// first, so that its tasks go on.
///
/// # Panics
///
/// If the operating system refuses a thread. The worker keeps its seat then.
pub(crate) fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    if let Some(mut worker) = replace_worker(None) {
        BLOCKED_IN_HIGH.set(worker.runs_high_task());
        worker.tally().polling.end();
        let executor = worker.executor.clone();
        // Before the other thread tells what it does as this worker.
        executor.emit(Event::Replaced { worker: worker.id });
        if let Err((worker, error)) = executor.host.take_over(worker) {
            replace_worker(Some(worker));
            panic!("a task wants to block and no thread could take its worker's place: {error}");
        }
    }
    f()
}

/// What this thread parks on, if its runtime provides something.
pub(crate) fn parker() -> Option<Arc<dyn Park>> {
    with_executor(|executor| executor?.host.parker())
}

/// Whether blocking this thread would cost a worker.
pub(crate) fn is_worker() -> bool {
    with_worker(|_| ()).is_some()
}
