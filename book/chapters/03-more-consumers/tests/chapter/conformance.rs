//! Is this step a runtime up to chapter 3, and not further?

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

    fn consumers() -> usize {
        chapter_03::CONSUMERS
    }
}

laneway_conformance::conformance!(Step, up_to = 3);

#[test]
fn fails_chapter_4() {
    laneway_conformance::must_fail::<Step>(4);
}
