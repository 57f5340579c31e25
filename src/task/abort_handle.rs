//! The handle that can tell a task to end, and do nothing else with it.
//!
//! It owns two numbers and no part of the task, so that it may outlive the task and its runtime.

use crate::executor::abort_by_number;
use crate::ground::ids::{ExecutorId, TaskId};

/// Can tell one task to end. Made by [`Task::abort_handle`](super::Task::abort_handle), which has
/// an example.
///
/// It does not keep the task: dropping it changes nothing. So it does not know whether the task has
/// ended; [`Task::is_finished`](super::Task::is_finished) does. Two handles are equal if they are
/// of the same task:
///
/// ```
/// use laneway::spawn_task;
///
/// let (one, other) = (spawn_task!(async {}), spawn_task!(async {}));
/// assert_eq!(one.abort_handle(), one.abort_handle());
/// assert_ne!(one.abort_handle(), other.abort_handle());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbortHandle {
    executor: ExecutorId,
    task: TaskId,
}

impl AbortHandle {
    pub(super) fn new(executor: ExecutorId, task: TaskId) -> AbortHandle {
        AbortHandle { executor, task }
    }

    /// Tells the task to end, as [`Task::abort`](super::Task::abort) does. Has no effect on a task
    /// that has ended.
    pub fn abort(&self) {
        abort_by_number(self.executor, self.task);
    }

    /// The number of the task.
    ///
    /// ```
    /// let task = laneway::spawn_task!(async {});
    /// assert_eq!(task.abort_handle().id(), task.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task
    }
}
