//! The end of a task before its time: an order takes the place of its next poll.
//!
//! The thread that holds the task's [`Runnable`] leaves the order in a thread-local and runs the
//! task; [`Tracked`](super::tracked) finds the order, drops the future and leaves its awaiter an
//! error. So a future is dropped where its runtime decides: on a worker, on the thread that ends
//! the runtime, or on a thread whose spawn was refused. A waker never does it. Read
//! `ending/abort_orders.rs` next.

use super::runnable::Runnable;
use super::seat;
use super::thread_locals::{NOTE, Note};
use crate::ending::abort_orders;
use crate::ground::ids::{ExecutorId, TaskId};
use crate::ground::join_error::Order;
use crate::ground::poll::CutOffHere;
use crate::ground::telemetry::cut_off::CutOffTask;

/// Tells a task to end, wherever it is. Has no effect on one that has ended.
pub(crate) fn abort_by_number(executor: ExecutorId, task: TaskId) {
    if abort_orders::order((executor, task)) {
        seat::wake_pending(executor, task);
    }
}

/// Ends a task that a worker has taken and that was told to end.
#[cold]
pub(super) fn abort(runnable: Runnable) {
    let meta = runnable.metadata();
    seat::count_unpolled(meta.executor, meta.id);
    run_with(Order::Abort, runnable);
}

/// Ends a task of a runtime that has closed. Gives the task's entry in the shutdown's report,
/// unless it was cancelled already.
pub(super) fn cut_off(runnable: Runnable) -> Option<CutOffTask> {
    let meta = runnable.metadata();
    let (executor, spawned_at, name) = (meta.executor, meta.spawned_at, meta.name());
    let _here = CutOffHere::begin(executor);
    run_with(Order::CutOff, runnable).then_some(CutOffTask { name, spawned_at })
}

/// Ends a new task that its runtime does not take.
pub(super) fn refuse(runnable: Runnable) {
    let obeyed = run_with(Order::Refuse, runnable);
    debug_assert!(obeyed, "a new task can be cancelled");
}

/// Whether the task obeyed. One whose handle was dropped is not polled any more, and has nothing to
/// obey with: async-task drops its future.
fn run_with(order: Order, runnable: Runnable) -> bool {
    // The future's destructor may end other tasks: each call puts back what it found.
    let outer = NOTE.replace(Note::Order(order));
    runnable.run();
    NOTE.replace(outer) == Note::Obeyed
}
