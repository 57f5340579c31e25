//! Which of several parked workers is unparked?

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod nudges;

use super::*;
use crate::idle::nearby::Spot;

/// Which worker is unparked for work in the high queue: its position among those that parked, in
/// this order.
fn chosen(parked: &[(QueueId, Option<usize>)], here: Option<usize>) -> Option<usize> {
    let spots = parked.iter().map(|&(home, core)| Spot { home, core });
    Nearby::indifferent().best(spots, QueueId::HIGH, here)
}

fn high(core: usize) -> (QueueId, Option<usize>) {
    (QueueId::HIGH, Some(core))
}

fn low(core: usize) -> (QueueId, Option<usize>) {
    (QueueId::LOW, Some(core))
}

#[test]
fn among_equals_the_last_to_park_is_unparked() {
    assert_eq!(chosen(&[high(0), high(0), high(0)], Some(0)), Some(2));
    assert_eq!(chosen(&[high(0), high(1), high(2)], None), Some(2));
    assert_eq!(chosen(&[], Some(0)), None);
}

#[test]
fn one_at_home_goes_before_those_that_parked_later() {
    assert_eq!(chosen(&[low(0), high(0), low(0)], None), Some(1));
}

#[test]
fn among_those_at_home_the_near_one_is_unparked() {
    assert_eq!(chosen(&[high(0), high(1), high(2)], Some(0)), Some(0));
    assert_eq!(chosen(&[high(0), high(1), high(2)], Some(1)), Some(1));
    assert_eq!(chosen(&[high(1), high(1), high(2)], Some(1)), Some(1));
    assert_eq!(chosen(&[low(0), low(1)], Some(0)), Some(0));
}

#[test]
fn home_counts_for_more_than_nearness() {
    assert_eq!(chosen(&[high(1), low(0)], Some(0)), Some(0));
}

#[test]
fn far_from_all_the_last_is_unparked() {
    assert_eq!(chosen(&[high(0), high(1)], Some(2)), Some(1));
    // An unknown core is not near another unknown one.
    let unknown = (QueueId::HIGH, None);
    assert_eq!(chosen(&[unknown, high(1)], None), Some(1));
    assert_eq!(chosen(&[high(1), unknown], Some(0)), Some(1));
}

/// How many of two parked workers two pieces of work in a row unpark.
fn unparked(nearby: Nearby, home: QueueId) -> usize {
    let crew = CrewId(0);
    let parking_lot = ParkingLot::new(&[2], nearby);
    for worker in [WorkerId(0), WorkerId(1)] {
        let _ = parking_lot.begin_parking(crew, worker, home, Enrolled::No);
    }
    parking_lot.unpark_one(&[crew], home);
    parking_lot.unpark_one(&[crew], home);
    2 - parking_lot.crews[0].census().parked
}

#[test]
fn only_high_work_that_must_start_at_once_does_not_rely_on_searchers() {
    assert_eq!(unparked(Nearby::preferred(2, 0), QueueId::HIGH), 2);
    assert_eq!(unparked(Nearby::preferred(2, 0), QueueId::LOW), 1);
    assert_eq!(unparked(Nearby::indifferent(), QueueId::HIGH), 1);
}

#[test]
fn a_worker_at_high_work_leaves_the_kept_ones_parked_and_other_bringers_do_not() {
    let crews = [CrewId(0), CrewId(1)];
    let parking_lot = ParkingLot::new(&[1, 2], Nearby::preferred(3, 1));
    for (crew, worker) in [(0, 0), (1, 1), (1, 2)] {
        let (crew, worker) = (CrewId(crew), WorkerId(worker));
        let _ = parking_lot.begin_parking(crew, worker, QueueId::HIGH, Enrolled::No);
    }
    let parked_after = |unpark: fn(&ParkingLot, &[CrewId], QueueId)| {
        unpark(&parking_lot, &crews, QueueId::HIGH);
        parking_lot.parked(&crews)
    };
    assert_eq!(parked_after(ParkingLot::unpark_helper), 2);
    assert_eq!(parked_after(ParkingLot::unpark_helper), 1);
    assert_eq!(parked_after(ParkingLot::unpark_helper), 1);
    assert_eq!(parked_after(ParkingLot::unpark_one), 0);
}

#[test]
fn none_is_kept_from_other_work() {
    let crew = [CrewId(0)];
    let parking_lot = ParkingLot::new(&[1], Nearby::preferred(1, 1));
    let _ = parking_lot.begin_parking(crew[0], WorkerId(0), QueueId::HIGH, Enrolled::No);
    parking_lot.unpark_helper(&crew, QueueId::LOW);
    assert_eq!(parking_lot.parked(&crew), 0);
}
