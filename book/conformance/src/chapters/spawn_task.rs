//! Chapter 6: one macro for all futures, low unless it says otherwise.

use std::future::ready;
use std::thread;

use crate::tools::checks;
use crate::{Check, Priority, Runtime};

checks!(6:
    spawns_blocks_functions_and_hand_written_futures,
    takes_a_priority,
    means_the_same_wherever_it_is_used,
);

async fn doubled(number: u32) -> u32 {
    2 * number
}

fn spawns_blocks_functions_and_hand_written_futures<R: Runtime>() {
    let outputs = Check::ends("three tasks", || {
        let block = R::spawn_task(async { 1 });
        let function = R::spawn_task(doubled(1));
        let by_hand = R::spawn_task(ready(3));
        R::block_on(async { [block.await, function.await, by_hand.await] })
    });
    assert_eq!(outputs, [1, 2, 3]);
}

fn takes_a_priority<R: Runtime>() {
    let outputs = Check::ends("a high and a low task", || {
        let high = R::spawn_task_at(async { 1 }, Priority::High);
        let low = R::spawn_task_at(async { 2 }, Priority::Low);
        R::block_on(async { [high.await, low.await] })
    });
    assert_eq!(outputs, [1, 2]);
}

/// The place where the macro is used may have a `spawn` of its own, that runs futures on the spot.
fn means_the_same_wherever_it_is_used<R: Runtime>() {
    let (here, there) = Check::ends("two tasks", || {
        let low = R::spawn_task(async { thread::current().id() });
        let high = R::spawn_task_at(async { thread::current().id() }, Priority::High);
        let there = R::block_on(async { [low.await, high.await] });
        (thread::current().id(), there)
    });
    let on_the_spot = there.contains(&here);
    assert!(!on_the_spot, "the macro took the `spawn` of its caller");
}
