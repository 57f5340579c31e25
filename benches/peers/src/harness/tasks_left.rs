//! The counter of detached tasks, and the thread that waits for the last of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

/// How many tasks have not ended yet.
#[derive(Debug)]
pub(crate) struct TasksLeft {
    left: AtomicUsize,
    waiting: Thread,
}

impl TasksLeft {
    /// Starts with so many tasks, for which the thread that calls it will wait. The counter is
    /// never freed: like an executor in its static, it costs no task a reference count.
    pub(crate) fn of(tasks: usize) -> &'static TasksLeft {
        Box::leak(Box::new(TasksLeft {
            left: AtomicUsize::new(tasks),
            waiting: thread::current(),
        }))
    }

    /// Starts again, after the end of all.
    pub(crate) fn again(&self, tasks: usize) {
        let left = self.left.swap(tasks, Ordering::Relaxed);
        assert_eq!(left, 0, "a round begins when the one before has ended");
    }

    /// Called by each task at its end.
    #[inline]
    pub(crate) fn one_ended(&self) {
        // Release; pairs with the Acquire in `none`: the thread sees all that the tasks did.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiting.unpark();
        }
    }

    /// Whether all have ended.
    pub(crate) fn none(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Parks the thread that started the count until all have ended.
    pub(crate) fn wait(&self) {
        while !self.none() {
            thread::park();
        }
    }
}
