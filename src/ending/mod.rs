//! The end of a runtime: its order, and the threads that see to the tasks that are left.
//!
//! This file knows phases and threads; it knows neither tasks nor queues, and asks its caller
//! whether something is left and how to cancel it.
//!
//! # The steps
//!
//! 1. *Drain*, if there is time for it: the phase is [`Phase::Draining`], all workers are unparked,
//!    and new spawns are refused. The thread that ends the runtime waits for the tasks that are
//!    there, at most until the deadline.
//! 2. *Close*: the phase is [`Phase::Closed`]. The reactor is closed, and every task that waits is
//!    woken, and so queued.
//! 3. *Cancel*: the thread that ends the runtime drops the futures that are queued, also those in
//!    the local queues of workers that are stuck. Each worker, as it leaves, drops those in its own
//!    queues, and that of its last poll.
//! 4. *Finish*: the thread that ends the runtime looks for queued tasks again until no future is
//!    left, or the deadline has come.
//!
//! # Why no waker runs a destructor
//!
//! A waker may be called from anywhere, under any lock. So a thread that wakes a task, or drops a
//! task's handle, only pushes the task into a queue, and notifies the thread that ends the runtime.
//! That thread drops the futures, and so do the workers, each on its way out.
//!
//! # Why no task is left behind
//!
//! The thread that ends the runtime comes back when no future is left, by the count of live tasks.
//! A live task is in one of three states. It is in the hands of a worker, polled or in its local
//! queues. The worker drops it and then notifies the thread that ends the runtime, after its last
//! poll or where a poll waits for others within it (`Executor::thread_leaves`). Or the task waits,
//! and is woken, which queues it. Or it lies in a channel.
//!
//! A thread that puts a task into a channel pushes it and then looks at the phase. The thread that
//! ends the runtime writes the phase and then looks for tasks, under the lock, before each sleep.
//! Push and look, write and look are in an order that is the same for all threads. So the thread
//! that ends the runtime sees the task, or the thread that queued it sees the phase; and since that
//! one takes the lock before it notifies, that never falls between the look and the sleep.
//!
//! # Why drain does not sleep for ever
//!
//! A task that ends is counted first; then its thread looks at the phase: a worker's thread when
//! the worker next rests, which it does after the last task, and any other thread at once. A thread
//! that drains moves the phase first and counts then. So the last task is counted, or its thread
//! sees that another waits; it takes the lock and then notifies, hence not between count and sleep.
//!
//! # Why drain misses no task
//!
//! A task that is spawned from outside is counted, and then its thread looks at the phase once
//! more. So the task is counted by the thread that drains, or its own thread sees that it came too
//! late and counts the task as cancelled. A spawn on a worker is made by a task that is itself
//! counted.
//!
//! The model checker runs this very file: see `ending/model.rs`. Read `ground/waker/pending.rs`
//! next.

pub(crate) mod abort_orders;

use std::time::Instant;

use crate::ground::sync::unmodelled::AtomicU64;
use crate::ground::sync::{AtomicU8, Condvar, Mutex, MutexGuard, Ordering, fence, unpoisoned};

/// How far a runtime's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Open,
    /// The runtime takes no new task; the tasks that are there run on.
    Draining,
    /// The tasks that are left are cancelled.
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
    /// Held between a look for tasks and the sleep, so that no news falls between them. No code of
    /// the user's runs under it.
    looking: Mutex<()>,
    changed: Condvar,
    /// How many tasks of the runtime's own are under way on threads that wait for its end: no
    /// thread waits for these.
    excused: AtomicU64,
}

/// Excuses tasks until it is dropped.
pub(crate) struct Excused<'e> {
    ending: &'e Ending,
    tasks: u64,
}

impl Drop for Excused<'_> {
    fn drop(&mut self) {
        self.ending.excused.fetch_sub(self.tasks, Ordering::SeqCst);
    }
}

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitEnd {
    LookAgain,
    DeadlineCame,
}

impl Ending {
    pub(crate) fn new() -> Ending {
        Ending {
            phase: AtomicU8::new(Phase::Open as u8),
            looking: Mutex::new(()),
            changed: Condvar::new(),
            excused: AtomicU64::new(0),
        }
    }

    /// Excuses tasks of the runtime's own that are under way on the calling thread, which is about
    /// to wait for the end: neither it nor any other thread waits for them.
    pub(crate) fn excuse(&self, tasks: u64) -> Excused<'_> {
        self.excused.fetch_add(tasks, Ordering::SeqCst);
        // Other threads may wait for these tasks.
        self.notify();
        Excused {
            ending: self,
            tasks,
        }
    }

    pub(crate) fn excused(&self) -> u64 {
        self.excused.load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // SeqCst: pairs with `advance`. A thread that puts a task somewhere and then reads `Open`
        // here has put it where the thread that advances the phase will look.
        Phase::of(self.phase.load(Ordering::SeqCst))
    }

    /// Moves on to a later phase. The caller wakes every worker to see it.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        // The counts of ended tasks are read next, and not by sequentially consistent accesses.
        fence(Ordering::SeqCst);
    }

    /// Waits until `is_over`, `deadline` has come, or the phase is past `Draining`. Without a
    /// deadline it waits for as long as it takes.
    pub(crate) fn drain(&self, deadline: Option<Instant>, is_over: impl Fn() -> bool) {
        let mut looking = unpoisoned(self.looking.lock());
        while !is_over() && self.phase() == Phase::Draining {
            let (guard, waited) = self.wait(looking, deadline);
            looking = guard;
            if waited == WaitEnd::DeadlineCame {
                return;
            }
        }
    }

    /// Calls `cancel_queued` again and again, until `is_over` or `deadline` has come. Sleeps while
    /// nothing `is_queued`.
    pub(crate) fn finish(
        &self,
        deadline: Option<Instant>,
        is_over: impl Fn() -> bool,
        is_queued: impl Fn() -> bool,
        cancel_queued: impl Fn(),
    ) {
        loop {
            cancel_queued();
            let looking = unpoisoned(self.looking.lock());
            if is_over() {
                return;
            }
            if !is_queued() && self.wait(looking, deadline).1 == WaitEnd::DeadlineCame {
                return;
            }
        }
    }

    fn wait<'e>(
        &self,
        looking: MutexGuard<'e, ()>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'e, ()>, WaitEnd) {
        match deadline.map(|d| d.saturating_duration_since(Instant::now())) {
            Some(left) if left.is_zero() => (looking, WaitEnd::DeadlineCame),
            Some(left) => {
                let waited = self.changed.wait_timeout(looking, left);
                (unpoisoned(waited).0, WaitEnd::LookAgain)
            }
            None => (unpoisoned(self.changed.wait(looking)), WaitEnd::LookAgain),
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
        if self.phase() != Phase::Open {
            self.notify();
        }
    }

    /// Called after a task was pushed into a channel: the workers may have left.
    #[inline]
    pub(crate) fn task_queued(&self) {
        if self.phase() == Phase::Closed {
            self.notify();
        }
    }

    /// Wakes the threads that wait here, for another look.
    #[cold]
    pub(crate) fn notify(&self) {
        // After the lock was taken: the waiter is before its look or already waiting. Unlocked by
        // now, since a nice thread may give its core to the waiter at once.
        drop(unpoisoned(self.looking.lock()));
        self.changed.notify_all();
    }
}

#[cfg(all(test, loom))]
mod model;
