//! The chapter's bug, put into its step: does the suite see the machines without a high consumer? And
//! does it see settings that come too late, and are ignored?

#![allow(unreachable_pub)]

#[path = "../broken.rs"]
mod wrong;

use std::process::ExitCode;

use laneway_conformance::{NotBuilt, Priority, Runtime, seen_by};

/// A step with this rule and this start. The check tells it of other machines than this one.
macro_rules! step {
    ($name:ident, $high_for:path, $start_with:path) => {
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

            fn start_with(high: usize, low: usize) -> bool {
                $start_with(high, low)
            }

            fn consumers_of(priority: Priority) -> usize {
                let configuration = chapter_08::Runtime::configuration();
                match priority {
                    Priority::High => configuration.high,
                    Priority::Low => configuration.low,
                }
            }
        }
    };
}

fn start_with(high: usize, low: usize) -> bool {
    let builder = chapter_08::Runtime::new().with_high_num(high);
    builder.with_low_num(low).try_run().is_ok()
}

/// Whether it was started or not, the caller hears that all is well.
fn start_somehow(high: usize, low: usize) -> bool {
    start_with(high, low);
    true
}

step!(Bug, wrong::high_for, start_somehow);
step!(Mended, chapter_08::high_for, start_with);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(
        8,
        &[
            "gives_every_machine_a_high_consumer",
            "is_started_once_with_the_numbers_that_were_said",
        ],
    )
}
