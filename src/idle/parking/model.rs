//! The idle protocol under the model checker, which runs it in every interleaving.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p laneway --release --lib model
//! ```
//!
//! The tests drive [`ParkingLot`] with the smallest of works: a counter that bringers raise and
//! workers lower. A worker here is the skeleton of `worker.rs`: look, search, begin to park, look
//! again, park. A lost wake-up shows as a deadlock, which loom reports.

use super::*;
use crate::ground::sync::check;
use crate::idle::lookout::Standing;
// Not loom's: that one must not be dropped when a deadlock has ended the model.
use std::sync::Arc;

const QUEUE: QueueId = QueueId::LOW;
const CREW: CrewId = CrewId(0);

/// A crew and the work it is there for.
struct Model {
    parking_lot: ParkingLot,
    work: AtomicUsize,
}

/// The protocol as it is, or with one of its rules left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whole,
    /// A worker that leaves no searcher behind parks without looking once more.
    NoSecondLook,
    /// The last searcher that finds work does not wake the next.
    NoWakeNext,
    /// The last searcher naps without looking once more.
    NoLookBeforeNap,
    /// A nice bringer does not look whether the worker whose handle it has taken is parked.
    NudgesTheAwake,
    /// A nice bringer ends a worker's wait before it writes the nudge down.
    NudgesTooLate,
}

impl Model {
    fn new(workers: usize) -> Arc<Model> {
        Arc::new(Model {
            parking_lot: ParkingLot::new(&[workers], Nearby::indifferent()),
            work: AtomicUsize::new(0),
        })
    }

    fn bring(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        // loom treats sequentially consistent accesses as if they were weaker, fences as they are.
        fence(Ordering::SeqCst);
        self.parking_lot.unpark_one(&[CREW], QUEUE);
    }

    /// As `bring`, by a nice thread.
    fn bring_nicely(&self, protocol: Protocol) {
        self.work.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let census = self.parking_lot.crews[0].census();
        if census.searching > 0 || census.parked == 0 {
            return;
        }
        match protocol {
            Protocol::NudgesTheAwake | Protocol::NudgesTooLate => self.nudge_badly(protocol),
            _ => (self.parking_lot).nudge_best(&[CREW], QUEUE, Reliance::OnSearchers),
        }
    }

    /// As `ParkingLot::nudge_best`, with a step left out or too late.
    fn nudge_badly(&self, protocol: Protocol) {
        let parking_lot = &self.parking_lot;
        let mut posted = parking_lot.perches.of_crew(CREW);
        let nudged = posted.find_map(|perched| {
            let handle = parking_lot.perches.take(perched.worker)?;
            let is_parked = !parking_lot.is_awake(perched.worker);
            let nudges = is_parked || protocol == Protocol::NudgesTheAwake;
            nudges.then_some((perched.worker, handle))
        });
        let Some((worker, handle)) = nudged else {
            return;
        };
        if protocol == Protocol::NudgesTooLate {
            handle.unpark();
        }
        parking_lot.perches.nudge(worker);
        if protocol != Protocol::NudgesTooLate {
            handle.unpark();
        }
    }

    fn in_sight(&self) -> bool {
        self.work.load(Ordering::SeqCst) > 0
    }

    fn take(&self) -> bool {
        let lower = |work: usize| work.checked_sub(1);
        let taken = self
            .work
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lower);
        taken.is_ok()
    }

    /// The life of a worker until it has taken a given number of pieces of work.
    fn work(&self, pieces: usize, worker: WorkerId, protocol: Protocol) {
        (0..pieces).for_each(|_| self.work_once(worker, protocol));
    }

    fn work_once(&self, worker: WorkerId, protocol: Protocol) {
        let mut enrolled = Enrolled::No;
        loop {
            if enrolled == Enrolled::No && !self.in_sight() {
                enrolled = self.parking_lot.start_searching(CREW);
            }
            if self.take() {
                self.work_found(enrolled, protocol);
                return;
            }
            enrolled = self.rest(worker, enrolled, protocol);
        }
    }

    fn work_found(&self, enrolled: Enrolled, protocol: Protocol) {
        let last = enrolled == Enrolled::Yes
            && self.parking_lot.stop_searching(CREW) == OtherSearchers::None;
        if last && protocol != Protocol::NoWakeNext && self.in_sight() {
            self.parking_lot.unpark_one(&[CREW], QUEUE);
        }
    }

    /// Searches once, and naps if it finds nothing: for a time in which no work may wait for it.
    /// Gives the pieces of work that it has taken.
    fn search_and_nap(&self, protocol: Protocol) -> usize {
        let enrolled = self.parking_lot.start_searching(CREW);
        let taken = self.take();
        let looks = taken || protocol != Protocol::NoLookBeforeNap;
        let last = enrolled == Enrolled::Yes
            && self.parking_lot.stop_searching(CREW) == OtherSearchers::None;
        if last && looks && self.in_sight() {
            self.parking_lot.unpark_one(&[CREW], QUEUE);
        }
        usize::from(taken)
    }

    fn rest(&self, worker: WorkerId, enrolled: Enrolled, protocol: Protocol) -> Enrolled {
        let others = self
            .parking_lot
            .begin_parking(CREW, worker, QUEUE, enrolled);
        let look = others == OtherSearchers::None && protocol != Protocol::NoSecondLook;
        if look && self.in_sight() {
            self.parking_lot.cancel_parking(CREW, worker);
        } else {
            self.parking_lot
                .park(worker, Claim::new(worker, Standing::High), &mut Vec::new());
            // As `Worker::end_parking`, for one that was nudged.
            if !self.parking_lot.is_awake(worker) {
                self.parking_lot.cancel_parking(CREW, worker);
            }
        }
        Enrolled::Yes
    }
}

/// Brings a number of pieces of work for each of the workers, one after another.
fn bring_to_workers(workers: u16, pieces: usize, protocol: Protocol) {
    let model = Model::new(workers.into());
    let threads: Vec<_> = (0..workers)
        .map(|id| {
            let model = model.clone();
            loom::thread::spawn(move || model.work(pieces, WorkerId(id), protocol))
        })
        .collect();
    for _ in 0..usize::from(workers) * pieces {
        model.bring();
    }
    for thread in threads {
        thread.join().expect("the worker took its piece of work");
    }
    assert_eq!(model.work.load(Ordering::SeqCst), 0);
    let census = model.parking_lot.crews[0].census();
    let nobody = Census {
        searching: 0,
        parked: 0,
    };
    assert_eq!(census, nobody);
}

#[test]
fn no_wake_up_is_lost_with_one_worker() {
    check(5, || bring_to_workers(1, 1, Protocol::Whole));
}

/// A worker that takes itself back just when it is unparked, and soon parks again, must not
/// take the late end of that wake-up for the next.
#[test]
fn no_wake_up_counts_twice() {
    check(4, || bring_to_workers(1, 2, Protocol::Whole));
}

#[test]
fn no_wake_up_is_lost_with_two_workers() {
    check(3, || bring_to_workers(2, 1, Protocol::Whole));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_second_look_a_wake_up_is_lost() {
    check(5, || bring_to_workers(1, 1, Protocol::NoSecondLook));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_waking_the_next_work_is_left_behind() {
    check(3, || bring_to_workers(2, 1, Protocol::NoWakeNext));
}

/// One worker takes what the other, which naps, does not: a bringer may rely on that one while it
/// searches.
fn bring_while_one_naps(protocol: Protocol) {
    let model = Model::new(2);
    let (parks, naps) = (model.clone(), model.clone());
    let parks = loom::thread::spawn(move || parks.work(1, WorkerId(0), protocol));
    let naps = loom::thread::spawn(move || naps.search_and_nap(protocol));
    model.bring();
    let taken = naps.join().expect("the worker naps");
    // A piece for the worker that parks, if the other one has taken its piece.
    (0..taken).for_each(|_| model.bring());
    parks.join().expect("the worker took its piece of work");
    assert_eq!(model.work.load(Ordering::SeqCst), 0);
}

#[test]
fn no_wake_up_is_lost_to_a_searcher_that_naps() {
    check(3, || bring_while_one_naps(Protocol::Whole));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_look_before_a_nap_a_wake_up_is_lost() {
    check(3, || bring_while_one_naps(Protocol::NoLookBeforeNap));
}

/// A nice bringer and another one bring a piece each, for each of two workers.
fn bring_nicely_beside_another(protocol: Protocol) {
    let model = Model::new(2);
    let workers = [0, 1].map(|id| {
        let model = model.clone();
        loom::thread::spawn(move || model.work(1, WorkerId(id), protocol))
    });
    model.bring();
    model.bring_nicely(protocol);
    for worker in workers {
        worker.join().expect("the worker took its piece of work");
    }
    assert_eq!(model.work.load(Ordering::SeqCst), 0);
}

/// A worker takes the pieces of a nice bringer, one after the other.
fn bring_nicely_to_one(pieces: usize, protocol: Protocol) {
    let model = Model::new(1);
    let works = model.clone();
    let worker = loom::thread::spawn(move || works.work(pieces, WorkerId(0), protocol));
    (0..pieces).for_each(|_| model.bring_nicely(protocol));
    worker.join().expect("the worker took its pieces of work");
    assert_eq!(model.work.load(Ordering::SeqCst), 0);
}

#[test]
fn no_nudge_is_lost_with_one_worker() {
    check(4, || bring_nicely_to_one(2, Protocol::Whole));
}

#[test]
fn no_nudge_is_lost_with_two_workers_and_another_bringer() {
    check(2, || bring_nicely_beside_another(Protocol::Whole));
}

/// Two nice bringers at once: one takes the handle, and the other relies on it.
#[test]
fn no_nudge_is_lost_between_two_nice_bringers() {
    check(3, || {
        let model = Model::new(1);
        let works = model.clone();
        let worker = loom::thread::spawn(move || works.work(2, WorkerId(0), Protocol::Whole));
        let other = model.clone();
        let bringer = loom::thread::spawn(move || other.bring_nicely(Protocol::Whole));
        model.bring_nicely(Protocol::Whole);
        bringer.join().expect("the bringer only brings");
        worker.join().expect("the worker took both pieces of work");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_nudge_for_a_worker_that_is_awake_leaves_the_parked_one_asleep() {
    check(3, || bring_nicely_beside_another(Protocol::NudgesTheAwake));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_nudge_that_is_written_down_too_late_is_lost() {
    check(4, || bring_nicely_to_one(1, Protocol::NudgesTooLate));
}

/// Two bringers at once must unpark one worker between them: the second relies on the first's.
#[test]
fn two_bringers_wake_one_searcher() {
    check(3, || {
        let model = Model::new(2);
        for id in [0, 1] {
            let others = model
                .parking_lot
                .begin_parking(CREW, WorkerId(id), QUEUE, Enrolled::No);
            assert_eq!(others, OtherSearchers::None);
        }
        let other = model.clone();
        let bringer = loom::thread::spawn(move || other.bring());
        model.bring();
        bringer.join().expect("the bringer only brings");
        let census = model.parking_lot.crews[0].census();
        let one_of_two = Census {
            searching: 1,
            parked: 1,
        };
        assert_eq!(census, one_of_two);
    });
}

/// Half of the crew searches at most, give or take the race that the relaxed count allows: never
/// more than all the workers that asked at the same moment.
#[test]
fn a_refused_searcher_is_not_counted() {
    check(3, || {
        let model = Model::new(2);
        let ask = |model: Arc<Model>| move || model.parking_lot.start_searching(CREW);
        let other = loom::thread::spawn(ask(model.clone()));
        let granted = [
            ask(model.clone())(),
            other.join().expect("a thread that asks does not panic"),
        ];
        let counted = granted.iter().filter(|&&s| s == Enrolled::Yes).count();
        let census = model.parking_lot.crews[0].census();
        assert_eq!(census.searching, counted);
        assert!(counted >= 1, "the first to ask is never refused");
    });
}
