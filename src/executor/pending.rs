//! The wakers of tasks that wait, kept so that shutdown can reach them.
//!
//! A task in a queue is found by emptying the queue. A task that waits for a socket or a channel
//! is known only to whoever will wake it, so the first time that a task is pending, its waker is
//! entered here as well. A task that completes in its first poll never is.

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

/// Where a pending task's waker is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingEntry {
    shard: u32,
    key: u32,
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
        // A slab of 2^32 wakers takes 100 GB.
        let key = u32::try_from(shard.wakers.insert(waker.clone())).expect("fewer than 2^32 tasks");
        if shard.closed {
            waker.wake_by_ref();
        }
        let shard = u32::try_from(index).expect("a shard for each worker");
        PendingEntry { shard, key }
    }

    #[inline]
    pub(crate) fn remove(&self, entry: PendingEntry) {
        let mut shard = self.shards[entry.shard as usize].lock().expect(UNPOISONED);
        let waker = shard.wakers.remove(entry.key as usize);
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
