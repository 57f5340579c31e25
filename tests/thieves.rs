//! Does a poll that spawns many small tasks pay for a wake-up of another worker with each of them?
#![cfg(target_os = "linux")]

use laneway::{Priority, Runtime};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const SPAWNS: u64 = 20_000;

const ROUNDS: u64 = 20;

/// A task that spawns many, and then awaits them.
async fn spawning() {
    let spawn = |_| laneway::spawn(async {}, Priority::Low);
    let tasks: Vec<_> = (0..SPAWNS).map(spawn).collect();
    for task in tasks {
        task.await;
    }
}

/// The first of the cores that this thread may run on.
fn one_core() -> CpuSet {
    let all = sched_getaffinity(None).expect("Linux tells the cores");
    let first = (0..CpuSet::MAX_CPU).find(|&core| all.is_set(core));
    let mut one = CpuSet::new();
    one.set(first.expect("a thread may run somewhere"));
    one
}

/// On one core the worker that is woken takes the core from the nicer thread that spawns, finds one
/// task, and has to be woken for the next.
#[test]
fn a_thief_lets_tasks_gather_where_it_has_to_take_the_core_from_their_spawner() {
    sched_setaffinity(None, &one_core()).expect("a thread may choose among its cores");
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.build().expect("the threads start");
    let mut most = 0;
    for _ in 0..ROUNDS {
        let parks = || rt.metrics().workers.iter().map(|worker| worker.parks).sum();
        let before: u64 = parks();
        rt.block_on(rt.spawn(spawning(), Priority::Low));
        most = most.max(parks() - before);
    }
    assert_eq!(rt.metrics().queues[1].completed, ROUNDS * (SPAWNS + 1));
    assert!(most < SPAWNS / 10, "parked {most} times in {SPAWNS} spawns");
}
