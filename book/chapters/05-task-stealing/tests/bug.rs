//! The chapter's bug, put into its step: does the suite see consumers that nap?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;

use async_task::{Runnable, Task};
use chapter_05::spawn_on;
use flume::{Receiver, Sender};
use laneway_conformance::{Priority, Runtime, seen_by, told_cores};

/// A step whose consumers are started by this function, the same number for each queue.
macro_rules! step {
    ($name:ident, $start:path) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn spawn<F>(future: F) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                Self::spawn_at(future, Priority::Low)
            }

            fn consumers_of(_: Priority) -> usize {
                told_cores()
            }

            fn spawn_at<F>(future: F, priority: Priority) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                static QUEUES: LazyLock<[Sender<Runnable>; 2]> = LazyLock::new(|| {
                    let (high, high_tasks) = flume::unbounded();
                    let (low, low_tasks) = flume::unbounded();
                    $start(told_cores(), &high_tasks, &low_tasks);
                    [high, low]
                });
                spawn_on(&QUEUES[priority as usize], future)
            }
        }
    };
}

step!(Bug, naps);
step!(Mended, rests);

/// Starts consumers that hear nothing while they rest.
fn naps(count: usize, high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    for (own, other) in [(high, low), (low, high)].repeat(count) {
        let (own, other) = (own.clone(), other.clone());
        thread::spawn(move || wrong::consume(&own, &other));
    }
}

/// Starts consumers that rest at their own queue.
fn rests(count: usize, high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    chapter_05::start(count, "high", high, low);
    chapter_05::start(count, "low", low, high);
}

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(5, &["wakes_a_resting_consumer_for_a_task"])
}
