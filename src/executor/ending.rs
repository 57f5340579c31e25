//! How a runtime ends: in which order, and who sees to the tasks that are left.
//!
//! This file knows phases and threads; it knows neither tasks nor queues, and asks its caller
//! whether something is left and how to cancel it.
//!
//! # Why no task is left behind
//!
//! A task that comes into a channel while the runtime closes is seen by the thread that closes, or
//! by the thread that brought it: each first writes (the phase, the task) and then looks (for
//! tasks, at the phase), in an order that is the same for both. So one of them sees the other, and
//! both look for what is left once the phase is `Closed`.
//!
//! One thread at a time cancels. Who finds another at it leaves the task to that one, which looks
//! once more after releasing the lock: its release and its look, and the bringer's push and its
//! try to lock, are again a write and a look on either side.
//!
//! # Why drain does not sleep for ever
//!
//! A task that ends is counted first; then its thread looks at the phase. Who drains moves the
//! phase first and counts then. So the last task is counted, or its thread sees that somebody
//! waits; it tells under the lock, and hence not between count and sleep.
//!
//! # Why drain misses nobody
//!
//! A task that is spawned from outside is counted, and then its thread looks at the phase once
//! more. So the task is counted by who drains, or its thread sees that it came too late and takes
//! the count back, as if the task had ended. What spawns on a worker is a task, and counted.
//!
//! The model checker runs this very file: see `ending/model.rs`.

use std::sync::TryLockError;
use std::time::Instant;

use crate::sync::{AtomicU8, Condvar, Mutex, Ordering, fence, unpoisoned};

/// How far a runtime's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Open,
    /// Nothing new is taken; what is there runs on.
    Draining,
    /// What is left is cancelled.
    Closed,
}

impl Phase {
    fn of(number: u8) -> Phase {
        match number {
            0 => Phase::Open,
            1 => Phase::Draining,
            _ => Phase::Closed,
        }
    }
}

/// The end of one runtime.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Advanced by shutdown, never set back.
    phase: AtomicU8,
    /// Held between the count of tasks and the sleep, so that no end falls between them.
    counting: Mutex<()>,
    ended: Condvar,
    /// Held by the thread that cancels what is left.
    cancelling: Mutex<()>,
}

impl Ending {
    pub(crate) fn new() -> Ending {
        Ending {
            phase: AtomicU8::new(Phase::Open as u8),
            counting: Mutex::new(()),
            ended: Condvar::new(),
            cancelling: Mutex::new(()),
        }
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // SeqCst: pairs with `advance`. Who puts a task somewhere and then reads `Open` here has
        // put it where the one who advances the phase will look.
        Phase::of(self.phase.load(Ordering::SeqCst))
    }

    /// Moves on to a later phase. The caller wakes everybody to see it.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        // The counts of ended tasks, which are read next, are no sequentially consistent ones.
        fence(Ordering::SeqCst);
    }

    /// Waits until no task is live, `deadline` has come, or the phase is past `Draining`. No
    /// deadline: as long as it takes.
    pub(crate) fn drain(&self, deadline: Option<Instant>, live: impl Fn() -> u64) {
        let mut counting = unpoisoned(self.counting.lock());
        while live() > 0 && self.phase() == Phase::Draining {
            counting = match deadline.map(|d| d.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    let waited = self.ended.wait_timeout(counting, left);
                    unpoisoned(waited).0
                }
                None => {
                    let waited = self.ended.wait(counting);
                    unpoisoned(waited)
                }
            };
        }
    }

    /// Called by a worker that rests, after a sequentially consistent fence: if shutdown waits for
    /// the last task, it may have been this worker's.
    pub(crate) fn worker_rests(&self) -> Phase {
        let phase = self.phase();
        if phase == Phase::Draining {
            self.notify();
        }
        phase
    }

    /// Called when a task's future was dropped on a thread that is no worker.
    pub(crate) fn task_ended_outside(&self) {
        // SeqCst: pairs with `advance`. Either the phase is seen here, or the end is seen by the
        // drain that begins later.
        fence(Ordering::SeqCst);
        if self.phase() == Phase::Draining {
            self.notify();
        }
    }

    /// Lets who drains look again.
    pub(crate) fn notify(&self) {
        // Under the lock: the waiter is before its count or already waiting.
        let _counting = unpoisoned(self.counting.lock());
        self.ended.notify_all();
    }

    /// Calls `cancel_all` when no other thread cancels any more.
    pub(crate) fn cancel_after_others(&self, cancel_all: impl Fn()) {
        let only = self.cancelling.lock();
        let _only = unpoisoned(only);
        cancel_all();
    }

    /// Calls `cancel_all` as long as anything is left, unless another thread is at it, which then
    /// sees to the rest. One thread at a time, and not nested: a future that is dropped in
    /// `cancel_all` may wake the next task, and that one the next, a million deep.
    pub(crate) fn cancel_rest(&self, anything_left: impl Fn() -> bool, cancel_all: impl Fn()) {
        // SeqCst: between our push and our try to lock. If another thread holds the lock, it
        // looks for what we pushed after releasing it.
        fence(Ordering::SeqCst);
        while anything_left() {
            let only = match self.cancelling.try_lock() {
                Ok(only) => only,
                Err(TryLockError::Poisoned(only)) => only.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            cancel_all();
            drop(only);
            fence(Ordering::SeqCst);
        }
    }
}

#[cfg(all(test, loom))]
mod model;
