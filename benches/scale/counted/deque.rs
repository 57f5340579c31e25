//! crossbeam's deque. Its two ends lie on one line, which its worker changes at each push and pop
//! and a thief at each steal.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crossbeam_deque::Worker;
use crossbeam_utils::CachePadded;

pub(crate) use crossbeam_deque::Steal;

use super::machine::{Access, Stamped, access, steal_in_vain};

/// Stands for the line on which both ends lie.
type EndsLine = Arc<CachePadded<u64>>;

#[track_caller]
fn tell(line: &EndsLine, kind: Access) {
    access(&raw const **line, kind, Location::caller());
}

/// The side of the worker that pushes.
pub(crate) struct Deque<T> {
    tasks: Worker<Stamped<T>>,
    line: EndsLine,
}

/// The side of all others.
pub(crate) struct Stealer<T> {
    tasks: crossbeam_deque::Stealer<Stamped<T>>,
    line: EndsLine,
}

impl<T> Deque<T> {
    pub(crate) fn new_fifo() -> Deque<T> {
        Deque {
            tasks: Worker::new_fifo(),
            line: Arc::default(),
        }
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer {
            tasks: self.tasks.stealer(),
            line: self.line.clone(),
        }
    }

    #[track_caller]
    pub(crate) fn push(&self, task: T) {
        tell(&self.line, Access::Store);
        self.tasks.push(Stamped::here(task));
    }

    #[track_caller]
    pub(crate) fn pop(&self) -> Option<T> {
        tell(&self.line, Access::Change);
        self.tasks.pop().map(Stamped::arrive)
    }

    #[track_caller]
    pub(crate) fn len(&self) -> usize {
        tell(&self.line, Access::Load);
        self.tasks.len()
    }

    #[track_caller]
    pub(crate) fn is_empty(&self) -> bool {
        tell(&self.line, Access::Load);
        self.tasks.is_empty()
    }
}

impl<T> Stealer<T> {
    #[track_caller]
    pub(crate) fn steal(&self) -> Steal<T> {
        tell(&self.line, Access::Load);
        arrived(self.tasks.steal())
    }

    #[track_caller]
    pub(crate) fn steal_batch_and_pop(&self, into: &Deque<T>) -> Steal<T> {
        tell(&self.line, Access::Load);
        let stolen = self.tasks.steal_batch_and_pop(&into.tasks);
        match stolen {
            Steal::Success(_) => {
                tell(&self.line, Access::Change);
                tell(&into.line, Access::Store);
            }
            Steal::Empty | Steal::Retry => steal_in_vain(),
        }
        arrived(stolen)
    }

    #[track_caller]
    pub(crate) fn len(&self) -> usize {
        tell(&self.line, Access::Load);
        self.tasks.len()
    }

    #[track_caller]
    pub(crate) fn is_empty(&self) -> bool {
        tell(&self.line, Access::Load);
        self.tasks.is_empty()
    }
}

fn arrived<T>(stolen: Steal<Stamped<T>>) -> Steal<T> {
    match stolen {
        Steal::Success(task) => Steal::Success(task.arrive()),
        Steal::Empty => Steal::Empty,
        Steal::Retry => Steal::Retry,
    }
}

impl<T> fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tasks.fmt(f)
    }
}

impl<T> fmt::Debug for Stealer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tasks.fmt(f)
    }
}
