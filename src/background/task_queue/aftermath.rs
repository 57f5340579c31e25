//! The duties that are left when the lock of a task queue is free again.
//!
//! Wakers, destructors and handles of tasks may run code of a user's, which may use the queue.

use std::sync::Arc;
use std::task::Waker;

use super::work_end::WorkEnd;
use crate::Task;
use crate::ground::shield::{drop_shielded, shielded};

/// The actions that are left to do, in the order of its fields.
#[derive(Default)]
#[must_use = "what is left to do is done by `settle`"]
pub(super) struct Aftermath {
    raised: Vec<Arc<Task<()>>>,
    aborted: Vec<Arc<Task<()>>>,
    detached: Vec<Arc<Task<()>>>,
    wakers: Vec<Waker>,
    garbage: Vec<Box<dyn Send>>,
}

impl Aftermath {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    pub(super) fn discard<V: Send + 'static>(&mut self, value: Option<V>) {
        if let Some(value) = value {
            self.garbage.push(Box::new(value));
        }
    }

    pub(super) fn raise(&mut self, task: Arc<Task<()>>) {
        self.raised.push(task);
    }

    pub(super) fn abort(&mut self, task: Arc<Task<()>>) {
        self.aborted.push(task);
    }

    /// Lets the task of work go that has ended so.
    pub(super) fn part_from<T>(&mut self, task: Arc<Task<()>>, end: &WorkEnd<T>) {
        match end {
            WorkEnd::Cancelled => self.aborted.push(task),
            WorkEnd::Done(_) | WorkEnd::Failed(_) | WorkEnd::TimedOut(_) => {
                self.detached.push(task);
            }
        }
    }

    /// Does it. To be called without the lock.
    pub(super) fn settle(self) {
        self.raised.iter().for_each(|task| task.escalate());
        self.aborted.iter().for_each(|task| task.abort());
        for task in self.detached {
            // Another thread may be raising it, and drops it then. That cancels nothing: the work
            // has ended.
            let _ = Arc::try_unwrap(task).map(Task::detach);
        }
        for waker in self.wakers {
            shielded("the waker of one that waits for work", || waker.wake());
        }
        self.garbage.into_iter().for_each(drop_shielded);
    }
}
