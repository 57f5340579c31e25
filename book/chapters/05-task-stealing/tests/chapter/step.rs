//! Does the step do what the text says of it?

use std::thread;
use std::time::Duration;

use chapter_05::{Step, consume, low, spawn, spawn_on, start, step};
use flume::RecvTimeoutError;
use futures_lite::future::block_on;

#[test]
fn the_own_queue_comes_first() {
    let (own, own_tasks) = flume::unbounded();
    let (other, other_tasks) = flume::unbounded();
    spawn_on(&other, async {}).detach();
    spawn_on(&own, async {}).detach();
    let steps = [(); 3].map(|()| step(&own_tasks, &other_tasks));
    assert_eq!(steps, [Step::Own, Step::Stolen, Step::Rest]);
}

#[test]
fn a_task_of_the_other_queue_ends_though_nobody_else_serves_it() {
    let (own, own_tasks) = flume::unbounded();
    let (other, other_tasks) = flume::unbounded();
    let consumer = thread::spawn(move || consume(&own_tasks, &other_tasks));
    assert_eq!(block_on(spawn_on(&other, async { 7 })), 7);
    // When its own queue has no sender left, the consumer ends.
    drop(own);
    consumer.join().expect("the consumer outlives its tasks");
}

/// The first spawn starts all consumers, so a low task finds high ones to help.
#[test]
fn a_low_task_alone_starts_the_high_consumers() {
    // The conformance suite blocks the same consumers.
    let _turn = laneway_conformance::turn();
    let name = || thread::current().name().unwrap_or_default().to_owned();
    let is_high = |name: &String| name.starts_with("high-");
    // Who takes a task is up to the threads; in a row of tasks that hold theirs, all have to.
    let (door, opens) = flume::bounded::<()>(0);
    let (names, named) = flume::unbounded();
    for _ in 0..chapter_05::HIGH_CONSUMERS + chapter_05::LOW_CONSUMERS {
        let (names, opens) = (names.clone(), opens.clone());
        spawn(low(async move {
            names.send(name()).expect("the test waits");
            let _ = opens.recv();
        }))
        .detach();
    }
    drop(names);
    let mut seen = named.iter();
    let high = seen.by_ref().take(4).filter(is_high).count();
    assert_eq!(high, chapter_05::HIGH_CONSUMERS);
    drop(door);
}

/// The high task would open the door that four low ones wait for, on four consumers.
#[test]
fn low_tasks_that_wait_for_a_high_one_can_stop_everything() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    start(2, "high", &high_tasks, &low_tasks);
    start(2, "low", &low_tasks, &high_tasks);
    let (opens, door) = flume::unbounded();
    let (begins, begun) = flume::unbounded();
    for _ in 0..4 {
        let (begins, door) = (begins.clone(), door.clone());
        let blocks = async move {
            begins.send(()).expect("the test waits");
            door.recv().expect("the fourth task could open it");
        };
        spawn_on(&low, blocks).detach();
    }
    begun.iter().take(4).for_each(drop);

    let (ends, ended) = flume::bounded(1);
    let by_the_high_one = opens.clone();
    let opener = async move {
        (0..4).for_each(|_| by_the_high_one.send(()).expect("the four wait"));
        ends.send(()).expect("the test waits");
    };
    spawn_on(&high, opener).detach();
    // Only waiting can tell: no consumer comes for it.
    let outcome = ended.recv_timeout(Duration::from_millis(500));
    assert_eq!(outcome, Err(RecvTimeoutError::Timeout));

    // A thread outside can still open the door, for one of them. That is enough.
    opens.send(()).expect("the four wait");
    let outcome = ended.recv_timeout(Duration::from_secs(20));
    assert_eq!(outcome, Ok(()));
}
