//! Does the step do what the text says of it?

use std::thread;

use chapter_04::{
    Count, HIGH_CONSUMERS, LOW_CONSUMERS, Labelled, Priority, consumers_started, high, low,
    run_next, spawn, spawn_on,
};
use futures_lite::future::block_on;

use super::Log;

async fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn a_label_decides_which_consumers_run_a_task() {
    assert!(block_on(spawn(high(thread_name()))).starts_with("high-"));
    assert!(block_on(spawn(low(thread_name()))).starts_with("low-"));
}

#[test]
fn a_label_that_is_tied_on_hides_the_one_of_the_type() {
    assert_eq!(Count::to(1, "count").priority(), Priority::High);
    assert_eq!(low(Count::to(1, "count")).priority(), Priority::Low);
    assert_eq!(high(low(async {})).priority(), Priority::High);
}

#[test]
fn both_queues_together_start_all_consumers() {
    block_on(async {
        spawn(low(async {})).await;
        spawn(high(async {})).await;
    });
    assert_eq!(consumers_started(), HIGH_CONSUMERS + LOW_CONSUMERS);
}

/// Two carvings, a low tile and a high one, in one queue with two consumers.
#[test]
fn with_one_queue_the_urgent_tile_waits_its_turn() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    for name in ["carving 1", "carving 2", "the low tile", "the high tile"] {
        let log = log.clone();
        spawn_on(&sender, async move { log.write(name) }).detach();
    }
    let carvings = [(); 2].map(|()| receiver.recv().expect("both consumers take one"));
    assert_eq!(receiver.len(), 2, "no consumer is left for the tiles");
    for carving in carvings {
        carving.run();
        run_next(&receiver);
    }
    assert_eq!(
        log.lines(),
        ["carving 1", "the low tile", "carving 2", "the high tile"]
    );
}
