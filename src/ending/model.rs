//! The end of a runtime under the model checker.
//!
//! The tests drive [`Ending`] with the smallest of queues: a counter that bringers raise, and that
//! workers, or the thread that ends the runtime, lower. The threads here are the skeleton of
//! `executor.rs` and `worker.rs`. A task that is left behind shows in the counts at the end, or as
//! a deadlock, which loom reports, as it reports a drain that sleeps for ever.

// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

use loom::thread::JoinHandle;

use super::*;
use crate::ground::ids::{CrewId, QueueId, WorkerId};
use crate::ground::sync::{AtomicUsize, check};
use crate::idle::{Claim, Enrolled, Nearby, ParkingLot, Standing};

const CREW: CrewId = CrewId(0);
const WORKER: WorkerId = WorkerId(0);

/// A runtime with one worker and one queue.
struct Model {
    ending: Ending,
    parking_lot: ParkingLot,
    queued: AtomicUsize,
    live: AtomicUsize,
    cancelled: AtomicUsize,
    protocol: Protocol,
}

/// The protocol as it is, or with one of its rules left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// A thread that queues a task does not look at the phase afterwards.
    QueuesAndLeaves,
    /// A thread that queues a task looks at the phase before.
    LooksBeforeThePush,
    /// A thread that queues a task tells of it without the lock.
    TellsOfTasksUnlocked,
    /// The thread that ends the runtime looks for tasks before it takes the lock.
    LooksUnlocked,
    /// A thread that leaves does not tell that its tasks have ended.
    LeavesQuietly,
    /// A worker looks at the phase before it is entered as parked, and not afterwards.
    LooksTooEarly,
    /// No fence between the count of an ended task and the look at the phase.
    NoFence,
    /// A thread that drains is told without its lock.
    TellsUnlocked,
    /// A thread that spawns does not look at the phase after the task is counted.
    CountsTooLate,
    /// A thread that takes a count back does not tell.
    TakesBackQuietly,
}

impl Model {
    fn new(protocol: Protocol, live: usize) -> Arc<Model> {
        Arc::new(Model {
            ending: Ending::new(),
            parking_lot: ParkingLot::new(&[1], Nearby::indifferent()),
            queued: AtomicUsize::new(0),
            live: AtomicUsize::new(live),
            cancelled: AtomicUsize::new(0),
            protocol,
        })
    }

    /// As `Executor::inject`, by a waker: the task is live already.
    fn wake(&self) {
        let before = self.ending.phase();
        self.queued.fetch_add(1, Ordering::AcqRel);
        // The fence makes the push and the look at the phase sequentially consistent for loom.
        fence(Ordering::SeqCst);
        match self.protocol {
            Protocol::QueuesAndLeaves => {}
            Protocol::LooksBeforeThePush if before != Phase::Closed => {}
            Protocol::TellsOfTasksUnlocked if self.ending.phase() == Phase::Closed => {
                self.ending.changed.notify_all();
            }
            _ => self.ending.task_queued(),
        }
    }

    fn is_queued(&self) -> bool {
        // Relaxed: the fences have to do without the orders of the queue's own counters.
        self.queued.load(Ordering::Relaxed) > 0
    }

    fn take(&self) -> bool {
        let lower = |queued: usize| queued.checked_sub(1);
        let taken = self
            .queued
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, lower);
        taken.is_ok()
    }

    /// As `Executor::cancel_queued`. The end of each task is counted as outside of a worker.
    fn cancel_queued(&self) {
        while self.take() {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
            self.end_outside();
        }
    }

    /// As `Executor::advance`.
    fn advance(&self, phase: Phase) {
        self.ending.advance(phase);
        self.parking_lot.unpark_all();
    }

    /// As `Executor::close` and `Executor::finish`.
    fn close(&self) {
        self.advance(Phase::Closed);
        self.cancel_queued();
        self.ending.notify();
        let is_over = || self.live() == 0;
        if self.protocol != Protocol::LooksUnlocked {
            let is_queued = || self.is_queued();
            return self
                .ending
                .finish(None, is_over, is_queued, || self.cancel_queued());
        }
        loop {
            self.cancel_queued();
            let queued = self.is_queued();
            let looking = unpoisoned(self.ending.looking.lock());
            if is_over() {
                return;
            }
            if !queued {
                drop(self.ending.wait(looking, None));
            }
        }
    }

    fn drain(&self) {
        self.advance(Phase::Draining);
        self.ending.drain(None, || self.live() == 0);
    }

    fn live(&self) -> u64 {
        self.live.load(Ordering::Acquire) as u64
    }

    /// A worker whose last poll ends after the runtime has closed, or before.
    fn end_and_leave(&self) {
        self.live.fetch_sub(1, Ordering::Release);
        // As `Worker::next` sees it before the next poll, and `Executor::thread_leaves`.
        while self.ending.phase() != Phase::Closed {
            crate::ground::sync::thread::yield_now();
        }
        self.cancel_queued();
        if self.protocol != Protocol::LeavesQuietly {
            self.ending.notify();
        }
    }

    /// A worker's life from when it has nothing to do: it takes what it sees, and sleeps until the
    /// runtime has closed.
    fn rest_until_closed(&self) {
        while self.ending.phase() != Phase::Closed {
            let before = self.ending.phase();
            let _ = self
                .parking_lot
                .begin_parking(CREW, WORKER, QueueId::LOW, Enrolled::No);
            let phase = match self.protocol {
                Protocol::LooksTooEarly => before,
                _ => self.ending.worker_rests(),
            };
            match phase {
                Phase::Closed => self.parking_lot.cancel_parking(CREW, WORKER),
                Phase::Open | Phase::Draining => self.parking_lot.park(
                    WORKER,
                    Claim::new(WORKER, Standing::High),
                    &mut Vec::new(),
                ),
            }
            // It is awake as a searcher, and finds nothing.
            let _ = self.parking_lot.stop_searching(CREW);
        }
    }

    /// A worker's task ends; the worker rests, and no more comes.
    fn end_on_worker(&self) {
        self.live.fetch_sub(1, Ordering::Release);
        if self.protocol != Protocol::NoFence {
            fence(Ordering::SeqCst);
        }
        if self.protocol != Protocol::TellsUnlocked {
            self.ending.worker_rests();
        } else if self.ending.phase() == Phase::Draining {
            self.ending.changed.notify_all();
        }
    }

    fn end_outside(&self) {
        self.live.fetch_sub(1, Ordering::Release);
        self.ending.task_ended_outside();
    }

    /// As `Executor::spawn` on a thread outside.
    fn takes_another(&self) -> bool {
        if self.ending.phase() != Phase::Open {
            return false;
        }
        self.live.fetch_add(1, Ordering::AcqRel);
        // The fence makes the count and the look at the phase sequentially consistent for loom.
        fence(Ordering::SeqCst);
        if self.protocol == Protocol::CountsTooLate || self.ending.phase() == Phase::Open {
            return true;
        }
        match self.protocol {
            Protocol::TakesBackQuietly => drop(self.live.fetch_sub(1, Ordering::Release)),
            _ => self.end_outside(),
        }
        false
    }

    fn spawn_and_queue(&self) {
        if self.takes_another() {
            self.wake();
        }
    }
}

/// Runs `what` on a thread of its own.
fn spawn(model: &Arc<Model>, what: impl FnOnce(&Model) + 'static) -> JoinHandle<()> {
    let model = model.clone();
    loom::thread::spawn(move || what(&model))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("nothing panics in the model");
    }
}

/// One thread ends the runtime while others wake a task each.
fn wake_while_closing(wakers: usize, protocol: Protocol) {
    let model = Model::new(protocol, wakers);
    let threads: Vec<_> = (0..wakers).map(|_| spawn(&model, Model::wake)).collect();
    model.close();
    assert_eq!(model.live(), 0, "futures are alive after the end");
    assert_eq!(model.cancelled.load(Ordering::SeqCst), wakers);
    join(threads);
    assert_eq!(model.queued.load(Ordering::SeqCst), 0, "tasks left behind");
}

/// A task is spawned from outside while the runtime is ended.
fn spawn_while_closing(protocol: Protocol) {
    let model = Model::new(protocol, 0);
    let spawner = spawn(&model, Model::spawn_and_queue);
    model.close();
    join([spawner]);
    assert_eq!(model.queued.load(Ordering::SeqCst), 0, "tasks left behind");
    assert_eq!(model.live(), 0);
}

/// Two threads end the runtime at once, and a waker comes between them.
fn close_twice() {
    let model = Model::new(Protocol::Whole, 1);
    let threads = [spawn(&model, Model::wake), spawn(&model, Model::close)];
    model.close();
    assert_eq!(model.live(), 0, "futures are alive after the end");
    join(threads);
    assert_eq!(model.cancelled.load(Ordering::SeqCst), 1);
}

/// A worker is in the middle of its last poll when the runtime is ended.
fn leave_while_closing(protocol: Protocol) {
    let model = Model::new(protocol, 1);
    let worker = spawn(&model, Model::end_and_leave);
    model.close();
    assert_eq!(model.live(), 0, "futures are alive after the end");
    join([worker]);
}

/// Tasks end here and there while a thread drains.
fn end_while_draining(ends: &'static [fn(&Model)], protocol: Protocol) {
    let model = Model::new(protocol, ends.len());
    let threads: Vec<_> = ends.iter().map(|end| spawn(&model, end)).collect();
    model.drain();
    assert_eq!(model.live(), 0);
    join(threads);
}

/// A task is spawned while a thread drains, and ends: before the drain does, if it is taken.
fn spawn_while_draining(protocol: Protocol) {
    let model = Model::new(protocol, 0);
    let drained = Arc::new(AtomicUsize::new(0));
    let is_drained = drained.clone();
    let spawner = spawn(&model, move |model| {
        if model.takes_another() {
            let drained = is_drained.load(Ordering::Acquire);
            assert_eq!(drained, 0, "a task was taken after the drain");
            model.end_outside();
        }
    });
    model.drain();
    drained.store(1, Ordering::Release);
    join([spawner]);
    assert_eq!(model.live(), 0);
}

/// A worker parks while a thread closes.
fn rest_while_closing(protocol: Protocol) {
    let model = Model::new(protocol, 0);
    let worker = spawn(&model, Model::rest_until_closed);
    model.close();
    join([worker]);
}

#[test]
fn a_task_that_is_woken_while_the_runtime_ends_is_cancelled_before_it_has_ended() {
    check(4, || wake_while_closing(1, Protocol::Whole));
}

#[test]
fn two_tasks_that_are_woken_while_the_runtime_ends_are_cancelled() {
    check(3, || wake_while_closing(2, Protocol::Whole));
}

#[test]
fn a_task_that_is_spawned_while_the_runtime_ends_is_cancelled_or_refused() {
    check(4, || spawn_while_closing(Protocol::Whole));
}

#[test]
fn two_threads_that_end_a_runtime_both_wait_for_the_last_future() {
    check(3, close_twice);
}

#[test]
fn the_end_waits_for_a_poll_that_is_under_way() {
    check(4, || leave_while_closing(Protocol::Whole));
}

#[test]
fn drain_wakes_up_when_the_last_task_ends_on_a_worker() {
    check(5, || {
        end_while_draining(&[Model::end_on_worker], Protocol::Whole)
    });
}

#[test]
fn drain_wakes_up_when_the_last_task_ends_outside() {
    check(5, || {
        end_while_draining(&[Model::end_outside], Protocol::Whole)
    });
}

#[test]
fn drain_wakes_up_when_the_last_two_tasks_end_at_once() {
    check(3, || {
        let ends: &[fn(&Model)] = &[Model::end_on_worker, Model::end_outside];
        end_while_draining(ends, Protocol::Whole);
    });
}

#[test]
fn drain_wakes_up_when_the_runtime_closes() {
    check(4, || {
        let model = Model::new(Protocol::Whole, 1);
        let closes = spawn(&model, |model| {
            model.advance(Phase::Closed);
            model.ending.notify();
        });
        model.drain();
        join([closes]);
    });
}

#[test]
fn drain_waits_for_a_task_that_comes_as_it_begins_or_turns_it_away() {
    check(4, || spawn_while_draining(Protocol::Whole));
}

#[test]
fn a_worker_that_lies_down_sees_that_the_runtime_has_closed() {
    check(4, || rest_while_closing(Protocol::Whole));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_a_look_at_the_phase_a_queued_task_is_never_seen() {
    check(4, || wake_while_closing(1, Protocol::QueuesAndLeaves));
}

#[test]
#[should_panic(expected = "deadlock")]
fn with_a_look_before_the_push_a_queued_task_is_never_seen() {
    check(4, || wake_while_closing(1, Protocol::LooksBeforeThePush));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_lock_the_news_of_a_queued_task_is_lost() {
    check(4, || wake_while_closing(1, Protocol::TellsOfTasksUnlocked));
}

#[test]
#[should_panic(expected = "deadlock")]
fn with_a_look_outside_the_lock_a_queued_task_is_never_seen() {
    check(4, || wake_while_closing(1, Protocol::LooksUnlocked));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_news_of_a_worker_that_leaves_the_end_waits_for_ever() {
    check(4, || leave_while_closing(Protocol::LeavesQuietly));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_looks_before_it_lies_down_sleeps_for_ever() {
    check(4, || rest_while_closing(Protocol::LooksTooEarly));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_a_fence_drain_may_sleep_for_ever() {
    check(5, || {
        end_while_draining(&[Model::end_on_worker], Protocol::NoFence)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_lock_drain_may_sleep_for_ever() {
    check(5, || {
        end_while_draining(&[Model::end_on_worker], Protocol::TellsUnlocked)
    });
}

#[test]
#[should_panic(expected = "taken after the drain")]
fn without_a_look_after_the_count_drain_misses_a_task() {
    check(4, || spawn_while_draining(Protocol::CountsTooLate));
}

#[test]
#[should_panic(expected = "deadlock")]
fn drain_may_wait_for_ever_for_a_count_that_was_taken_back_quietly() {
    check(4, || spawn_while_draining(Protocol::TakesBackQuietly));
}
