//! Three tasks on one consumer: two that count, and one that blocks four times.

use std::thread;
use std::time::Duration;

use chapter_02::{Count, consume, spawn_on};
use futures_lite::future::block_on;

/// Keeps its thread busy, or asleep: for the others that comes to the same.
fn blocking_call(number: u32) {
    thread::sleep(Duration::from_millis(30));
    println!("block: call {number}");
}

fn main() {
    let (sender, receiver) = flume::unbounded();
    let one = spawn_on(&sender, Count::to(3, "one"));
    let two = spawn_on(&sender, Count::to(3, "two"));
    let block = spawn_on(&sender, async {
        (1..=4).for_each(blocking_call);
        println!("block: done");
        4
    });
    println!("main: three tasks are in the queue");

    thread::spawn(move || consume(&receiver));
    let sum = block_on(async { one.await + two.await + block.await });
    println!("main: the sum is {sum}");
}
