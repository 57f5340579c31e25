//! Counters that cost next to nothing: each worker counts on cache lines of its own.
//!
//! This file owns the numbers. It never reads a clock and never takes a lock.

use std::time::Duration;

use super::event::PollEnd;
use super::floor::Floor;
use super::polling::Polling;
use super::stopwatch::{Stopwatch, read_together};
use crate::ground::ids::QueueId;
use crate::ground::sync::Ordering;
use crate::ground::sync::unmodelled::AtomicU64;

/// The counts of one worker for each queue, or those of all threads that are no workers.
#[derive(Debug)]
pub(crate) struct Tally {
    queues: Box<[QueueTally]>,
    /// How often the worker parked or napped.
    pub(crate) parks: Counter,
    /// How often it took tasks from another worker's deque.
    pub(crate) steals: Counter,
    /// The poll that the worker is in.
    pub(crate) polling: Polling,
    /// From when it was made to when it is closed.
    pub(crate) alive: Stopwatch,
    /// Searches, each from its second round on.
    pub(crate) searching: Stopwatch,
    pub(crate) parked: Stopwatch,
    /// The last times that were shown, in which the worker was busy, searched, and was parked.
    shown: [Floor; 3],
}

/// Where a worker's time went: together, all since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeSpent {
    pub(crate) busy: Duration,
    pub(crate) searching: Duration,
    pub(crate) parked: Duration,
}

// On cache lines of its own, since its worker writes here at every poll: 128 bytes, because
// processors fetch lines in pairs. On two cores no difference was measured.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct QueueTally {
    pub(crate) spawned: Counter,
    pub(crate) completed: Counter,
    pub(crate) panicked: Counter,
    pub(crate) cancelled: Counter,
    /// Spawned when the runtime took nothing new, and cancelled at once: never live, and in none
    /// of the counters above.
    pub(crate) refused: Counter,
    /// Tasks that a worker took to poll them.
    pub(crate) taken: Counter,
    /// Those that were taken and dropped instead, since they had been cancelled in the queue.
    pub(crate) unpolled: Counter,
    /// The last number of polls that was shown.
    polls_shown: Floor,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// Which threads may count on a tally at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// One alone: the worker whose tally it is.
    Only,
    /// Any thread that is no worker.
    Shared,
}

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64, writer: Writer) {
        // Release: pairs with the Acquire in `get`, so that a thread that sees the end of a task
        // counted sees its spawn counted too.
        match writer {
            Writer::Only => {
                let count = self.0.load(Ordering::Relaxed);
                self.0.store(count + n, Ordering::Release);
            }
            Writer::Shared => {
                // SeqCst: the spawning thread looks at the phase next; see `ending/mod.rs`.
                self.0.fetch_add(n, Ordering::SeqCst);
            }
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Tally {
    pub(crate) fn new(queues: usize) -> Tally {
        Tally {
            queues: (0..queues).map(|_| QueueTally::default()).collect(),
            parks: Counter::default(),
            steals: Counter::default(),
            polling: Polling::default(),
            alive: Stopwatch::default(),
            searching: Stopwatch::default(),
            parked: Stopwatch::default(),
            shown: Default::default(),
        }
    }

    /// Where the worker's time went, up to one moment. No part of it is ever shown as less than
    /// before.
    pub(crate) fn time_spent(&self, now: impl Fn() -> Duration) -> TimeSpent {
        let watches = [&self.alive, &self.searching, &self.parked];
        let [alive, searching, parked] = read_together(watches, now);
        let busy = alive.saturating_sub(searching + parked);
        let [busy_shown, searching_shown, parked_shown] = &self.shown;
        let show = |floor: &Floor, time: Duration| {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            Duration::from_nanos(floor.show(nanos))
        };
        TimeSpent {
            busy: show(busy_shown, busy),
            searching: show(searching_shown, searching),
            parked: show(parked_shown, parked),
        }
    }

    pub(crate) fn queue(&self, queue: QueueId) -> &QueueTally {
        &self.queues[queue.index()]
    }

    /// Tasks that were taken to be polled. Changes with each, even if it is dropped instead.
    pub(crate) fn taken(&self) -> u64 {
        self.queues.iter().map(|queue| queue.taken.get()).sum()
    }

    pub(crate) fn polls(&self) -> u64 {
        self.queues.iter().map(QueueTally::polls).sum()
    }

    /// Polls of tasks from queues other than the worker's `home`.
    pub(crate) fn stolen(&self, home: QueueId) -> u64 {
        let polls = self.queues.iter().map(QueueTally::polls);
        let away = polls
            .enumerate()
            .filter(|(queue, _)| *queue != home.index());
        away.map(|(_, polls)| polls).sum()
    }

    /// Tasks that ended while this tally's owner held them.
    pub(crate) fn ended(&self) -> u64 {
        self.queues.iter().map(QueueTally::ended).sum()
    }

    pub(crate) fn spawned(&self) -> u64 {
        self.queues.iter().map(|queue| queue.spawned.get()).sum()
    }
}

impl QueueTally {
    /// Polls, those that go on among them. A task that is just being dropped instead may count.
    pub(crate) fn polls(&self) -> u64 {
        // In this order: what is not polled has been taken.
        let taken = self.taken.get();
        self.polls_shown
            .show(taken.saturating_sub(self.unpolled.get()))
    }

    #[inline]
    pub(crate) fn count_end(&self, end: PollEnd, writer: Writer) {
        match end {
            PollEnd::Ready => self.completed.add(1, writer),
            PollEnd::Panicked => self.panicked.add(1, writer),
            PollEnd::Cancelled => self.cancelled.add(1, writer),
            PollEnd::Pending | PollEnd::Yielded => {
                unreachable!("a task that was {end:?} has not ended")
            }
        }
    }

    pub(crate) fn ended(&self) -> u64 {
        self.completed.get() + self.panicked.get() + self.cancelled.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_was_shown_as_polled_and_dropped_instead_makes_up_for_the_next() {
        let tally = QueueTally::default();
        let polls = [(1, 0), (0, 1), (1, 0), (1, 0)].map(|(taken, unpolled)| {
            tally.taken.add(taken, Writer::Only);
            tally.unpolled.add(unpolled, Writer::Only);
            tally.polls()
        });
        assert_eq!(polls, [1, 1, 1, 2]);
    }
}
