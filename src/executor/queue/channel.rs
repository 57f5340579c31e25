//! The channel of a queue: a ring of tasks under a lock, and their number beside it.
//!
//! Any thread pushes; workers take. A worker that takes all tasks leaves the empty ring that it
//! brings along, and goes off with the full one. So no task is moved under the lock, and the ring
//! that fills next has its memory already (T33). Read `route.rs` next.

use std::{fmt, mem};

use crossbeam_utils::CachePadded;

use super::Runnable;
use crate::ground::sync::unmodelled::Ring;
use crate::ground::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, unpoisoned};

/// The tasks that lie between a thread that brings them and the workers. No bound: a spawn or a
/// wake-up cannot wait. It never holds more than the tasks that were spawned and have not ended.
#[derive(Default)]
pub(super) struct Channel {
    tasks: CachePadded<Mutex<Ring<Runnable>>>,
    /// How many tasks there are, for a look without the lock. Written under it.
    len: CachePadded<AtomicUsize>,
}

/// An empty ring keeps the memory for this many tasks.
const MOST_KEPT: usize = 8192;

/// Gives the memory of an empty ring back that was needed for a flood alone.
pub(super) fn shrink(ring: &mut Ring<Runnable>) {
    ring.shrink_to(MOST_KEPT);
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, Ring<Runnable>> {
        unpoisoned(self.tasks.lock())
    }

    /// Shows the number of tasks, under the lock, so that a thread that sees it finds them.
    fn show(&self, tasks: &Ring<Runnable>) {
        // SeqCst: a thread that has pushed reads the census next, the count of searching and of
        // parked workers; one that parks reads this after it has entered the census. See the
        // protocol in `idle/parking.rs`.
        self.len.store(tasks.len(), Ordering::SeqCst);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    pub(super) fn push(&self, runnable: Runnable) {
        let mut tasks = self.lock();
        tasks.push_back(runnable);
        self.show(&tasks);
    }

    /// Takes the oldest task.
    pub(super) fn pop(&self) -> Option<Runnable> {
        let mut tasks = self.lock();
        let oldest = tasks.pop_front();
        if tasks.is_empty() {
            shrink(&mut tasks);
        }
        self.show(&tasks);
        oldest
    }

    /// Moves the oldest tasks into an empty ring, at most this many.
    pub(super) fn take(&self, most: usize, into: &mut Ring<Runnable>) {
        debug_assert!(into.is_empty(), "{} tasks would be mixed up", into.len());
        let mut tasks = self.lock();
        match most < tasks.len() {
            true => into.extend(tasks.drain(..most)),
            false => mem::swap(&mut *tasks, into),
        }
        self.show(&tasks);
    }

    /// Puts tasks back that were taken, before those that have come meanwhile.
    pub(super) fn put_back(&self, mut taken: Ring<Runnable>) {
        let mut tasks = self.lock();
        taken.append(&mut tasks);
        *tasks = taken;
        self.show(&tasks);
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::queue::tests::runnable;

    fn filled(ids: std::ops::Range<u64>) -> Channel {
        let channel = Channel::default();
        ids.for_each(|id| channel.push(runnable(id)));
        channel
    }

    fn ids(tasks: impl IntoIterator<Item = Runnable>) -> Vec<u64> {
        let id = |runnable: Runnable| runnable.metadata().id.0;
        tasks.into_iter().map(id).collect()
    }

    fn left(channel: &Channel) -> Vec<u64> {
        ids(std::iter::from_fn(|| channel.pop()))
    }

    #[test]
    fn a_part_is_taken_from_the_front() {
        let channel = filled(0..5);
        let mut taken = Ring::new();
        channel.take(2, &mut taken);
        assert_eq!((ids(taken), channel.len()), (vec![0, 1], 3));
        assert_eq!((left(&channel), channel.len()), (vec![2, 3, 4], 0));
    }

    #[test]
    fn tasks_that_are_put_back_lie_before_those_that_came_meanwhile() {
        let channel = filled(0..3);
        let mut taken = Ring::new();
        channel.take(usize::MAX, &mut taken);
        assert_eq!(channel.len(), 0);
        channel.push(runnable(7));
        channel.put_back(taken);
        assert_eq!(channel.len(), 4);
        assert_eq!(left(&channel), [0, 1, 2, 7]);
    }

    #[test]
    fn the_ring_that_a_worker_leaves_fills_without_new_memory() {
        let channel = filled(0..0);
        let mut tray = Ring::with_capacity(100);
        channel.take(usize::MAX, &mut tray);
        let room = channel.lock().capacity();
        assert!(room >= 100, "{room}");
        (0..100).for_each(|id| channel.push(runnable(id)));
        assert_eq!(channel.lock().capacity(), room);
    }

    #[test]
    fn the_memory_of_a_flood_is_given_back() {
        const FLOOD: u64 = 3 * MOST_KEPT as u64;
        let popped = filled(0..FLOOD);
        assert_eq!(left(&popped).len() as u64, FLOOD);
        assert!(popped.lock().capacity() <= MOST_KEPT);

        let mut tray = Ring::new();
        filled(0..FLOOD).take(usize::MAX, &mut tray);
        assert_eq!(ids(tray.drain(..)).len() as u64, FLOOD);
        shrink(&mut tray);
        assert!(tray.capacity() <= MOST_KEPT);
    }
}
