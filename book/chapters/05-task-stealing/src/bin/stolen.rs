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
            println!("{name}: begins");
            all_run.wait();
            thread::current().name().unwrap_or("?").to_owned()
        };
        spawn(low(recorder.watch(name, "low", task)))
    });
    let mut threads = tasks.map(block_on);
    threads.sort();
    println!(
        "main: all four ran at the same time, on {}",
        threads.join(", ")
    );
    recorder.finish();
}
