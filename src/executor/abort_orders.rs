//! The tasks that can be told to end by their number, and the handle that does it.
//!
//! Most tasks never are told so, and pay nothing: the orders are kept here, beside the tasks, and a
//! task holds one bit that says whether there is anything to look up. An entry leaves with its
//! task's memory. The list is one for the process, since a handle outlives its runtime. A handle
//! owns two numbers and no part of the task. Read `ending.rs` next.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::seat;
use crate::ids::{ExecutorId, TaskId};
use crate::sync::unpoisoned;
use crate::telemetry::names::Key;

/// Can tell one task to end. Made by [`Task::abort_handle`](super::Task::abort_handle), which has
/// an example.
///
/// It does not keep the task: dropping it changes nothing.
#[derive(Clone, Debug)]
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
        if order((self.executor, self.task)) {
            seat::wake_pending(self.executor, self.task);
        }
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

/// Whether the task of an entry was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AbortState {
    Quiet,
    Ordered,
}

static ENTRIES: Mutex<BTreeMap<Key, AbortState>> = Mutex::new(BTreeMap::new());

/// Enters a task, until [`leave`].
pub(super) fn enter(key: Key) {
    entries().insert(key, AbortState::Quiet);
}

/// Tells a task to end when it is run next. Gives `false` if the task is no longer there.
fn order(key: Key) -> bool {
    let mut entries = entries();
    let entry = entries.get_mut(&key);
    entry.map(|entry| *entry = AbortState::Ordered).is_some()
}

#[cold]
pub(super) fn is_ordered(key: Key) -> bool {
    entries().get(&key) == Some(&AbortState::Ordered)
}

#[cold]
pub(super) fn leave(key: Key) {
    entries().remove(&key);
}

fn entries() -> MutexGuard<'static, BTreeMap<Key, AbortState>> {
    unpoisoned(ENTRIES.lock())
}
