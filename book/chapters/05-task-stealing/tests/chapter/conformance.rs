//! Is this step a runtime up to chapter 5, and not further?

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
}

laneway_conformance::conformance!(Step, up_to = 5);

#[test]
fn fails_chapter_6() {
    laneway_conformance::must_fail::<Step>(6);
}
