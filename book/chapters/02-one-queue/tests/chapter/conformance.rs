//! Is this step a runtime up to chapter 2, and not further?

use std::pin::Pin;

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
        chapter_02::spawn(future)
    }

    fn queue_by_hand() -> Option<(
        impl FnMut(Pin<Box<dyn Future<Output = ()> + Send>>) + 'static,
        impl FnMut() -> bool + Send + 'static,
    )> {
        let (queue, tasks) = flume::unbounded();
        let spawn = move |future| chapter_02::spawn_on(&queue, future).detach();
        Some((spawn, move || chapter_02::run_next(&tasks)))
    }
}

laneway_conformance::conformance!(Step, up_to = 2);

#[test]
fn fails_chapter_3() {
    laneway_conformance::must_fail::<Step>(3);
}
