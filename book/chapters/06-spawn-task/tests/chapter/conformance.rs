//! Is this step a runtime up to chapter 6, and not further?

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use async_task::Task;
use chapter_06::{HIGH_CONSUMERS, LOW_CONSUMERS, spawn_task};
use laneway_conformance::{Priority, Runtime};

struct Step;

fn level(priority: Priority) -> chapter_06::Priority {
    match priority {
        Priority::High => chapter_06::Priority::High,
        Priority::Low => chapter_06::Priority::Low,
    }
}

/// A `spawn` of this file, that runs futures on the spot: the runtime's macro must not call it.
#[allow(dead_code)]
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

impl Runtime for Step {
    type Task<T: Send + 'static> = Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        futures_lite::future::block_on(future)
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // The checks of earlier chapters are no test of the macro.
        chapter_06::spawn(future, chapter_06::Priority::Low)
    }

    fn queue_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (queue, tasks) = flume::unbounded();
        let spawn = move |future| chapter_06::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_06::run_next(&tasks)))
    }

    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        Some(chapter_06::sleep(time))
    }

    fn consumers() -> usize {
        HIGH_CONSUMERS + LOW_CONSUMERS
    }

    fn consumers_of(priority: Priority) -> usize {
        match priority {
            Priority::High => HIGH_CONSUMERS,
            Priority::Low => LOW_CONSUMERS,
        }
    }

    fn spawn_at<F>(future: F, priority: Priority) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        chapter_06::spawn(future, level(priority))
    }

    fn step_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>, Priority) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        let spawn = move |future, priority| match priority {
            Priority::High => chapter_06::spawn_on(&high, future).detach(),
            Priority::Low => chapter_06::spawn_on(&low, future).detach(),
        };
        let step = move || chapter_06::step(&high_tasks, &low_tasks);
        Some((spawn, move || step() != chapter_06::Step::Rest))
    }

    fn spawn_task<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(future)
    }

    fn spawn_task_at<F>(future: F, priority: Priority) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(future, level(priority))
    }
}

laneway_conformance::conformance!(Step, up_to = 6);

#[test]
fn fails_chapter_7() {
    laneway_conformance::must_fail::<Step>(7);
}
