//! The chapter's bug, put into its step: does the suite see a process that ends with its function?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;

use futures_lite::future::yield_now;
use laneway_conformance::{NotBuilt, Runtime, seen_by, told_cores};

/// A step with this `start_process`, and a consumer for each core.
macro_rules! step {
    ($name:ident, $start_process:path) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = NotBuilt<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn start_process(work: impl FnMut() + Send + 'static) {
                let (queue, tasks) = flume::unbounded();
                let (_, nothing) = flume::unbounded();
                chapter_09::start(told_cores(), "pool", &tasks, &nothing);
                $start_process(&queue, work, yield_now);
            }
        }
    };
}

step!(Bug, wrong::start_process);
step!(Mended, chapter_09::start_process);

fn main() -> ExitCode {
    let seeing = "a_process_goes_on_when_the_function_that_started_it_has_returned";
    seen_by::<Bug, Mended>(9, &[seeing])
}
