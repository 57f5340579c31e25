//! The task that a worker polls at the moment, for the watchdog to see.
//!
//! Written at every poll, on the worker's own cache line, and read a hundred times a second: it
//! costs three stores a poll and no look at a clock (T20). It never tells how long a poll has
//! lasted.

use std::panic::Location;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use crossbeam_utils::atomic::AtomicCell;

use crate::ground::ids::{QueueId, TaskId};

/// The poll that a worker is in.
///
/// Its parts are read one after another and may belong to two polls. They belong to one if the
/// worker has begun no other meanwhile, by its count of polls: read that first.
#[derive(Debug, Default)]
pub(crate) struct Polling {
    task: AtomicU64,
    queue: AtomicU16,
    /// Where the task was spawned. `None`: there is no poll.
    spawned_at: AtomicCell<Option<&'static Location<'static>>>,
}

/// A task that is being polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    pub(crate) task: TaskId,
    pub(crate) queue: QueueId,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Polling {
    #[inline]
    pub(crate) fn begin(&self, polled: Polled) {
        self.task.store(polled.task.0, Ordering::Relaxed);
        self.queue.store(polled.queue.0, Ordering::Relaxed);
        self.spawned_at.store(Some(polled.spawned_at));
    }

    /// Called when the worker does something else than to look for its next poll.
    pub(crate) fn end(&self) {
        self.spawned_at.store(None);
    }

    pub(crate) fn get(&self) -> Option<Polled> {
        Some(Polled {
            spawned_at: self.spawned_at.load()?,
            task: TaskId(self.task.load(Ordering::Relaxed)),
            queue: QueueId(self.queue.load(Ordering::Relaxed)),
        })
    }
}
