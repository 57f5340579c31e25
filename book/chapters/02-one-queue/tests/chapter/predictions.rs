//! What the text's questions have for answers.

use std::future::poll_fn;
use std::task::Poll;

use chapter_02::{run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::prediction;

use super::Log;

/// The program of the beginning, with a block that yields after each call.
#[test]
fn a_block_that_yields() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    for (name, times) in [("one: ", 3), ("two: ", 3), ("block: call ", 4)] {
        let log = log.clone();
        let task = async move {
            for number in 1..=times {
                log.write(format!("{name}{number}"));
                yield_now().await;
            }
        };
        spawn_on(&sender, task).detach();
    }
    while run_next(&receiver) {}
    let lines = log.lines();
    let first_call = lines.iter().position(|line| line == "block: call 1");
    prediction!("a-block-that-yields", lines[first_call.unwrap() + 1]);
}

#[test]
fn two_wakes_in_one_poll() {
    let (sender, receiver) = flume::unbounded();
    let task = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let task = spawn_on(&sender, task);
    assert!(run_next(&receiver));
    prediction!("two-wakes", receiver.len());
    drop(task);
}

#[test]
fn a_ticket_torn_up() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    let polls = log.clone();
    let task = poll_fn(move |cx| {
        polls.write("polled");
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let task = spawn_on(&sender, task);
    assert!(run_next(&receiver) && run_next(&receiver));
    drop(task);
    while run_next(&receiver) {}
    prediction!("a-ticket-torn-up", log.lines().len());
}
