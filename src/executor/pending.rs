//! The wakers of tasks that wait, kept so that shutdown can reach them.
//!
//! A task in a queue is found by emptying the queue. A task that waits for a socket or a channel
//! is known only to whoever will wake it, so the first time that a task is pending, its waker is
//! entered here as well. A task that completes in its first poll never is.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::task::Waker;

use crossbeam_utils::CachePadded;
use slab::Slab;

/// The wakers of pending tasks, in as many shards as there are workers, so that workers do not
/// wait for each other.
#[derive(Debug)]
pub(crate) struct Pending {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

/// Where a pending task's waker is kept. Small, since every task has room for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingEntry {
    /// The key and one, so that no entry takes no room besides.
    key_and_one: NonZeroU32,
    shard: u16,
}

#[derive(Debug, Default)]
struct Shard {
    wakers: Slab<Waker>,
    /// Whether the runtime has shut down and wakes everyone.
    closed: bool,
}

impl Pending {
    pub(crate) fn new(shards: usize) -> Pending {
        Pending {
            shards: (0..shards)
                .map(|_| CachePadded::new(Mutex::default()))
                .collect(),
        }
    }

    /// Keeps a waker until [`remove`](Pending::remove). Once closed it also wakes it at once, so
    /// that its task is scheduled, and cancelled, right after the poll that it is in.
    #[inline]
    pub(crate) fn insert(&self, index: usize, waker: &Waker) -> PendingEntry {
        let mut shard = self.shards[index].lock().expect(UNPOISONED);
        let key = shard.wakers.insert(waker.clone());
        if shard.closed {
            waker.wake_by_ref();
        }
        // A slab of 2^32 wakers takes 100 GB.
        let key_and_one = u32::try_from(key + 1).ok().and_then(NonZeroU32::new);
        PendingEntry {
            key_and_one: key_and_one.expect("fewer than 2^32 tasks are pending"),
            shard: u16::try_from(index).expect("a worker's number is 16 bits"),
        }
    }

    #[inline]
    pub(crate) fn remove(&self, entry: PendingEntry) {
        let mut shard = self.shards[usize::from(entry.shard)]
            .lock()
            .expect(UNPOISONED);
        let waker = shard.wakers.remove(entry.key_and_one.get() as usize - 1);
        // Unlock before dropping the waker: that may run what the lock is needed for.
        drop(shard);
        drop(waker);
    }

    /// Wakes every pending task, now and when others become pending.
    ///
    /// To wake a task that lies in a queue has no effect. If it is then polled once more and
    /// waits again, it has to be woken again: each thread calls this after its last poll.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().expect(UNPOISONED);
            shard.closed = true;
            let wakers: Vec<Waker> = shard
                .wakers
                .iter()
                .map(|(_, waker)| waker.clone())
                .collect();
            // Unlock before waking: whoever is woken and cancelled at once removes itself.
            drop(shard);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

const UNPOISONED: &str = "nothing panics while a shard is locked";
