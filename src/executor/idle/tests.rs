//! Who of several sleepers is woken.

#[cfg(target_os = "linux")]
mod calls;

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

/// How many of two sleepers two pieces of work in a row wake.
fn roused(nearby: Nearby, home: QueueId) -> usize {
    let crew = CrewId(0);
    let sleepers = Sleepers::new(&[2], nearby);
    for worker in [WorkerId(0), WorkerId(1)] {
        let _ = sleepers.lie_down(crew, worker, home, Search::Uncounted);
    }
    sleepers.wake_one(&[crew], home);
    sleepers.wake_one(&[crew], home);
    2 - sleepers.crews[0].census().asleep
}

#[test]
fn only_high_work_that_must_start_at_once_does_not_rely_on_who_was_woken_before() {
    assert_eq!(roused(Nearby::preferred(2), QueueId::HIGH), 2);
    assert_eq!(roused(Nearby::preferred(2), QueueId::LOW), 1);
    assert_eq!(roused(Nearby::indifferent(), QueueId::HIGH), 1);
}
