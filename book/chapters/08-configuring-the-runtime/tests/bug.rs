//! The chapter's bug, put into its step: does the suite see the machines without a high consumer?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;

use laneway_conformance::{NotBuilt, Runtime, seen_by};

/// A step with this rule. The check tells it of other machines than this one.
macro_rules! step {
    ($name:ident, $high_for:path) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = NotBuilt<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn accepts(high: usize, low: usize) -> bool {
                let builder = chapter_08::Runtime::new().with_high_num(high);
                builder.with_low_num(low).check().is_ok()
            }

            fn high_for(cores: usize) -> usize {
                $high_for(cores)
            }
        }
    };
}

step!(Bug, wrong::high_for);
step!(Mended, chapter_08::high_for);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(8, &["gives_every_machine_a_high_consumer"])
}
