//! The chapter's bug, put into its step: does the suite see a `gather` that blocks its consumer?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;
use std::sync::LazyLock;

use async_task::{Runnable, Task};
use chapter_07::{spawn_on, start};
use flume::Sender;
use laneway_conformance::{Runtime, seen_by, told_cores};

/// A step with this `gather`, and a consumer for each core.
macro_rules! step {
    ($name:ident, $gather:path) => {
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
                static QUEUE: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
                    let (sender, receiver) = flume::unbounded();
                    let (_, nothing) = flume::unbounded();
                    start(told_cores(), "pool", &receiver, &nothing);
                    sender
                });
                spawn_on(&QUEUE, future)
            }

            fn consumers() -> usize {
                told_cores()
            }

            fn gather<T>(tasks: Vec<Task<T>>) -> impl Future<Output = Vec<T>> + Send + 'static
            where
                T: Send + 'static,
            {
                $gather(tasks)
            }
        }
    };
}

step!(Bug, wrong::gather);
step!(Mended, chapter_07::gather);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(7, &["gathers_without_blocking_a_consumer"])
}
