//! The chapter's bug, put into its step: does the suite see a consumer that a panic takes along?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;
use std::sync::LazyLock;
use std::thread;

use async_task::{Runnable, Task};
use chapter_02::spawn_on;
use flume::Sender;
use laneway_conformance::{Runtime, seen_by};

/// A step with this consumer.
macro_rules! step {
    ($name:ident, $consume:path) => {
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
                    thread::spawn(move || $consume(&receiver));
                    sender
                });
                spawn_on(&QUEUE, future)
            }
        }
    };
}

step!(Bug, wrong::consume);
step!(Mended, chapter_02::consume);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(2, &["outlives_a_panic"])
}
