//! Does the step do what the text says of it?

use std::thread;

use chapter_04::{
    Count, HIGH_CONSUMERS, LOW_CONSUMERS, Labelled, Priority, consumers_started, high, low, spawn,
};
use futures_lite::future::block_on;

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
