//! The lookout under the model checker, which runs it in every interleaving.
//!
//! A worker parks, and waits in a reactor, while another thread unparks it or something becomes
//! ready. The reactor here is a flag that is set by a notification and by readiness, and cleared by
//! the wait that it ends. A lost wake-up shows as a deadlock, which loom reports.

use super::*;
use crate::ground::ids::CrewId;
use crate::ground::sync::{Condvar, Mutex, check};
use crate::idle::nearby::Nearby;
use crate::idle::{Enrolled, OtherSearchers, ParkingLot};
// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

const CREW: CrewId = CrewId(0);

/// The lookout as it is, or with a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// The worker looks whether it was unparked, and only then holds the lookout.
    HoldsAfterTheLook,
    /// The thread that unparks the worker does not notify the reactor.
    NoNotification,
}

/// A reactor that has one thing to wait for.
#[derive(Debug)]
struct OneSource {
    /// Held by the thread that waits. An unpark reaches no other.
    poll: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
    protocol: Protocol,
}

#[derive(Debug, Default)]
struct State {
    is_notified: bool,
    is_ready: bool,
}

const UNPOISONED: &str = "nothing panics here";

impl OneSource {
    fn get_ready(&self) {
        self.state.lock().expect(UNPOISONED).is_ready = true;
        self.changed.notify_one();
    }
}

impl Reactor for OneSource {
    fn wait(&self, goes_on: &dyn Fn() -> bool, ready: &mut Vec<Waker>) {
        // A thread that waited for another one here could not be unparked.
        let _one_at_a_time = self.poll.try_lock().expect("one worker at a time waits");
        if self.protocol != Protocol::HoldsAfterTheLook && !goes_on() {
            return;
        }
        let mut state = self.state.lock().expect(UNPOISONED);
        while !state.is_notified && !state.is_ready {
            state = self.changed.wait(state).expect(UNPOISONED);
        }
        state.is_notified = false;
        if std::mem::take(&mut state.is_ready) {
            ready.push(Waker::noop().clone());
        }
    }

    fn look(&self, _ready: &mut Vec<Waker>) {}

    fn notify(&self) {
        if self.protocol != Protocol::NoNotification {
            self.state.lock().expect(UNPOISONED).is_notified = true;
            self.changed.notify_one();
        }
    }

    fn close(&self) {}
}

struct Model {
    parking_lot: ParkingLot,
    reactor: Arc<OneSource>,
    work: AtomicUsize,
}

impl Model {
    fn new(workers: usize, protocol: Protocol) -> Arc<Model> {
        let reactor = Arc::new(OneSource {
            poll: Mutex::new(()),
            state: Mutex::default(),
            changed: Condvar::new(),
            protocol,
        });
        let parking_lot = ParkingLot::new(&[workers], Nearby::indifferent());
        parking_lot.lookout.set_reactor(reactor.clone());
        Arc::new(Model {
            parking_lot,
            reactor,
            work: AtomicUsize::new(0),
        })
    }

    fn bring(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        // loom treats sequentially consistent accesses as if they were weaker, fences as they are.
        fence(Ordering::SeqCst);
        self.parking_lot.unpark_one(&[CREW], QueueId::HIGH);
    }

    fn is_work_in_sight(&self) -> bool {
        self.work.load(Ordering::SeqCst) > 0
    }

    fn take(&self) -> bool {
        let lower = |work: usize| work.checked_sub(1);
        let (store, load) = (Ordering::SeqCst, Ordering::SeqCst);
        self.work.fetch_update(store, load, lower).is_ok()
    }

    /// A worker's life until it has taken a piece of work, or something was ready.
    fn work(&self, worker: WorkerId, home: QueueId) {
        let mut ready = Vec::new();
        while ready.is_empty() && !self.take() {
            self.rest(worker, home, &mut ready);
        }
    }

    fn rest(&self, worker: WorkerId, home: QueueId, ready: &mut Vec<Waker>) {
        let parking_lot = &self.parking_lot;
        let _ = parking_lot.begin_parking(CREW, worker, home, Enrolled::No);
        let claim = Claim::new(worker, Standing::of(home));
        if !self.is_work_in_sight() {
            parking_lot.park(worker, claim, ready);
        }
        parking_lot.cancel_parking(CREW, worker);
        // As the last searcher does that finds work: another may have relied on it.
        if parking_lot.stop_searching(CREW) == OtherSearchers::None && self.is_work_in_sight() {
            parking_lot.unpark_one(&[CREW], QueueId::HIGH);
        }
    }
}

/// Two workers of different standings, so that one takes the lookout over from the other.
const HOMES: [QueueId; 2] = [QueueId::LOW, QueueId::HIGH];

fn each_worker_gets_a_piece_of_work(workers: usize, protocol: Protocol) {
    each_gets_a_piece_of_work(Model::new(workers, protocol), workers);
}

fn each_gets_a_piece_of_work(model: Arc<Model>, workers: usize) {
    let start = |number: usize| {
        let model = model.clone();
        let worker = WorkerId(u16::try_from(number).expect("there are few"));
        loom::thread::spawn(move || model.work(worker, HOMES[number]))
    };
    let threads: Vec<_> = (0..workers).map(start).collect();
    threads.iter().for_each(|_| model.bring());
    for thread in threads {
        thread.join().expect("the worker takes a piece of work");
    }
    assert!(!model.take());
}

#[test]
fn no_wake_up_is_lost_on_the_lookout() {
    check(3, || each_worker_gets_a_piece_of_work(1, Protocol::Whole));
}

#[test]
fn no_wake_up_is_lost_where_the_lookout_is_taken_over() {
    check(3, || each_worker_gets_a_piece_of_work(2, Protocol::Whole));
}

#[test]
fn no_wake_up_is_lost_where_a_wait_ends_without_a_reason_before_the_lookout_is_taken_over() {
    check(3, || {
        let model = Model::new(2, Protocol::Whole);
        model.reactor.notify();
        each_gets_a_piece_of_work(model, 2);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_look_before_the_lookout_is_held_loses_a_wake_up() {
    check(3, || {
        each_worker_gets_a_piece_of_work(1, Protocol::HoldsAfterTheLook)
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_a_notification_a_wake_up_is_lost() {
    check(3, || {
        each_worker_gets_a_piece_of_work(1, Protocol::NoNotification)
    });
}

#[test]
fn what_gets_ready_while_a_worker_parks_gets_it_up() {
    check(3, || {
        let model = Model::new(1, Protocol::Whole);
        let worker = model.clone();
        let worker = loom::thread::spawn(move || worker.work(WorkerId(0), QueueId::HIGH));
        model.reactor.get_ready();
        worker.join().expect("something is ready");
    });
}
