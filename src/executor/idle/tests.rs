//! Who of several sleepers is woken.

use super::*;

/// The place of the one woken for work in the high queue, of sleepers who lay down in this order.
fn woken(sleepers: &[(QueueId, Option<usize>)], here: Option<usize>) -> Option<usize> {
    let bed = |&(home, core)| Bed {
        worker: WorkerId(0),
        home,
        core,
        thread: thread::current(),
    };
    let beds: Vec<Bed> = sleepers.iter().map(bed).collect();
    best(&beds, QueueId::HIGH, here)
}

fn high(core: usize) -> (QueueId, Option<usize>) {
    (QueueId::HIGH, Some(core))
}

fn low(core: usize) -> (QueueId, Option<usize>) {
    (QueueId::LOW, Some(core))
}

#[test]
fn among_equals_the_last_to_lie_down_is_woken() {
    assert_eq!(woken(&[high(0), high(0), high(0)], Some(0)), Some(2));
    assert_eq!(woken(&[high(0), high(1), high(2)], None), Some(2));
    assert_eq!(woken(&[], Some(0)), None);
}

#[test]
fn one_at_home_goes_before_those_who_lay_down_later() {
    assert_eq!(woken(&[low(0), high(0), low(0)], None), Some(1));
}

#[test]
fn among_those_at_home_the_near_one_is_woken() {
    assert_eq!(woken(&[high(0), high(1), high(2)], Some(0)), Some(0));
    assert_eq!(woken(&[high(0), high(1), high(2)], Some(1)), Some(1));
    assert_eq!(woken(&[high(1), high(1), high(2)], Some(1)), Some(1));
    assert_eq!(woken(&[low(0), low(1)], Some(0)), Some(0));
}

#[test]
fn home_counts_for_more_than_nearness() {
    assert_eq!(woken(&[high(1), low(0)], Some(0)), Some(0));
}

#[test]
fn far_from_all_the_last_is_woken() {
    assert_eq!(woken(&[high(0), high(1)], Some(2)), Some(1));
    // An unknown core is not near another unknown one.
    let unknown = (QueueId::HIGH, None);
    assert_eq!(woken(&[unknown, high(1)], None), Some(1));
    assert_eq!(woken(&[high(1), unknown], Some(0)), Some(1));
}

/// Where its only sleeper lies.
#[cfg(target_os = "linux")]
fn core_of_sleeper(sleepers: &Sleepers) -> Option<usize> {
    let beds = sleepers.crews[0].beds.lock().unwrap();
    beds[0].core
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_a_nice_thread_woke_from_afar_lies_down_near_it_next_time() {
    use crate::os_thread;
    use rustix::thread::{CpuSet, sched_getaffinity};

    const TIMES: usize = 20;
    const CREW: CrewId = CrewId(0);

    let allowed = sched_getaffinity(None).unwrap();
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let (Some(near), Some(far)) = (cores.next(), cores.next()) else {
        return eprintln!("skipped: this process has one core, and nothing is far from it");
    };

    // The system may move a thread at any moment, but hardly ever does within microseconds.
    let followed = (0..TIMES).filter(|_| {
        let sleepers = Sleepers::new(&[1], Nearby::preferred(1));
        let lie_down = |search| {
            os_thread::move_to_core(far);
            let _ = sleepers.lie_down(CREW, WorkerId(0), QueueId::HIGH, search);
        };
        let wake = || {
            os_thread::set_niceness(1);
            os_thread::move_to_core(near);
            sleepers.wake_one(&[CREW], QueueId::HIGH);
        };
        thread::scope(|scope| {
            scope.spawn(|| lie_down(Search::Uncounted)).join().unwrap();
            scope.spawn(wake).join().unwrap();
            scope.spawn(|| lie_down(Search::Counted)).join().unwrap();
        });
        core_of_sleeper(&sleepers) == Some(near)
    });
    let followed = followed.count();
    assert!(
        followed > TIMES / 2,
        "{followed} of {TIMES} calls were followed"
    );
}
