//! The tasks that are told when their runtime begins to shut down.
//!
//! This file owns their wakers. It never knows how a task goes on when it is told.

use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

use crate::ground::growth::Table;
use crate::ground::shield::shielded;
use crate::ground::sync::unpoisoned;

/// The wakers of the tasks that wait for shutdown to begin.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    wakers: Mutex<Table<Waker>>,
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
        // Unlock before dropping a waker, which may be the last part of a task.
        drop(wakers);
        drop(replaced);
    }

    /// Forgets a waker. A waker that was called is gone already, and its key may be another's only
    /// if that entered after the phase had changed: such a watcher looks at the phase itself, and
    /// waits for no call.
    pub(crate) fn remove(&self, key: usize) {
        let mut wakers = self.lock();
        let removed = wakers.try_remove(key);
        // Not under the lock, as above.
        drop(wakers);
        drop(removed);
    }

    /// Wakes all these tasks. Called after the phase has changed.
    pub(crate) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.lock());
        for waker in wakers.into_values() {
            shielded("the waker of a task that waits for shutdown", || {
                waker.wake()
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table<Waker>> {
        // A waker's `clone` may panic under the lock; the table is whole even then.
        unpoisoned(self.wakers.lock())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_crowd_is_given_back_when_the_crowd_has_gone() {
        let watchers = Watchers::default();
        let enter = |_| watchers.insert(Waker::noop().clone());
        let mut keys: Vec<usize> = (0..300_000).map(enter).collect();
        let _stays = keys.pop().expect("it is a crowd");
        keys.into_iter().for_each(|key| watchers.remove(key));
        assert!(watchers.lock().capacity() <= 2048);
    }
}
