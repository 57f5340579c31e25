//! Is this step a runtime up to chapter 8, and not further?

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use async_task::Task;
use chapter_08::{gather, spawn_task};
use laneway_conformance::{Priority, Runtime};

struct Step;

fn level(priority: Priority) -> chapter_08::Priority {
    match priority {
        Priority::High => chapter_08::Priority::High,
        Priority::Low => chapter_08::Priority::Low,
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
        chapter_08::spawn(future, chapter_08::Priority::Low)
    }

    fn queue_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (queue, tasks) = flume::unbounded();
        let spawn = move |future| chapter_08::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_08::run_next(&tasks)))
    }

    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        Some(chapter_08::sleep(time))
    }

    fn consumers() -> usize {
        let running = chapter_08::Runtime::configuration();
        running.high + running.low
    }

    fn consumers_of(priority: Priority) -> usize {
        match priority {
            Priority::High => chapter_08::Runtime::configuration().high,
            Priority::Low => chapter_08::Runtime::configuration().low,
        }
    }

    fn spawn_at<F>(future: F, priority: Priority) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        chapter_08::spawn(future, level(priority))
    }

    fn step_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>, Priority) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        let spawn = move |future, priority| match priority {
            Priority::High => chapter_08::spawn_on(&high, future).detach(),
            Priority::Low => chapter_08::spawn_on(&low, future).detach(),
        };
        let step = move || chapter_08::step(&high_tasks, &low_tasks);
        Some((spawn, move || step() != chapter_08::Step::Rest))
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

    fn join<T: Send + 'static>(tasks: Vec<Task<T>>) -> Vec<T> {
        // By its path: the macro has to find it by itself.
        chapter_08::join_all(tasks)
    }

    fn try_join<T: Send + 'static>(tasks: Vec<Task<T>>) -> Vec<Result<T, String>> {
        let outcomes = chapter_08::try_join_all(tasks).into_iter();
        outcomes
            .map(|outcome| outcome.map_err(|error| error.to_string()))
            .collect()
    }

    fn join_three<T: Send + 'static>(tasks: [Task<T>; 3]) -> Vec<T> {
        let [first, second, third] = tasks;
        chapter_08::join!(first, second, third)
    }

    fn try_join_three<T: Send + 'static>(tasks: [Task<T>; 3]) -> Vec<Result<T, String>> {
        let [first, second, third] = tasks;
        let outcomes: Vec<Result<T, chapter_08::JoinError>> =
            chapter_08::try_join!(first, second, third);
        outcomes
            .into_iter()
            .map(|outcome| outcome.map_err(|error| error.to_string()))
            .collect()
    }

    fn gather<T>(tasks: Vec<Task<T>>) -> impl Future<Output = Vec<T>> + Send + 'static
    where
        T: Send + 'static,
    {
        gather(tasks)
    }

    fn accepts(high: usize, low: usize) -> bool {
        let builder = chapter_08::Runtime::new().with_high_num(high);
        builder.with_low_num(low).check().is_ok()
    }

    fn high_for(cores: usize) -> usize {
        chapter_08::high_for(cores)
    }

    fn start_with(high: usize, low: usize) -> bool {
        let builder = chapter_08::Runtime::new().with_high_num(high);
        builder.with_low_num(low).try_run().is_ok()
    }
}

laneway_conformance::conformance!(Step, up_to = 8);

#[test]
fn fails_chapter_9() {
    laneway_conformance::must_fail::<Step>(9);
}
