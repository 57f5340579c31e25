//! A channel in which no thread waits: a ring of values under a lock, and their number beside it.
//!
//! Any thread pushes and takes. A thread that takes all values leaves the empty ring that it brings
//! along, and goes off with the full one. So no value is moved under the lock, and the ring that
//! fills next has its memory already (T33). A queue's tasks are in such a channel. Read
//! `executor/route.rs` next.

use std::{fmt, mem};

use crossbeam_utils::CachePadded;

use super::sync::unmodelled::Ring;
use super::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, unpoisoned};

/// The values that lie between the threads that push and those that take.
pub(crate) struct Channel<T> {
    values: CachePadded<Mutex<Ring<T>>>,
    /// How many there are, for a look without the lock. Written under it.
    len: CachePadded<AtomicUsize>,
}

/// An empty ring keeps the memory for this many values.
const MOST_KEPT: usize = 8192;

/// Gives the memory of an empty ring back that was needed for a flood alone.
pub(crate) fn shrink<T>(ring: &mut Ring<T>) {
    ring.shrink_to(MOST_KEPT);
}

impl<T> Channel<T> {
    pub(crate) fn new() -> Channel<T> {
        Channel {
            values: CachePadded::new(Mutex::new(Ring::new())),
            len: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring<T>> {
        unpoisoned(self.values.lock())
    }

    /// Shows the number of values, under the lock, so that a thread that sees it finds them.
    fn show(&self, values: &Ring<T>) {
        // SeqCst: a thread that has pushed reads the census next, the count of searching and of
        // parked workers; one that parks reads this after it has entered the census. See the
        // protocol in `idle/parking.rs`.
        self.len.store(values.len(), Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    pub(crate) fn push(&self, value: T) {
        let mut values = self.lock();
        values.push_back(value);
        self.show(&values);
    }

    /// Takes the oldest value.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut values = self.lock();
        let oldest = values.pop_front();
        if values.is_empty() {
            shrink(&mut values);
        }
        self.show(&values);
        oldest
    }

    /// Moves the oldest values into an empty ring, at most this many.
    pub(crate) fn take(&self, most: usize, into: &mut Ring<T>) {
        debug_assert!(into.is_empty(), "{} values would be mixed up", into.len());
        let mut values = self.lock();
        match most < values.len() {
            true => into.extend(values.drain(..most)),
            false => mem::swap(&mut *values, into),
        }
        self.show(&values);
    }

    /// Puts values back that were taken, before those that have come meanwhile.
    pub(crate) fn put_back(&self, mut taken: Ring<T>) {
        let mut values = self.lock();
        taken.append(&mut values);
        *values = taken;
        self.show(&values);
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(ids: std::ops::Range<u64>) -> Channel<u64> {
        let channel = Channel::new();
        ids.for_each(|id| channel.push(id));
        channel
    }

    fn left(channel: &Channel<u64>) -> Vec<u64> {
        std::iter::from_fn(|| channel.pop()).collect()
    }

    #[test]
    fn a_part_is_taken_from_the_front() {
        let channel = filled(0..5);
        let mut taken = Ring::new();
        channel.take(2, &mut taken);
        assert_eq!((Vec::from(taken), channel.len()), (vec![0, 1], 3));
        assert_eq!((left(&channel), channel.len()), (vec![2, 3, 4], 0));
    }

    #[test]
    fn tasks_that_are_put_back_lie_before_those_that_came_meanwhile() {
        let channel = filled(0..3);
        let mut taken = Ring::new();
        channel.take(usize::MAX, &mut taken);
        assert_eq!(channel.len(), 0);
        channel.push(7);
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
        (0..100).for_each(|id| channel.push(id));
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
        assert_eq!(tray.drain(..).len() as u64, FLOOD);
        shrink(&mut tray);
        assert!(tray.capacity() <= MOST_KEPT);
    }
}
