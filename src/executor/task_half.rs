//! The half of a task from which its awaiter takes the outcome.
//!
//! A [`TaskHalf`] is polled by the awaiter and knows what the awaiter's priority means for the
//! task. It never decides whether an output is boxed: `task.rs` does. Read `tracked.rs` next.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::outcome::Outcome;
use super::runnable::Meta;
use super::{seat, telling};
use crate::ids::ExecutorId;
use crate::join_error::JoinError;
use crate::poll::{budget, poll_shielded, trusting};

/// The half of a task that its spawner keeps, of which the awaiter gets a `K`: the output, or a box
/// with the output.
pub(crate) struct TaskHalf<K> {
    handle: async_task::Task<Outcome<K>, Meta>,
}

impl<K> TaskHalf<K> {
    pub(super) fn new(handle: async_task::Task<Outcome<K>, Meta>) -> TaskHalf<K> {
        TaskHalf { handle }
    }

    #[inline]
    pub(super) fn meta(&self) -> &Meta {
        self.handle.metadata()
    }

    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    pub(super) fn detach(self) {
        self.handle.detach();
    }

    pub(super) fn abort(&self) {
        self.meta().abort();
        self.wake_if_waiting();
    }

    pub(super) fn escalate(&self) {
        if let Some(executor) = self.raise() {
            seat::find_raised(executor);
        }
    }

    /// Raises the task if it is a low one, and wakes it if it waits. Gives the runtime in which it
    /// may lie in the low queue, for [`seat::find_raised`].
    pub(super) fn raise(&self) -> Option<ExecutorId> {
        let meta = self.meta();
        if !meta.raise() {
            return None;
        }
        telling::escalated(meta.executor, meta.id);
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

    /// A high task does not wait behind the low queue.
    fn raise_for_awaiter(&self) {
        if seat::runs_high_task() {
            self.escalate();
        }
    }

    /// Polls for an awaiter, which gives its thread to others after so many that were ready.
    #[inline]
    pub(super) fn poll_counted(&mut self, cx: &mut Context<'_>) -> Poll<Result<K, JoinError>> {
        if budget::is_used_up() && self.is_finished() && self.meta().sends_awaiter_back() {
            return budget::put_off(cx);
        }
        let polled = self.poll_uncounted(cx);
        if polled.is_ready() {
            budget::count_ready();
        }
        polled
    }

    /// Polls for a caller that keeps its thread anyhow, beyond the budget of any poll.
    pub(crate) fn poll_uncounted(&mut self, cx: &mut Context<'_>) -> Poll<Result<K, JoinError>> {
        let ended = self.poll_end(cx);
        if ended.is_pending() {
            self.raise_for_awaiter();
        }
        ended.map(Outcome::tell)
    }

    /// Polls without raising the task, for code that looks after a task and does not wait for it.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<K>> {
        poll_shielded(Pin::new(&mut self.handle), cx)
    }

    /// As [`poll_end`](TaskHalf::poll_end), with the outcome in a box.
    pub(super) fn poll_end_boxed(&mut self, cx: &mut Context<'_>) -> Poll<Box<Outcome<K>>> {
        self.poll_end(cx).map(Box::new)
    }

    /// What a task that has ended gave.
    pub(super) fn into_outcome(mut self) -> Outcome<K> {
        let nobody = Waker::noop();
        let polled = trusting(nobody, || self.poll_end(&mut Context::from_waker(nobody)));
        match polled {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => unreachable!("a task that has ended has an outcome"),
        }
    }
}
