//! Does the step do what the text says of it?

use std::sync::mpsc;
use std::time::Duration;

use chapter_09::{process, run_next, sleep, spawn_on, spawn_task};
use futures_lite::future::yield_now;

#[test]
fn both_runtimes_print_the_same() {
    let ours = include_str!("../../transcripts/ours.txt");
    let shipped = include_str!("../../transcripts/shipped.txt");
    assert_eq!(ours, shipped);
}

#[test]
fn the_two_programs_differ_in_what_they_import() {
    let ours = include_str!("../../src/bin/ours.rs").lines();
    let shipped = include_str!("../../src/bin/shipped.rs").lines();
    let differ = ours.zip(shipped).filter(|(ours, shipped)| ours != shipped);
    let differ: Vec<_> = differ.map(|(ours, _)| ours).collect();
    assert_eq!(differ.len(), 2, "{differ:?}");
    assert!(differ[0].starts_with("//!") && differ[1].starts_with("use "));
}

/// Cancellation takes effect between two polls: what a poll has begun, it ends.
#[test]
fn a_dropped_process_is_not_cut_off_in_the_middle_of_its_work() {
    let (sender, queue) = flume::unbounded();
    let (tells, told) = mpsc::channel();
    let work = move || {
        tells.send("begins").unwrap();
        tells.send("ends").unwrap();
    };
    let task = spawn_on(&sender, process(work, yield_now));
    assert!(run_next(&queue));
    drop(task);
    while run_next(&queue) {}
    assert_eq!(told.iter().collect::<Vec<_>>(), ["begins", "ends"]);
}

#[test]
fn a_process_may_pause_by_the_clock() {
    let (ticks, is_tick) = mpsc::channel();
    let work = move || {
        // The test may have seen enough.
        let _ = ticks.send(());
    };
    let pause = || sleep(Duration::from_millis(1));
    let held = spawn_task!(process(work, pause));
    for _ in 0..3 {
        let tick = is_tick.recv_timeout(Duration::from_secs(10));
        tick.expect("a held process goes on");
    }
    drop(held);
    // When the future is gone, so is the sender.
    while is_tick.recv_timeout(Duration::from_secs(10)).is_ok() {}
    assert_eq!(is_tick.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}
