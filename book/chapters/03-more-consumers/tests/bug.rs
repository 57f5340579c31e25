//! The chapter's bug, put into its step: does the suite see a task that is queued at each wake-up?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::thread;

use async_task::Runnable;
use flume::{Receiver, Sender};
use laneway_conformance::{Runtime, seen_by, told_cores};

/// A consumer for each core, and two where there is one core.
fn consumers() -> usize {
    told_cores().max(2)
}

/// The step with tasks that are queued at each wake-up.
struct Bug;

impl Runtime for Bug {
    type Task<T: Send + 'static> = Pin<Box<dyn Future<Output = T> + Send>>;

    fn block_on<F: Future>(future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        static QUEUE: LazyLock<Sender<Arc<wrong::Task>>> = LazyLock::new(|| {
            let (sender, receiver) = flume::unbounded();
            for _ in 0..consumers() {
                let receiver = receiver.clone();
                thread::spawn(move || consume(&receiver));
            }
            sender
        });
        let (sender, output) = flume::bounded(1);
        let told = async move {
            // The check may have given up.
            let _ = sender.send(future.await);
        };
        wrong::spawn_on(&QUEUE, told);
        // Awaited by the thread of the check alone, which may as well block.
        Box::pin(async move { output.recv().expect("the task ends") })
    }

    fn consumers() -> usize {
        consumers()
    }
}

/// Waits by looking again: these tasks have no way to wait for one.
fn consume(queue: &Receiver<Arc<wrong::Task>>) {
    loop {
        if !wrong::run_next(queue) {
            thread::yield_now();
        }
    }
}

/// The step as it is.
struct Mended;

impl Runtime for Mended {
    type Task<T: Send + 'static> = async_task::Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        static QUEUE: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
            let (sender, receiver) = flume::unbounded();
            chapter_03::start(consumers(), &receiver);
            sender
        });
        chapter_03::spawn_on(&QUEUE, future)
    }

    fn consumers() -> usize {
        consumers()
    }
}

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(3, &["keeps_a_task_that_wakes_itself_in_one_hand"])
}
