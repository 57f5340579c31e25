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

#[derive(Debug)]
enum Shard {
    Open(Slab<Waker>),
    /// The runtime has shut down and woken everyone.
    Closed,
}

impl Pending {
    pub(crate) fn new(shards: usize) -> Pending {
        Pending {
            shards: (0..shards)
                .map(|_| CachePadded::new(Mutex::new(Shard::Open(Slab::new()))))
                .collect(),
        }
    }

    /// Keeps a waker until [`remove`](Pending::remove). Once closed it wakes it at once instead,
    /// so that its task is scheduled, and cancelled, right after the poll that it is in.
    #[inline]
    pub(crate) fn insert(&self, shard: usize, waker: &Waker) -> Option<PendingEntry> {
        if let Shard::Open(wakers) = &mut *self.shards[shard].lock().expect(UNPOISONED) {
            // A slab of 2^32 wakers takes 100 GB.
            let key = u32::try_from(wakers.insert(waker.clone())).expect("fewer than 2^32 tasks");
            let shard = u32::try_from(shard).expect("a shard for each worker");
            return Some(PendingEntry { shard, key });
        }
        waker.wake_by_ref();
        None
    }

    #[inline]
    pub(crate) fn remove(&self, entry: PendingEntry) {
        let mut shard = self.shards[entry.shard as usize].lock().expect(UNPOISONED);
        if let Shard::Open(wakers) = &mut *shard {
            let waker = wakers.remove(entry.key as usize);
            // Unlock before dropping the waker: that may run what the lock is needed for.
            drop(shard);
            drop(waker);
        }
    }

    /// Wakes every pending task, now and from now on.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let before = std::mem::replace(&mut *shard.lock().expect(UNPOISONED), Shard::Closed);
            if let Shard::Open(wakers) = before {
                wakers.into_iter().for_each(|(_, waker)| waker.wake());
            }
        }
    }
}

const UNPOISONED: &str = "nothing panics while a shard is locked";
