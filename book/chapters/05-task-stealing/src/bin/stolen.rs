//! Four low tasks that wait for one another, on two low consumers and two high ones.

use std::sync::{Arc, Barrier};
use std::thread;

use chapter_05::{HIGH_CONSUMERS, LOW_CONSUMERS, low, spawn};
use futures_lite::future::block_on;
use laneway_book::record::Recorder;

fn main() {
    let workers = [
        ("high-0", "high"),
        ("high-1", "high"),
        ("low-0", "low"),
        ("low-1", "low"),
    ];
    let recorder = Recorder::from_args(&["high", "low"], &workers);

    // None of the tasks ends before all of them run.
    let all_run = Arc::new(Barrier::new(HIGH_CONSUMERS + LOW_CONSUMERS));
    let tasks = ["Anna", "Ben", "Cleo", "Dan"].map(|name| {
        let all_run = all_run.clone();
        let task = async move {
            all_run.wait();
            let thread = thread::current();
            println!("a low task on {}", thread.name().unwrap_or("?"));
        };
        spawn(low(recorder.watch(name, "low", task)))
    });
    block_on(async {
        for task in tasks {
            task.await;
        }
    });
    println!("main: all four ran at the same time");
    recorder.finish();
}
