//! The chapter's bug, put into its step: does the suite see a `gather` that blocks its consumer? And
//! does it see a message that is lost, and a macro that mixes up its arguments?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;
use std::sync::LazyLock;

use async_task::{Runnable, Task};
use chapter_07::{JoinError, spawn_on, start, try_join_all};
use flume::Sender;
use laneway_conformance::{Runtime, seen_by, told_cores};

/// A step with this `gather`, message and `join!`, and a consumer for each core.
macro_rules! step {
    ($name:ident, $gather:path, $message:path, $join:path) => {
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

            fn try_join<T: Send + 'static>(tasks: Vec<Task<T>>) -> Vec<Result<T, String>> {
                let outcomes = try_join_all(tasks).into_iter();
                outcomes
                    .map(|it| it.map_err(|error| $message(&error)))
                    .collect()
            }

            fn join_three<T: Send + 'static>(tasks: [Task<T>; 3]) -> Vec<T> {
                $join(tasks)
            }
        }
    };
}

/// Knows the payload of a panic with a plain text alone.
fn plain_text(error: &JoinError) -> String {
    let text = match error {
        JoinError::Panicked(payload) => payload.downcast_ref::<&str>(),
        JoinError::Cancelled => None,
    };
    text.copied().unwrap_or_default().to_owned()
}

fn backwards<T>([first, second, third]: [Task<T>; 3]) -> Vec<T> {
    chapter_07::join!(third, second, first)
}

fn forwards<T>([first, second, third]: [Task<T>; 3]) -> Vec<T> {
    chapter_07::join!(first, second, third)
}

step!(Bug, wrong::gather, plain_text, backwards);
step!(Mended, chapter_07::gather, JoinError::to_string, forwards);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(
        7,
        &[
            "gathers_without_blocking_a_consumer",
            "tells_a_message_that_was_formatted",
            "has_a_macro_that_joins",
        ],
    )
}
