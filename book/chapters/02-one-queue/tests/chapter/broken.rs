//! Does the consumer outlive a task's panic?

#[path = "../../broken.rs"]
mod wrong;

use std::panic::{AssertUnwindSafe, catch_unwind};

use async_task::Runnable;
use chapter_02::spawn_on;
use flume::Receiver;
use laneway_book::check::red;

use super::Log;

/// One task panics, and the one behind it in the queue runs all the same.
fn a_panic_costs_one_task(consume: fn(&Receiver<Runnable>)) {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    spawn_on(&sender, async { panic!("the piece cracks") }).detach();
    let line = log.clone();
    spawn_on(&sender, async move { line.write("ran") }).detach();
    // With both tasks gone no sender is left, and `consume` comes back.
    drop(sender);
    let _ = catch_unwind(AssertUnwindSafe(|| consume(&receiver)));
    assert_eq!(log.lines(), ["ran"], "the consumer ended with a task");
}

#[test]
fn a_consumer_that_catches_nothing_ends_with_the_task() {
    red("the panic goes on through the consumer's loop", || {
        a_panic_costs_one_task(wrong::consume);
    });
}

#[test]
fn a_consumer_that_catches_goes_on() {
    a_panic_costs_one_task(chapter_02::consume);
}
