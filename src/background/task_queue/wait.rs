//! The wait for the end of a piece of work, with and without raising it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::desk::Desk;
use super::ledger::AtEnd;
use super::work_id::WorkId;
use super::work_status::WorkStatus;
use crate::ground::poll::budget::Waited;

/// A wait for the end of a piece of work. Made by [`TaskQueue::wait`](super::TaskQueue::wait),
/// which has an example.
///
/// Ready with the status at the end, or with [`Unknown`](WorkStatus::Unknown) if the queue does
/// not know the work. It keeps no hold of the queue's handle, and may go into other tasks.
///
/// # Cancellation
///
/// A drop changes nothing for the work; raised work stays raised.
#[must_use = "it waits only when it is awaited"]
pub struct Wait<T: Send + 'static> {
    desk: Arc<Desk<T>>,
    id: WorkId,
    /// Its number among the waiters, once it has left a waker.
    waiter: Option<u64>,
    lane: LaneChange,
    waited: Waited,
}

/// The effect of the wait on the lane of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaneChange {
    IsLeft,
    IsToBeRaised,
}

impl<T: Send + 'static> Wait<T> {
    pub(super) fn new(desk: &Arc<Desk<T>>, id: WorkId) -> Wait<T> {
        Wait {
            desk: desk.clone(),
            id,
            waiter: None,
            lane: LaneChange::IsLeft,
            waited: Waited::No,
        }
    }

    /// Raises the work when the wait is first polled, as the await of a
    /// [`Task`](crate::Task) by a high one does: if it is queued, it goes before all work that
    /// was not raised, and its task is a high one from then on, to its end. A closure that runs
    /// on the blocking pool runs no faster.
    ///
    /// For work that a user waits for, short enough for the high lane.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    /// use laneway::{Priority, block_on, spawn_task};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::future(async |_| 1)).unwrap();
    /// let waits = queue.wait(id).raising();
    /// let handler = spawn_task!(waits, Priority::High);
    /// assert_eq!(block_on(handler), WorkStatus::Done);
    /// ```
    pub fn raising(mut self) -> Wait<T> {
        self.lane = LaneChange::IsToBeRaised;
        self
    }

    fn raise(&self) {
        let task = self
            .desk
            .write(|ledger, _now, after| ledger.raise(self.id, after));
        if let Some(task) = task {
            task.escalate();
        }
    }
}

// Nothing in it is pinned.
impl<T: Send + 'static> Unpin for Wait<T> {}

impl<T: Send + 'static> Future for Wait<T> {
    type Output = WorkStatus;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WorkStatus> {
        if self.lane == LaneChange::IsToBeRaised {
            self.lane = LaneChange::IsLeft;
            self.raise();
        }
        let Wait {
            desk,
            id,
            waiter,
            waited,
            ..
        } = &mut *self;
        waited.poll(cx, |cx| {
            match desk.write(|ledger, _now, after| ledger.at_end(*id, waiter, cx.waker(), after)) {
                AtEnd::Waits => Poll::Pending,
                AtEnd::Is(status) => Poll::Ready(status),
            }
        })
    }
}

impl<T: Send + 'static> Drop for Wait<T> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter {
            self.desk
                .write(|ledger, now, after| ledger.leave_waiter(self.id, waiter, now, after));
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
