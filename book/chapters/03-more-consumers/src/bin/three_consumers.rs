//! The three tasks of chapter 2, on three consumers.

use std::thread;
use std::time::Duration;

use chapter_03::{Count, spawn};
use futures_lite::future::block_on;
use laneway_book::record::Recorder;

/// Keeps its thread busy, or asleep: for the others that comes to the same.
fn blocking_call(number: u32) {
    thread::sleep(Duration::from_millis(30));
    println!("block: call {number}");
}

fn main() {
    let workers = ["consumer-0", "consumer-1", "consumer-2"].map(|name| (name, "tasks"));
    let recorder = Recorder::from_args(&["tasks"], &workers);
    let one = spawn(recorder.watch("one", "tasks", Count::to(3, "one")));
    let two = spawn(recorder.watch("two", "tasks", Count::to(3, "two")));
    let block = async {
        (1..=4).for_each(blocking_call);
        println!("block: done");
        4
    };
    let block = spawn(recorder.watch("block", "tasks", block));
    println!("main: three tasks are in the queue");

    let sum = block_on(async { one.await + two.await + block.await });
    println!("main: the sum is {sum}");
    recorder.finish();
}
