//! The chapter's bug, put into its step: does the suite see the bell without a memory?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;

use laneway_conformance::{NotBuilt, Runtime, seen_by};

/// A step with this `block_on`.
macro_rules! step {
    ($name:ident, $block_on:path) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = NotBuilt<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                $block_on(future)
            }
        }
    };
}

step!(Bug, wrong::block_on);
step!(Mended, chapter_01::block_on);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(1, &["hears_a_wake_up_that_comes_before_it_sleeps"])
}
