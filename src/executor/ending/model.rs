//! The end of a runtime under the model checker.
//!
//! The tests drive [`Ending`] with the smallest of queues: a counter that bringers raise, and that
//! workers, or those who cancel, lower. Who takes part is the skeleton of `mod.rs` and `worker.rs`.
//! A task that is left behind shows in the counts at the end, a drain that sleeps for ever as a
//! deadlock, which loom reports.

// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

use loom::thread::JoinHandle;

use super::*;
use crate::executor::Nearby;
use crate::executor::event::WorkerId;
use crate::executor::idle::{CrewId, Search, Sleepers};
use crate::executor::route::QueueId;
use crate::sync::{AtomicUsize, check};

const CREW: CrewId = CrewId(0);
const WORKER: WorkerId = WorkerId(0);

/// A runtime with one worker and one queue.
struct Model {
    ending: Ending,
    sleepers: Sleepers,
    queued: AtomicUsize,
    live: AtomicUsize,
    cancelled: AtomicUsize,
    protocol: Protocol,
}

/// The protocol as it is, or with one of its rules left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// Who brings a task does not look at the phase afterwards.
    BringsAndLeaves,
    /// Who has cancelled what was left does not look once more after releasing the lock.
    NoSecondLook,
    /// A worker looks at the phase before it lies down, and not afterwards.
    LooksTooEarly,
    /// No fence between the count of an ended task and the look at the phase.
    NoFence,
    /// Who drains is told without its lock.
    TellsUnlocked,
    /// Who spawns does not look at the phase after the task is counted.
    CountsTooLate,
    /// Who takes a count back does not tell.
    TakesBackQuietly,
}

impl Model {
    fn new(protocol: Protocol, live: usize) -> Arc<Model> {
        Arc::new(Model {
            ending: Ending::new(),
            sleepers: Sleepers::new(&[1], Nearby::indifferent()),
            queued: AtomicUsize::new(0),
            live: AtomicUsize::new(live),
            cancelled: AtomicUsize::new(0),
            protocol,
        })
    }

    /// As `Executor::inject`.
    fn bring(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
        // What makes the push and the look at the phase sequentially consistent for loom.
        fence(Ordering::SeqCst);
        if self.protocol != Protocol::BringsAndLeaves && self.ending.phase() == Phase::Closed {
            self.cancel_rest();
        }
    }

    fn anything_left(&self) -> bool {
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

    fn cancel_all(&self) {
        while self.take() {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
        // loom lets nobody in between the last access under a lock and its release, so there is
        // one more, before which another thread may bring a task and find the lock taken.
        let _ = self.anything_left();
    }

    fn cancel_rest(&self) {
        if self.protocol != Protocol::NoSecondLook {
            let anything_left = || self.anything_left();
            return self.ending.cancel_rest(anything_left, || self.cancel_all());
        }
        fence(Ordering::SeqCst);
        if self.anything_left()
            && let Ok(_only) = self.ending.cancelling.try_lock()
        {
            self.cancel_all();
        }
    }

    /// As `Executor::advance`.
    fn advance(&self, phase: Phase) {
        self.ending.advance(phase);
        self.sleepers.wake_all();
    }

    /// As `Executor::close`.
    fn close(&self) {
        self.advance(Phase::Closed);
        self.ending.cancel_after_others(|| self.cancel_all());
        self.cancel_rest();
        self.ending.notify();
    }

    fn drain(&self) {
        self.advance(Phase::Draining);
        self.ending.drain(None, || self.live());
    }

    fn live(&self) -> u64 {
        self.live.load(Ordering::Acquire) as u64
    }

    /// A worker's life from when it has nothing to do: it takes what it sees, and sleeps until the
    /// runtime has closed.
    fn rest_until_closed(&self) {
        while self.ending.phase() != Phase::Closed {
            let before = self.ending.phase();
            let _ = self
                .sleepers
                .lie_down(CREW, WORKER, QueueId::LOW, Search::Uncounted);
            let phase = match self.protocol {
                Protocol::LooksTooEarly => before,
                _ => self.ending.worker_rests(),
            };
            match phase {
                Phase::Closed => self.sleepers.get_up(CREW, WORKER),
                Phase::Open | Phase::Draining => self.sleepers.park(WORKER),
            }
            // It got up as a searcher, and finds nothing.
            let _ = self.sleepers.stop_searching(CREW);
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
            self.ending.ended.notify_all();
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
        // What makes the count and the look at the phase sequentially consistent for loom.
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

/// One thread closes while others bring a task each.
fn bring_while_closing(bringers: usize, protocol: Protocol) {
    let model = Model::new(protocol, 0);
    let threads: Vec<_> = (0..bringers).map(|_| spawn(&model, Model::bring)).collect();
    model.close();
    join(threads);
    assert_eq!(model.queued.load(Ordering::SeqCst), 0, "tasks left behind");
    assert_eq!(model.cancelled.load(Ordering::SeqCst), bringers);
}

/// Two threads bring a task each when nobody else sees to them any more.
fn bring_after_closing(protocol: Protocol) {
    let model = Model::new(protocol, 0);
    model.close();
    join([spawn(&model, Model::bring), spawn(&model, Model::bring)]);
    assert_eq!(model.queued.load(Ordering::SeqCst), 0, "tasks left behind");
    assert_eq!(model.cancelled.load(Ordering::SeqCst), 2);
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

/// A worker lies down while a thread closes.
fn rest_while_closing(protocol: Protocol) {
    let model = Model::new(protocol, 0);
    let worker = spawn(&model, Model::rest_until_closed);
    model.close();
    join([worker]);
}

#[test]
fn a_task_that_comes_while_the_runtime_closes_is_cancelled() {
    check(4, || bring_while_closing(1, Protocol::Whole));
}

#[test]
fn two_tasks_that_come_while_the_runtime_closes_are_cancelled() {
    check(3, || bring_while_closing(2, Protocol::Whole));
}

#[test]
fn those_who_bring_tasks_to_a_closed_runtime_cancel_them() {
    check(4, || bring_after_closing(Protocol::Whole));
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
        let closes = spawn(&model, Model::close);
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
#[should_panic(expected = "tasks left behind")]
fn without_a_look_at_the_phase_a_task_is_left_behind() {
    check(4, || bring_while_closing(1, Protocol::BringsAndLeaves));
}

#[test]
#[should_panic(expected = "tasks left behind")]
fn without_a_second_look_a_task_is_left_behind() {
    check(4, || bring_after_closing(Protocol::NoSecondLook));
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
