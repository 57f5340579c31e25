//! The numbers of a runtime's tasks, of which each thread sets some aside.
//!
//! A count that every spawn changed would be fought over by all cores. So a worker sets numbers
//! aside for many spawns, and any other thread for a few (T8).

use std::ops::Range;

use crossbeam_utils::CachePadded;

use super::ids::{ExecutorId, TaskId};
use super::sync::Ordering;
use super::sync::unmodelled::AtomicU64;

/// How many numbers a worker sets aside at a time.
const FOR_WORKER: u64 = 1024;

/// How many numbers any other thread sets aside at a time, from a multiple of it on. It divides
/// [`FOR_WORKER`].
const FOR_THREAD: u64 = 16;

/// The numbers that are left.
pub(crate) struct TaskNumbers(CachePadded<AtomicU64>);

impl TaskNumbers {
    pub(crate) fn new() -> TaskNumbers {
        TaskNumbers(CachePadded::new(AtomicU64::new(0)))
    }

    fn set_aside(&self, count: u64) -> Range<u64> {
        let start = self.0.fetch_add(count, Ordering::Relaxed);
        start..start + count
    }
}

/// The numbers that a worker has set aside.
#[derive(Debug, Default)]
pub(crate) struct WorkersNumbers(Range<u64>);

impl WorkersNumbers {
    #[inline]
    pub(crate) fn next(&mut self, numbers: &TaskNumbers) -> TaskId {
        let id = self.0.next().unwrap_or_else(|| {
            self.0 = numbers.set_aside(FOR_WORKER);
            self.0.next().expect("numbers were set aside")
        });
        TaskId(id)
    }
}

/// The numbers that a thread without a worker has set aside, of the runtime that it spawned on
/// last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadsNumbers {
    of: Option<ExecutorId>,
    /// A multiple of [`FOR_THREAD`] where none is left.
    next: u64,
}

impl ThreadsNumbers {
    pub(crate) const NONE: ThreadsNumbers = ThreadsNumbers { of: None, next: 0 };

    #[inline]
    pub(crate) fn next(&mut self, of: ExecutorId, numbers: &TaskNumbers) -> TaskId {
        if self.next.is_multiple_of(FOR_THREAD) || self.of != Some(of) {
            self.next = numbers.set_aside(FOR_THREAD).start;
        }
        let id = self.next;
        (self.of, self.next) = (Some(of), id + 1);
        TaskId(id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let (here, there) = (TaskNumbers::new(), TaskNumbers::new());
        let mut workers = [WorkersNumbers::default(), WorkersNumbers::default()];
        let mut threads = [ThreadsNumbers::NONE; 2];
        let (mut given, mut given_there) = (HashSet::new(), HashSet::new());
        for round in 0..5000 {
            let worker = &mut workers[round % 2];
            assert!(
                given.insert(worker.next(&here)),
                "by a worker in round {round}"
            );
            let thread = &mut threads[round % 2];
            assert!(
                given.insert(thread.next(ExecutorId(0), &here)),
                "in round {round}"
            );
            if round % 5 == 0 {
                let id = thread.next(ExecutorId(1), &there);
                assert!(given_there.insert(id), "elsewhere in round {round}");
            }
        }
        assert_eq!((given.len(), given_there.len()), (10_000, 1000));
    }
}
