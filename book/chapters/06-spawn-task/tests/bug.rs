//! The chapter's bug, put into its step: does the suite see a macro that calls its caller's `spawn`?

#[path = "../broken.rs"]
mod wrong;

use std::future::ready;
use std::process::ExitCode;

use async_task::Task;
use chapter_06::spawn_task;
use laneway_conformance::{Priority, Runtime, seen_by};
use wrong::spawn_task as unhygienic_spawn_task;

/// A `spawn` of this file, that runs futures on the spot.
fn spawn<F>(future: F, _priority: impl Sized) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let output = ready(futures_lite::future::block_on(future));
    let (runnable, task) = async_task::spawn(output, drop);
    runnable.run();
    task
}

fn level(priority: Priority) -> chapter_06::Priority {
    match priority {
        Priority::High => chapter_06::Priority::High,
        Priority::Low => chapter_06::Priority::Low,
    }
}

/// A step with this macro.
macro_rules! step {
    ($name:ident, $spawn_task:ident) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = Task<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                futures_lite::future::block_on(future)
            }

            fn spawn_task<F>(future: F) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                $spawn_task!(future)
            }

            fn spawn_task_at<F>(future: F, priority: Priority) -> Task<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                $spawn_task!(future, level(priority))
            }
        }
    };
}

step!(Bug, unhygienic_spawn_task);
step!(Mended, spawn_task);

fn main() -> ExitCode {
    seen_by::<Bug, Mended>(6, &["means_the_same_wherever_it_is_used"])
}
