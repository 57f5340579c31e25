//! The wakers of tasks that wait, for threads that want to wake a task by its number.
//!
//! A task in a queue is found by emptying the queue. A task that waits for a socket or a channel is
//! known only to the code that will wake it, so the first time that a task is pending, its waker is
//! entered here as well. Shutdown wakes them all; a thread that raises or aborts a task wakes that
//! one. A task that completes in its first poll is never entered.
//!
//! A thread may look for a task in the middle of its first poll, and does not find it. So looks in
//! vain are counted, and a worker that enters a waker compares the count with the one from before
//! the poll: if it has changed, the task is polled once more, which at worst is one poll too many.
//! Read `ground/next_slot.rs` next.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::ground::growth;
use crate::ground::ids::{Spread, TaskId};
use crate::ground::sync::Ordering;
use crate::ground::sync::unmodelled::{AtomicU64, Mutex, MutexGuard};

/// The wakers of pending tasks, in enough shards that workers seldom wait for each other.
#[derive(Debug)]
pub(crate) struct Pending {
    /// A power of two of them.
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    /// The word of [`Sought`].
    sought: CachePadded<AtomicU64>,
}

#[derive(Debug, Default)]
struct Shard {
    wakers: HashMap<TaskId, Waker, BuildHasherDefault<Spread>>,
    /// Whether the runtime has shut down and wakes every task.
    closed: bool,
}

/// How often tasks were raised, and how often one was looked for here in vain: two counts in one
/// word, so that a worker reads both at each step by one load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sought(u64);

const ONE_RAISE: u64 = 1;
const ONE_IN_VAIN: u64 = 1 << u32::BITS;

impl Sought {
    /// Both counts wrap around, and are compared for being the same. Sifting also asks which of two
    /// counts of raises is the older one.
    #[inline]
    pub(crate) fn raises(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn in_vain(self) -> u32 {
        (self.0 / ONE_IN_VAIN) as u32
    }
}

const SHARDS_PER_WORKER: usize = 4;

impl Pending {
    pub(crate) fn new(workers: usize) -> Pending {
        let shards = (SHARDS_PER_WORKER * workers).next_power_of_two();
        Pending {
            shards: (0..shards)
                .map(|_| CachePadded::new(Mutex::default()))
                .collect(),
            sought: CachePadded::default(),
        }
    }

    /// How often tasks were raised or looked for in vain so far.
    #[inline]
    pub(crate) fn sought(&self) -> Sought {
        // Acquire: pairs with the Release in `wake` and `note_raise`. A worker that sees the count
        // before a poll sees in the task why it was looked for.
        Sought(self.sought.load(Ordering::Acquire))
    }

    /// Counts that a task was raised.
    pub(crate) fn note_raise(&self) {
        // Release: pairs with the Acquire in `sought`. A worker that sees the count sees the
        // task's new queue.
        self.sought.fetch_add(ONE_RAISE, Ordering::Release);
    }

    /// Enters a waker until [`remove`](Pending::remove). Wakes it at once if the pending have been
    /// closed: its task is then scheduled right after the poll that it is in.
    #[inline]
    pub(crate) fn insert(&self, task: TaskId, waker: &Waker) {
        let mut shard = self.shard(task);
        let before = shard.wakers.insert(task, waker.clone());
        debug_assert!(before.is_none(), "a task is entered once");
        if shard.closed {
            waker.wake_by_ref();
        }
    }

    #[inline]
    pub(crate) fn remove(&self, task: TaskId) {
        let mut shard = self.shard(task);
        let waker = shard.wakers.remove(&task);
        growth::give_back(&mut shard.wakers);
        drop(shard);
        // Dropped after the lock is released: that may run code that takes the lock.
        drop(waker);
    }

    /// Wakes a task if it waits. If it is being polled, it is polled once more, also where that is
    /// its first poll and its waker is not here yet. Has no effect on one that lies in a queue.
    pub(crate) fn wake(&self, task: TaskId) {
        let found = self.waker_of(task).or_else(|| {
            // Counted before the second look: a worker that enters the waker after it sees the
            // count. Release: pairs with the Acquire in `sought`.
            self.sought.fetch_add(ONE_IN_VAIN, Ordering::Release);
            self.waker_of(task)
        });
        // The shard is unlocked by now, as in `close`.
        if let Some(waker) = found {
            waker.wake();
        }
    }

    fn waker_of(&self, task: TaskId) -> Option<Waker> {
        self.shard(task).wakers.get(&task).cloned()
    }

    /// Wakes every pending task, now and when others become pending.
    ///
    /// A wake-up of a task that lies in a queue has no effect. If the task is then polled once more
    /// and waits again, it has to be woken again: each thread calls this after its last poll.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().expect(UNPOISONED);
            shard.closed = true;
            let mut wakers: Vec<(TaskId, Waker)> = shard
                .wakers
                .iter()
                .map(|(&task, waker)| (task, waker.clone()))
                .collect();
            // Unlock before waking: that queues the task, and may call an observer, whose code may
            // come back here.
            drop(shard);
            // In an order that does not depend on the map's history.
            wakers.sort_unstable_by_key(|(task, _)| *task);
            wakers.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }

    fn shard(&self, task: TaskId) -> MutexGuard<'_, Shard> {
        // Numbers are handed out one after another, so the low bits are spread evenly.
        let index = task.0 as usize & (self.shards.len() - 1);
        self.shards[index].lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "nothing panics while a shard is locked";

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::ground::growth::WORTH_SHRINKING;

    fn capacity(pending: &Pending) -> usize {
        let shards = pending.shards.iter();
        shards
            .map(|shard| shard.lock().unwrap().wakers.capacity())
            .sum()
    }

    #[test]
    fn the_memory_of_a_crowd_is_given_back_when_the_crowd_has_gone() {
        const CROWD: u64 = 300_000;
        let pending = Pending::new(2);
        (0..CROWD).for_each(|task| pending.insert(TaskId(task), Waker::noop()));
        assert!(capacity(&pending) >= CROWD as usize);
        (0..CROWD).for_each(|task| pending.remove(TaskId(task)));
        let left = capacity(&pending);
        let kept = 8 * WORTH_SHRINKING / size_of::<(TaskId, Waker)>();
        assert!(left <= 2 * kept, "room for {left} is left");
    }
}
