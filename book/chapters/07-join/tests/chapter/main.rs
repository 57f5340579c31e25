//! Chapter 7's tests.

// `broken.rs`, `exercise.rs` and `solution.rs` are written as parts of a library.
#![allow(unreachable_pub)]

mod broken;
mod conformance;
mod exercise;
mod predictions;
mod second;
mod step;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use async_task::Runnable;
use chapter_07::start;
use flume::Receiver;

/// Whether `body`, on a thread of its own, comes to an end. Where it does not, only waiting can
/// tell.
fn ends(body: impl FnOnce() + Send + 'static) -> bool {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        body();
        sender.send(()).expect("the test waits");
    });
    receiver.recv_timeout(Duration::from_secs(2)).is_ok()
}

/// Starts consumers that have no other queue to go to.
fn start_pool(consumers: usize, queue: &Receiver<Runnable>) {
    let (_, nothing) = flume::unbounded();
    start(consumers, "pool", queue, &nothing);
}
