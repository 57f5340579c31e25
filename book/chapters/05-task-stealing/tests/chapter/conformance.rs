//! Is this step a runtime up to chapter 5, and not further?

use std::pin::Pin;
use std::time::Duration;

use async_task::Task;
use chapter_05::{HIGH_CONSUMERS, LOW_CONSUMERS, high, low, spawn};
use laneway_conformance::{Priority, Runtime};

struct Step;

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
        spawn(low(future))
    }

    fn queue_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (queue, tasks) = flume::unbounded();
        let spawn = move |future| chapter_05::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_05::run_next(&tasks)))
    }

    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        Some(chapter_05::sleep(time))
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
        match priority {
            Priority::High => spawn(high(future)),
            Priority::Low => spawn(low(future)),
        }
    }

    fn step_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>, Priority) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        let spawn = move |future, priority| match priority {
            Priority::High => chapter_05::spawn_on(&high, future).detach(),
            Priority::Low => chapter_05::spawn_on(&low, future).detach(),
        };
        let step = move || chapter_05::step(&high_tasks, &low_tasks);
        Some((spawn, move || step() != chapter_05::Step::Rest))
    }
}

laneway_conformance::conformance!(Step, up_to = 5);

#[test]
fn fails_chapter_6() {
    laneway_conformance::must_fail::<Step>(6);
}
