//! Where workers park, of which the system has something to tell.

use rustix::thread::{CpuSet, sched_getaffinity};

use super::*;
use crate::os_thread;

/// Where its only worker is parked.
fn core_of_parked(parking_lot: &ParkingLot) -> Option<usize> {
    let parked = parking_lot.crews[0].parked.lock().unwrap();
    parked[0].spot.core
}

#[test]
fn a_worker_that_a_nice_thread_woke_from_afar_parks_near_it_next_time() {
    const TIMES: usize = 20;
    const CREW: CrewId = CrewId(0);

    let allowed = sched_getaffinity(None).unwrap();
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let (Some(near), Some(far)) = (cores.next(), cores.next()) else {
        return eprintln!("skipped: this process has one core, and nothing is far from it");
    };

    // The system may move a thread at any moment, but hardly ever does within microseconds.
    let followed = (0..TIMES).filter(|_| {
        let parking_lot = ParkingLot::new(&[1], Nearby::preferred(1));
        let begin_parking = |search| {
            os_thread::move_to_core(far);
            let _ = parking_lot.begin_parking(CREW, WorkerId(0), QueueId::HIGH, search);
        };
        let wake = || {
            os_thread::set_niceness(1).unwrap();
            os_thread::move_to_core(near);
            parking_lot.unpark_one(&[CREW], QueueId::HIGH);
        };
        thread::scope(|scope| {
            scope
                .spawn(|| begin_parking(Search::Uncounted))
                .join()
                .unwrap();
            scope.spawn(wake).join().unwrap();
            scope
                .spawn(|| begin_parking(Search::Counted))
                .join()
                .unwrap();
        });
        core_of_parked(&parking_lot) == Some(near)
    });
    let followed = followed.count();
    assert!(
        followed > TIMES / 2,
        "{followed} of {TIMES} calls were followed"
    );
}
