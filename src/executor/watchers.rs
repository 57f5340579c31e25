//! The tasks that are told when their runtime begins to shut down.
//!
//! This file owns their wakers. It never knows what a task does when it is told. Read
//! `join_error.rs` next.

use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

use slab::Slab;

use crate::shield::shielded;
use crate::sync::unpoisoned;

/// The wakers of the tasks that wait for shutdown to begin.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    wakers: Mutex<Slab<Waker>>,
}

impl Watchers {
    /// Keeps a waker until shutdown begins, or [`remove`](Watchers::remove). The caller looks at
    /// the phase after this: shutdown may have begun meanwhile.
    pub(crate) fn insert(&self, waker: Waker) -> usize {
        self.lock().insert(waker)
    }

    /// Puts another waker in a waker's place, if it is still there.
    pub(crate) fn replace(&self, key: usize, waker: &Waker) {
        let mut wakers = self.lock();
        let replaced = match wakers.get_mut(key) {
            Some(there) if !there.will_wake(waker) => Some(std::mem::replace(there, waker.clone())),
            _ => None,
        };
        // Unlock before dropping what may be the last of a task.
        drop(wakers);
        drop(replaced);
    }

    /// Forgets a waker. A waker that was called is gone already. After that no task is entered any
    /// more, so a stale key does no harm.
    pub(crate) fn remove(&self, key: usize) {
        let removed = self.lock().try_remove(key);
        // Not under the lock, as above.
        drop(removed);
    }

    /// Wakes all these tasks. Called after the phase has changed.
    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.lock());
        for (_key, waker) in wakers {
            shielded("the waker of a task that waits for shutdown", || {
                waker.wake()
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Waker>> {
        // A waker's `clone` may panic under the lock; the slab is whole even then.
        unpoisoned(self.wakers.lock())
    }
}
