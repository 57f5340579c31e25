//! A nice bringer takes no lock and no worker: which one does it nudge?

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::ground::sync::unpoisoned;

const CREW: CrewId = CrewId(0);
const HIGH: QueueId = QueueId::HIGH;

/// A crew whose workers all are parked, in the order of their numbers.
fn parked(workers: u16) -> ParkingLot {
    parked_in(workers, Nearby::indifferent())
}

fn parked_in(workers: u16, policy: Nearby) -> ParkingLot {
    let parking_lot = ParkingLot::new(&[workers.into()], policy);
    for worker in (0..workers).map(WorkerId) {
        let _ = parking_lot.begin_parking(CREW, worker, HIGH, Enrolled::No);
    }
    parking_lot
}

fn bring_nicely(parking_lot: &ParkingLot) {
    os_thread::set_niceness(1).expect("a thread may become nice");
    parking_lot.unpark_one(&[CREW], HIGH);
}

fn nudged(parking_lot: &ParkingLot, workers: u16) -> Vec<u16> {
    let is_nudged = |&worker: &u16| parking_lot.perches.is_nudged(WorkerId(worker));
    (0..workers).filter(is_nudged).collect()
}

#[test]
fn a_nice_bringer_waits_for_no_lock() {
    let parking_lot = parked(1);
    let (done, is_done) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let held = unpoisoned(parking_lot.crews[0].parked.lock());
        scope.spawn(|| {
            bring_nicely(&parking_lot);
            done.send(()).expect("the test waits for it");
        });
        let outcome = is_done.recv_timeout(Duration::from_secs(20));
        drop(held);
        outcome
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(nudged(&parking_lot, 1), [0]);
}

#[test]
fn a_nudged_worker_stays_among_the_parked_until_it_takes_itself_back() {
    let parking_lot = parked(1);
    bring_nicely(&parking_lot);
    assert!(!parking_lot.is_awake(WorkerId(0)));
    assert_eq!(parking_lot.crews[0].census().parked, 1);
    let claim = Claim::new(WorkerId(0), crate::idle::Standing::High);
    parking_lot.park(WorkerId(0), claim, &mut Vec::new());
    parking_lot.cancel_parking(CREW, WorkerId(0));
    let census = parking_lot.crews[0].census();
    assert_eq!((census.parked, census.searching), (0, 1));
}

#[test]
fn each_nudge_is_for_another_worker_where_high_work_must_start_at_once() {
    let parking_lot = parked_in(2, Nearby::preferred(2, 0));
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 2).len(), 1);
    bring_nicely(&parking_lot);
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 2), [0, 1]);
}

#[test]
fn elsewhere_a_worker_that_is_about_to_get_up_is_relied_on() {
    let parking_lot = parked(2);
    bring_nicely(&parking_lot);
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 2), [1]);
    parking_lot.cancel_parking(CREW, WorkerId(1));
    let _ = parking_lot.stop_searching(CREW);
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 2), [0, 1]);
}

#[test]
fn a_worker_that_is_awake_is_not_nudged_in_place_of_a_parked_one() {
    let parking_lot = parked(2);
    parking_lot.cancel_parking(CREW, WorkerId(1));
    let _ = parking_lot.stop_searching(CREW);
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 2), [0]);
}

#[test]
fn a_worker_that_parks_again_has_no_old_nudge() {
    let parking_lot = parked(1);
    bring_nicely(&parking_lot);
    parking_lot.cancel_parking(CREW, WorkerId(0));
    let _ = parking_lot.begin_parking(CREW, WorkerId(0), HIGH, Enrolled::Yes);
    assert_eq!(nudged(&parking_lot, 1), [0; 0]);
    bring_nicely(&parking_lot);
    assert_eq!(nudged(&parking_lot, 1), [0]);
}
