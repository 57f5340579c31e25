//! Is this step a runtime up to chapter 4, and not further?

use std::pin::Pin;
use std::time::Duration;

use async_task::Task;
use chapter_04::{HIGH_CONSUMERS, LOW_CONSUMERS, high, low, spawn};
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
        let spawn = move |future| chapter_04::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_04::run_next(&tasks)))
    }

    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        Some(chapter_04::sleep(time))
    }

    fn consumers() -> usize {
        LOW_CONSUMERS
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
}

laneway_conformance::conformance!(Step, up_to = 4);

#[test]
fn fails_chapter_5() {
    laneway_conformance::must_fail::<Step>(5);
}
