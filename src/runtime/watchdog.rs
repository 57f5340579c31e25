//! Looks after workers whose thread is stuck in a long poll, and reports the poll.
//!
//! A worker's next-slot holds a task that is about to run there, so no other worker is told of it
//! and none steals it: that is what makes it cheap. The next-slot is a trap when the running task
//! does not come to the end of its poll. The watchdog sees that a worker has begun no new poll
//! between two looks, and moves the task in its next-slot to the queue's channel, where any worker
//! finds it.
//!
//! The price is a thread that wakes up a hundred times a second while the runtime works, and not at
//! all while its workers are parked. Where the runtime has a reactor, it wakes up a thousand times
//! a second, to see that some worker looks there: four thousand times while high polls take long,
//! or while it often finds beside low ones that none does, and two hundred times among many short
//! high polls (`attendant.rs`). Workers that nap instead never count as parked. A worker that shows
//! what it polls pays three stores a poll (T20).

mod attendant;
mod long_polls;
mod thresholds;

use std::time::Duration;

use crate::executor::Executor;
use crate::ground::ids::{QueueId, WorkerId};
use crate::ground::sync::{AtomicBool, Condvar, Mutex, Ordering, unpoisoned};

use attendant::Attendant;

pub(crate) use long_polls::LongPolls;
pub(crate) use thresholds::Thresholds;

/// The time between two looks. A task waits in the next-slot behind a stuck poll for two of them
/// at most.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(10);

/// After this many looks at a runtime whose workers all sleep, the watchdog sleeps too.
const LOOKS_BEFORE_DOZING: u32 = 10;

/// The watchdog of one runtime.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    /// Set while it sleeps without a timeout. A word of its own, so that the workers, which ask
    /// after each of their sleeps, only read.
    dozing: AtomicBool,
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Orders {
    #[default]
    Watch,
    Stop,
}

impl Watchdog {
    /// The watchdog thread's life.
    pub(crate) fn watch(&self, executor: &Executor) {
        let mut rounds = Rounds::default();
        let mut long_polls = LongPolls::default();
        let mut attendant = Attendant::default();
        let mut quiet_looks = 0;
        while self.wait_for_next_look(executor, quiet_looks, &mut attendant) == Orders::Watch {
            rounds.look(executor);
            long_polls.look(executor);
            quiet_looks = match executor.parking_lot.all_parked() {
                true => quiet_looks + 1,
                false => 0,
            };
        }
    }

    fn wait_for_next_look(
        &self,
        executor: &Executor,
        quiet_looks: u32,
        attendant: &mut Attendant,
    ) -> Orders {
        if quiet_looks >= LOOKS_BEFORE_DOZING {
            return self.doze(|| executor.parking_lot.all_parked());
        }
        if !Attendant::is_needed(executor) {
            return self.wait(LOOK_EVERY);
        }
        let mut waited = Duration::ZERO;
        while waited < LOOK_EVERY {
            let rest = attendant.rest();
            if self.wait(rest) == Orders::Stop {
                return Orders::Stop;
            }
            waited += rest;
            attendant.visit(executor);
        }
        Orders::Watch
    }

    fn wait(&self, time: Duration) -> Orders {
        let orders = unpoisoned(self.orders.lock());
        if *orders == Orders::Stop {
            return Orders::Stop;
        }
        *unpoisoned(self.changed.wait_timeout(orders, time)).0
    }

    /// Sleeps until a worker is awake, unless one is already.
    fn doze(&self, all_parked: impl FnOnce() -> bool) -> Orders {
        let orders = unpoisoned(self.orders.lock());
        if *orders == Orders::Stop {
            return Orders::Stop;
        }
        // SeqCst: pairs with `wake_up`. Either the worker that was unparked sees the flag, or it is
        // seen to be awake here.
        self.dozing.store(true, Ordering::SeqCst);
        let orders = if all_parked() {
            let woken = self.changed.wait(orders);
            *unpoisoned(woken)
        } else {
            *orders
        };
        self.dozing.store(false, Ordering::Relaxed);
        orders
    }

    /// Called by a worker that is awake again.
    pub(crate) fn wake_up(&self) {
        if self.dozing.load(Ordering::SeqCst) {
            // After the lock was taken: it is not between its look at the workers and its sleep.
            // Unlocked by now, since a nice thread may give its core to the watchdog at once.
            drop(unpoisoned(self.orders.lock()));
            self.changed.notify_one();
        }
    }

    pub(crate) fn stop(&self) {
        *unpoisoned(self.orders.lock()) = Orders::Stop;
        self.changed.notify_one();
    }
}

/// The counts of the workers' polls at the watchdog's last look.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// How many polls each worker had begun.
    polls: Vec<u64>,
}

impl Rounds {
    /// Rescues the tasks that lie behind a poll that has lasted since the last look.
    pub(crate) fn look(&mut self, executor: &Executor) {
        self.polls.resize(executor.workers().count(), 0);
        for (index, (_, tally)) in executor.workers().enumerate() {
            let polls = tally.taken();
            if polls == std::mem::replace(&mut self.polls[index], polls) {
                let worker = WorkerId(u16::try_from(index).expect("a worker's number is 16 bits"));
                rescue(executor, worker);
            }
        }
    }
}

/// Gives the task in a stuck worker's next-slot to other workers. A worker that sleeps has none.
fn rescue(executor: &Executor, worker: WorkerId) {
    for (index, queue) in executor.queues().iter().enumerate() {
        if let Some(runnable) = queue.rescue(worker) {
            executor.inject(runnable);
        } else if queue.has_work() {
            // Its last push may have crossed with the theft of all that lay before, so that no
            // worker was told.
            executor.unpark_one(QueueId(index as u16));
        }
    }
}

#[cfg(all(test, loom))]
mod model;
