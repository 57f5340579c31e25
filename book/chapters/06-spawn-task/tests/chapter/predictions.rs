//! What the text's questions have for answers.

use std::thread::{self, ThreadId};

use chapter_06::spawn_task;
use futures_lite::future::{block_on, yield_now};
use laneway_book::prediction;

// ANCHOR: order
/// Tells on which threads its two halves ran.
fn order() -> impl Future<Output = (ThreadId, ThreadId)> {
    let first = thread::current().id();
    async move { (first, thread::current().id()) }
}
// ANCHOR_END: order

#[test]
fn before_the_block() {
    let main = thread::current().id();
    let (first, second) = block_on(spawn_task!(order()));
    let place = |thread| match thread == main {
        true => "the thread that spawns",
        false => "a consumer",
    };
    let answer = format!("first on {}, then on {}", place(first), place(second));
    prediction!("before-the-block", answer);
}

#[test]
fn a_ticket_for_a_ticket() {
    let task = spawn_task!(spawn_task!(async { 7 }));
    prediction!("a-ticket-for-a-ticket", block_on(task));
}

/// As in the program.
async fn keeps() -> usize {
    let clay = [0_u8; 4096];
    yield_now().await;
    clay.len()
}

#[test]
fn twice_the_clay() {
    let twice = async { keeps().await + keeps().await };
    let answer = format!("{} kilobytes", size_of_val(&twice) / 1024);
    prediction!("twice-the-clay", answer);
}
