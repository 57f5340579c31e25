//! Is this step a runtime up to chapter 3, and not further?

use std::pin::Pin;
use std::time::Duration;

use async_task::Task;
use laneway_conformance::Runtime;

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
        chapter_03::spawn(future)
    }

    fn queue_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (queue, tasks) = flume::unbounded();
        let spawn = move |future| chapter_03::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_03::run_next(&tasks)))
    }

    fn sleep(time: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        Some(chapter_03::sleep(time))
    }

    fn consumers() -> usize {
        chapter_03::CONSUMERS
    }
}

laneway_conformance::conformance!(Step, up_to = 3);

#[test]
fn fails_chapter_4() {
    laneway_conformance::must_fail::<Step>(4);
}
