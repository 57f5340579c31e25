//! Three tasks on one consumer: two that count, and one that blocks four times.

use std::thread;
use std::time::Duration;

use chapter_02::{Count, consume, spawn_on};
use futures_lite::future::block_on;
use laneway_book::record::Recorder;

/// Keeps its thread busy, or asleep: for the others that comes to the same.
fn blocking_call(number: u32) {
    thread::sleep(Duration::from_millis(30));
    println!("block: call {number}");
}

fn main() {
    let recorder = Recorder::from_args(&["tasks"], &[("consumer", "tasks")]);
    let (sender, receiver) = flume::unbounded();
    let one = Count::to(3, "one");
    let one = spawn_on(&sender, recorder.watch("one", "tasks", one));
    let two = Count::to(3, "two");
    let two = spawn_on(&sender, recorder.watch("two", "tasks", two));
    let block = async {
        (1..=4).for_each(blocking_call);
        println!("block: done");
        4
    };
    let block = spawn_on(&sender, recorder.watch("block", "tasks", block));
    println!("main: three tasks are in the queue");

    let consumer = thread::Builder::new().name("consumer".to_owned());
    let consumer = consumer.spawn(move || consume(&receiver));
    let consumer = consumer.expect("the system has a thread for the consumer");
    let sum = block_on(async { one.await + two.await + block.await });
    println!("main: the sum is {sum}");

    // When no sender is left, the consumer ends.
    drop(sender);
    consumer.join().expect("the consumer outlives its tasks");
    recorder.finish();
}
