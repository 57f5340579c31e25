//! The way of an event to the observers of a runtime, from any thread.
//!
//! Most programs have no observer: one look at a number says so. An observer is never called while
//! anything of the core is borrowed, since it may spawn, block, or enter another runtime. Read
//! `runtime/mod.rs` next.

use super::executor::Executor;
use super::seat;
use crate::ground::ids::{ExecutorId, QueueId, TaskId, WorkerId};
use crate::ground::poll;
use crate::ground::telemetry::event::{Event, Placement};
use crate::ground::telemetry::observers::anyone_observes;

/// Tells the observers of this thread's runtime, if there are any.
#[inline]
pub(crate) fn emit(event: impl FnOnce() -> Event) {
    if anyone_observes()
        && let Some(here) = seat::runtime_here()
    {
        here.emit(event);
    }
}

/// Tells the observers of a given runtime, if the runtime exists and has observers.
pub(crate) fn emit_to(id: ExecutorId, event: impl FnOnce() -> Event) {
    if anyone_observes() {
        seat::with_runtime(id, |executor| executor.emit(event));
    }
}

/// Tells that a task is about to be queued, and that its time has come if the timer wakes it.
#[cold]
pub(super) fn scheduled(
    executor: &Executor,
    (task, queue): (TaskId, QueueId),
    by: Option<WorkerId>,
    to: Placement,
) {
    if poll::fires() {
        executor.emit(|| Event::TimerFired { task });
    }
    executor.emit(|| Event::Scheduled {
        task,
        queue,
        by,
        to,
    });
}

/// Tells that the worker that sits here begins to poll a task.
#[cold]
pub(super) fn poll_started(id: ExecutorId, task: TaskId) {
    if let Some(worker) = seat::worker_of(id) {
        emit_to(id, || Event::PollStarted { task, worker });
    }
}

/// Tells that a task's future was dropped before its end.
#[cold]
#[inline(never)]
pub(super) fn cancelled(id: ExecutorId, task: TaskId) {
    emit_to(id, || Event::Cancelled {
        task,
        by: seat::worker_of(id),
    });
}
