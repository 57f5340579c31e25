//! The chapter's bug, put into its step: does the suite see low tasks that starve?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;

use async_task::{Runnable, Task};
use chapter_04::spawn_on;
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

step!(Bug, high_first);
step!(Mended, each_its_own);

/// Starts consumers that all serve both queues, and take a low task only if there is no high one.
fn high_first(count: usize, high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    for _ in 0..2 * count {
        let (high, low) = (high.clone(), low.clone());
        thread::spawn(move || {
            loop {
                wrong::round(&high, &low);
                thread::yield_now();
            }
        });
    }
}

/// Starts consumers that serve one queue each.
fn each_its_own(count: usize, high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    chapter_04::start(count, "high", high);
    chapter_04::start(count, "low", low);
}

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(4, &["runs_a_low_task_beside_high_ones_that_never_end"])
}
