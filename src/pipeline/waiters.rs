//! Wakers of futures that wait, to be woken all at once.

use std::collections::BTreeMap;
use std::mem;
use std::task::Waker;

use crate::ground::shield::shielded;

/// The futures that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    wakers: BTreeMap<WaiterId, Waker>,
    next: WaiterId,
}

/// A waiter's number. None is given twice.
pub(super) type WaiterId = u64;

impl Waiters {
    /// Notes that a future waits. Gives the waker that it came with before, to be dropped without
    /// the lock: that may run code of the user's.
    #[must_use]
    pub(super) fn wait(&mut self, waiter: &mut Option<WaiterId>, waker: &Waker) -> Option<Waker> {
        let id = *waiter.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.wakers.get(&id) {
            Some(before) if before.will_wake(waker) => None,
            _ => self.wakers.insert(id, waker.clone()),
        }
    }

    /// Notes that a future does not wait any more. Gives its waker, to be dropped without the lock.
    #[must_use]
    pub(super) fn leave(&mut self, waiter: &mut Option<WaiterId>) -> Option<Waker> {
        self.wakers.remove(&waiter.take()?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Those that wait; they do so no longer.
    pub(super) fn take(&mut self) -> WakeList {
        WakeList(mem::take(&mut self.wakers).into_values().collect())
    }

    /// Those that wait, and go on to.
    pub(super) fn copy(&self) -> WakeList {
        WakeList(self.wakers.values().cloned().collect())
    }
}

/// Wakers to be woken without the lock: the first act of a woken task is to take it.
#[must_use = "the tasks of these wakers wait for them"]
#[derive(Debug)]
pub(super) struct WakeList(Vec<Waker>);

impl WakeList {
    pub(super) fn and(mut self, other: WakeList) -> WakeList {
        self.0.extend(other.0);
        self
    }

    pub(super) fn wake(self) {
        for waker in self.0 {
            shielded("the waker of a pipeline's awaiter", || waker.wake());
        }
    }
}
