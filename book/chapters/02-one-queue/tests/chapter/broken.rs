//! Does the consumer outlive a task's panic?

#[path = "../../broken.rs"]
mod wrong;

use std::panic::resume_unwind;

use async_task::Runnable;
use chapter_02::spawn_on;
use flume::Receiver;
use laneway_book::check::red;

use super::Log;

/// One task panics, and the one behind it in the queue runs all the same.
fn a_panic_costs_one_task(consume: fn(&Receiver<Runnable>)) {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    // As `panic!`, without a message on the terminal.
    let cracks = spawn_on(&sender, async { resume_unwind(Box::new("cracked")) });
    cracks.detach();
    let line = log.clone();
    spawn_on(&sender, async move { line.write("ran") }).detach();
    // Nobody can send any more when both tasks are gone, and then `consume` comes back.
    drop(sender);
    consume(&receiver);
    assert_eq!(log.lines(), ["ran"]);
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
