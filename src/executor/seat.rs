//! This thread's connection to a runtime: which one it belongs to, and which worker sits here.
//!
//! Tasks are spawned, woken and dropped on all kinds of threads. On a worker's thread that costs
//! least, since the worker's own queues and counters are at hand; this file decides whether that
//! way is taken or the way of all other threads. It never polls a task. Read `task/handle.rs` next.
//!
//! Here lies the one knot in the order of the files. A waker is called on some thread and knows its
//! task alone; it must reach the worker that sits on that thread, or else the task's runtime. So
//! the task (`tracked.rs`) calls this file, this file calls the worker, and the worker runs tasks.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Waker;

use super::executor::Executor;
use super::host::{Bound, Park};
use super::runnable::Runnable;
use super::telling;
use super::thread_locals::{ENTERED, FOR_LIFE, Here, NUMBERS, SEAT, Undropped};
use super::worker::{Turn, Worker};
use crate::ground::ids::{ExecutorId, QueueId, TaskId, WorkerId};
use crate::ground::loans::Borrower;
use crate::ground::poll;
use crate::ground::telemetry::event::{Event, PollEnd};
use crate::ground::telemetry::observers::anyone_observes;
use crate::ground::telemetry::tally::Writer;

// Which runtime this thread belongs to.

/// Makes a runtime this thread's own until the guard is dropped. Then the thread also leaves the
/// runtimes that it has entered since.
#[must_use]
pub(crate) fn enter(executor: Arc<Executor>) -> Entered {
    Entered::new(executor, Leaves::WithLater)
}

/// Makes a runtime this thread's own as [`enter`] does, for a guard of the user's: such guards may
/// be dropped in any order.
pub(crate) fn visit(executor: Arc<Executor>) -> Entered {
    Entered::new(executor, Leaves::Alone)
}

/// Leaves the runtime when it is dropped, unless that was left with an earlier one.
pub(crate) struct Entered {
    here: Here,
    leaves: Leaves,
}

/// The entrances that a thread leaves together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// The one that is dropped.
    Alone,
    /// That one, and those that the thread has entered since.
    WithLater,
}

impl Entered {
    fn new(executor: Arc<Executor>, leaves: Leaves) -> Entered {
        let here = Here::new(executor);
        ENTERED.with_borrow_mut(|entered| entered.push(here.clone()));
        Entered { here, leaves }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let is_this = |here: &Here| here.is(&self.here);
        let Some(place) = ENTERED.with_borrow(|entered| entered.iter().rposition(is_this)) else {
            return;
        };
        match self.leaves {
            Leaves::Alone => drop(take_out(|entered| Some(entered.remove(place)))),
            Leaves::WithLater => leave_while(|entered| entered.len() > place),
        }
    }
}

/// Leaves the last runtime that was entered, again and again, while the condition holds.
fn leave_while(condition: impl Fn(&[Here]) -> bool) {
    while take_out(|entered| condition(entered).then(|| entered.pop())?).is_some() {}
}

/// Takes an entrance out. It is to be dropped by the caller, since the runtime may end with it.
fn take_out(take: impl FnOnce(&mut Vec<Here>) -> Option<Here>) -> Option<Here> {
    ENTERED.with_borrow_mut(|entered| {
        let taken = take(entered);
        if entered.is_empty() {
            **entered = Vec::new();
        }
        taken
    })
}

/// Makes a runtime this thread's own until the thread has ended: the tasks that its thread-locals'
/// destructors spawn belong there, too.
pub(crate) fn belong(executor: Arc<Executor>) {
    FOR_LIFE.with(|entered| {
        let first = entered.set(enter(executor));
        assert!(first.is_ok(), "a thread is started for one runtime");
    });
}

/// This thread's runtime.
#[inline]
pub(crate) fn runtime_here() -> Option<Here> {
    ENTERED.with_borrow(|entered| entered.last().cloned())
}

/// The runtime of the worker that sits here. The thread leaves those that a task has entered since
/// and whose guards it has forgotten.
pub(crate) fn runtime_of_worker() -> Option<Here> {
    let id = with_worker(|worker| worker.executor_id)?;
    leave_while(|entered| entered.last().is_some_and(|here| here.id != id));
    runtime_here()
}

/// This thread's runtime, to be shared with other threads.
pub(crate) fn shared_runtime_here() -> Option<Arc<Executor>> {
    runtime_here().map(|here| here.shared().clone())
}

/// Calls `f`, which may run code of the user's, with the runtime of this number, whether the thread
/// belongs to it or not. `None`: that runtime is gone.
pub(super) fn with_runtime<R>(id: ExecutorId, f: impl FnOnce(&Executor) -> R) -> Option<R> {
    match runtime_here().filter(|here| here.id == id) {
        Some(here) => Some(f(&here)),
        None => {
            let executor = Executor::find(id)?;
            let result = f(&executor);
            Executor::let_go(executor);
            Some(result)
        }
    }
}

/// The object that this thread parks on, if its runtime provides one.
pub(crate) fn parker() -> Option<Arc<dyn Park>> {
    runtime_here()?.host.parker()
}

// Which worker sits here.

/// Seats a worker on this thread, or takes away the one that sits here.
pub(crate) fn replace_worker(worker: Option<Box<Worker>>) -> Option<Box<Worker>> {
    SEAT.replace(worker.map(Undropped::new))
        .map(Undropped::into_inner)
}

/// The worker that sits here, taken from its seat until this is dropped.
struct Seated(Option<Undropped<Box<Worker>>>);

impl Seated {
    // A cell that is emptied and filled, and no `RefCell` (T5): with that, the code in between
    // would be compiled into a closure behind a call.
    #[inline]
    fn taken() -> Seated {
        Seated(SEAT.take())
    }
}

impl Drop for Seated {
    #[inline]
    fn drop(&mut self) {
        SEAT.set(self.0.take());
    }
}

/// Calls `f` with the worker that sits here. `f` must not run code of the user's, which would find
/// no worker.
#[inline]
pub(crate) fn with_worker<R>(f: impl FnOnce(&mut Worker) -> R) -> Option<R> {
    let mut seated = Seated::taken();
    seated.0.as_mut().map(|worker| f(worker))
}

/// Calls `f` with the worker that sits here, if it belongs to the given runtime.
#[inline]
fn with_worker_of<R>(id: ExecutorId, f: impl FnOnce(&mut Worker) -> R) -> Option<R> {
    with_worker(|worker| (worker.executor_id == id).then(|| f(worker))).flatten()
}

/// The worker of the given runtime that sits here.
#[inline]
pub(crate) fn worker_of(id: ExecutorId) -> Option<WorkerId> {
    with_worker_of(id, |worker| worker.id)
}

/// Whether blocking this thread would cost a worker.
pub(crate) fn is_worker() -> bool {
    with_worker(|_| ()).is_some()
}

/// Whether the task that is being polled on this thread was a high one, by its own or by lent
/// priority, when it was taken. On a thread that has given its worker away, the task that blocks
/// the thread is meant.
pub(crate) fn runs_high_task() -> bool {
    with_worker(|worker| worker.current.is_high).unwrap_or_else(poll::blocks_in_high)
}

/// Runs `f`, which may block this thread. If a worker sits here, another thread takes it over
/// first, so that the worker's tasks go on. If no other can be had, they wait until `f` is done.
pub(crate) fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    let _refused = give_way(Bound::Kept);
    f()
}

/// No other thread could be had, so the worker still sits here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoStandIn;

/// Gives way before this thread blocks: another thread, if `bound` allows one (`host.rs`), takes
/// the worker that sits here, if there is one.
pub(crate) fn give_way(bound: Bound) -> Result<(), NoStandIn> {
    let Some(worker) = replace_worker(None) else {
        return Ok(());
    };
    poll::note_blocks_in_high(worker.current.is_high);
    let (id, executor) = (worker.id, worker.executor.clone());
    // Told before the other thread tells what it does as this worker, and not at all if there is
    // no other.
    let tell = || {
        executor.tally_of(id).polling.end();
        executor.emit(|| Event::Replaced { worker: id });
    };
    let taken_over = executor.host.take_over(worker, bound, &tell);
    taken_over.map_err(|worker| {
        replace_worker(Some(worker));
        NoStandIn
    })
}

// Where a task goes.

/// Queues a task that was spawned or woken: with the worker that sits here, if it belongs there, or
/// else in its queue's channel.
#[inline]
pub(super) fn schedule(runnable: Runnable, queue: QueueId, turn: Turn) {
    let id = runnable.metadata().executor;
    if let Err(runnable) = offer_worker_here(id, runnable, queue, turn) {
        inject(id, runnable);
    }
}

/// Offers a task to the worker that sits here, which puts it into a local queue if it belongs
/// there.
#[inline]
pub(super) fn offer_worker_here(
    id: ExecutorId,
    runnable: Runnable,
    queue: QueueId,
    turn: Turn,
) -> Result<(), Runnable> {
    if anyone_observes() {
        tell_if_local(id, runnable.metadata().id, queue, turn);
    }
    match &mut Seated::taken().0 {
        Some(worker) if worker.executor_id == id => worker.push_locally(runnable, queue, turn),
        _ => Err(runnable),
    }
}

/// Offers a high task to the outbox of the worker that sits here, if that has one.
pub(super) fn offer_outbox_here(id: ExecutorId, runnable: Runnable) -> Result<(), Runnable> {
    match &mut Seated::taken().0 {
        Some(worker) if worker.executor_id == id => worker.send(runnable),
        _ => Err(runnable),
    }
}

/// Tells of a task before it is in a local queue: another worker might take it, and tell so, at
/// once.
#[cold]
fn tell_if_local(id: ExecutorId, task: TaskId, queue: QueueId, turn: Turn) {
    let placement = |worker: &mut Worker| Some((worker.id, worker.placement(queue, turn)?));
    if let Some((by, to)) = with_worker_of(id, placement).flatten() {
        with_runtime(id, |executor| {
            telling::scheduled(executor, (task, queue), Some(by), to);
        });
    }
}

/// Puts a task into its queue's channel.
fn inject(id: ExecutorId, runnable: Runnable) {
    // An executor can be found until the last of its futures is dropped, so where there is none,
    // this task's is gone. The runnable is forgotten then: its drop would run code that its waker's
    // caller does not expect.
    let runnable = ManuallyDrop::new(runnable);
    with_runtime(id, |executor| {
        executor.inject(ManuallyDrop::into_inner(runnable));
    });
}

// Counting.

/// A task that has been counted and does not exist yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer {
    pub(super) task: TaskId,
    /// Whether a worker of its runtime spawns it.
    pub(super) by_worker: bool,
}

/// Counts a new task and gives it a number.
#[inline]
pub(super) fn count_spawn(executor: &Executor, queue: QueueId) -> Newcomer {
    match &mut Seated::taken().0 {
        Some(worker) if worker.executor_id == executor.id => {
            worker.tally().queue(queue).spawned.add(1, Writer::Only);
            Newcomer {
                task: worker.numbers.next(&executor.task_numbers),
                by_worker: true,
            }
        }
        _ => count_spawn_outside(executor, queue),
    }
}

#[inline(never)]
fn count_spawn_outside(executor: &Executor, queue: QueueId) -> Newcomer {
    let tally = executor.outside_tally(queue);
    tally.spawned.add(1, Writer::Shared);
    Newcomer {
        task: next_number(executor),
        by_worker: false,
    }
}

/// Counts a task that its runtime does not take.
pub(crate) fn count_refused(executor: &Executor, queue: QueueId) -> TaskId {
    let tally = executor.outside_tally(queue);
    tally.refused.add(1, Writer::Shared);
    next_number(executor)
}

/// Counts a spawn as cancelled: a thread outside has counted it, and then saw that shutdown had
/// begun. The spawn stays counted as well: no counter falls.
#[cold]
pub(super) fn count_late(executor: &Executor, queue: QueueId) {
    count_end_of(executor, queue, PollEnd::Cancelled);
}

fn count_end_of(executor: &Executor, queue: QueueId, end: PollEnd) {
    let tally = executor.outside_tally(queue);
    tally.count_end(end, Writer::Shared);
    executor.ending.task_ended_outside();
}

/// A number for a task that is spawned from outside.
#[inline]
fn next_number(executor: &Executor) -> TaskId {
    let mut numbers = NUMBERS.get();
    let task = numbers.next(executor.id, &executor.task_numbers);
    NUMBERS.set(numbers);
    task
}

/// Corrects the count of polls, if the worker that sits here has taken this task to poll it: its
/// future is dropped instead.
#[cold]
pub(super) fn count_unpolled(id: ExecutorId, task: TaskId) {
    with_worker_of(id, |worker| worker.count_unpolled(task));
}

/// Counts the end of a task. Its future has been dropped; `entered` is its number if its waker is
/// among the pending.
#[inline]
pub(super) fn count_end(id: ExecutorId, queue: QueueId, end: PollEnd, entered: Option<TaskId>) {
    let by_worker = with_worker_of(id, |worker| {
        worker.tally().queue(queue).count_end(end, Writer::Only);
        if let Some(task) = entered {
            worker.executor.pending.remove(task);
        }
    });
    if by_worker.is_none() {
        count_end_outside(id, queue, end, entered);
    }
}

#[inline(never)]
fn count_end_outside(id: ExecutorId, queue: QueueId, end: PollEnd, entered: Option<TaskId>) {
    with_runtime(id, |executor| {
        if let Some(task) = entered {
            executor.pending.remove(task);
        }
        count_end_of(executor, queue, end);
    });
}

// Tasks that wait.

/// Enters a task's waker among the pending, after the first poll that left the task waiting. Wakes
/// the task if it may have been raised or told to end during that poll: nothing could find it then.
/// `false`: its runtime is gone.
pub(super) fn enter_waker(id: ExecutorId, task: TaskId, waker: &Waker) -> bool {
    let enter = |executor: &Executor| {
        executor.pending.insert(task, waker);
        executor.pending.sought().in_vain()
    };
    let by_worker = with_worker_of(id, |worker| {
        worker.current.sought.in_vain() != enter(&worker.executor)
    });
    let is_sought = by_worker.or_else(|| {
        // Where no worker sits any more, none has noted the count from before the poll.
        with_runtime(id, enter).map(|_| true)
    });
    if is_sought == Some(true) {
        waker.wake_by_ref();
    }
    is_sought.is_some()
}

/// The task that is being polled on this thread, if it is a low one.
pub(crate) fn low_task_here() -> Option<Borrower> {
    with_worker(|worker| {
        let polled = worker.tally().polling.get()?;
        let low = polled.queue == QueueId::LOW && !worker.current.is_high;
        low.then_some(Borrower {
            executor: worker.executor_id,
            task: polled.task,
        })
    })
    .flatten()
}

/// Wakes a task that waits, wherever that may be. One without a runtime has ended, or is about to.
pub(crate) fn wake_pending(id: ExecutorId, task: TaskId) {
    with_runtime(id, |executor| executor.pending.wake(task));
}

/// Makes workers sift the low queue for tasks that were raised.
pub(crate) fn find_raised(id: ExecutorId) {
    with_runtime(id, Executor::look_for_raised);
}
