//! Where do workers park of which the system has something to tell?

use rustix::thread::{CpuSet, sched_getaffinity};

use super::*;
use crate::ground::os_thread;

/// Where its only worker is parked.
fn core_of_parked(parking_lot: &ParkingLot) -> Option<usize> {
    let parked = parking_lot.crews[0].parked.lock().unwrap();
    parked[0].spot.core
}

const TIMES: usize = 20;

/// Two cores that this process may run on.
fn two_cores() -> Option<(usize, usize)> {
    let allowed = sched_getaffinity(None).unwrap();
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let both = cores.next().zip(cores.next());
    if both.is_none() {
        eprintln!("skipped: this process has one core, and nothing is far from it");
    }
    both
}

/// Where a high worker parks that parked on `first`, and was unparked by a nice thread on `near`
/// for work in `queue`. Its thread is on `first` again when it begins to park.
fn parks_next_on(first: usize, near: usize, queue: QueueId) -> Option<usize> {
    const CREW: CrewId = CrewId(0);
    let parking_lot = ParkingLot::new(&[1], Nearby::preferred(1, 0));
    let begin_parking = |enrolled| {
        os_thread::move_to_core(first);
        let _ = parking_lot.begin_parking(CREW, WorkerId(0), QueueId::HIGH, enrolled);
    };
    let unpark = || {
        os_thread::set_niceness(1).unwrap();
        os_thread::move_to_core(near);
        parking_lot.unpark_one(&[CREW], queue);
    };
    let on_a_thread = |act: &(dyn Fn() + Sync)| thread::scope(|scope| scope.spawn(act).join());
    on_a_thread(&|| begin_parking(Enrolled::No)).unwrap();
    on_a_thread(&unpark).unwrap();
    // A nudged worker takes itself back.
    parking_lot.cancel_parking(CREW, WorkerId(0));
    on_a_thread(&|| begin_parking(Enrolled::Yes)).unwrap();
    core_of_parked(&parking_lot)
}

/// Asserts it for most of some times: the system may move a thread at any moment, but hardly ever
/// does within microseconds.
fn assert_mostly(moves: impl Fn() -> bool) {
    let moved = (0..TIMES).filter(|_| moves()).count();
    assert!(moved > TIMES / 2, "{moved} of {TIMES} moves were made");
}

#[test]
fn a_worker_that_a_nice_thread_woke_from_afar_parks_near_it_next_time() {
    let Some((near, far)) = two_cores() else {
        return;
    };
    assert_mostly(|| parks_next_on(far, near, QueueId::HIGH) == Some(near));
}

#[test]
fn a_high_worker_that_a_nice_thread_woke_for_low_work_on_its_own_core_parks_elsewhere_next_time() {
    let Some((near, far)) = two_cores() else {
        return;
    };
    assert_mostly(|| parks_next_on(near, near, QueueId::LOW) != Some(near));
    assert_mostly(|| parks_next_on(far, near, QueueId::LOW) == Some(far));
}
