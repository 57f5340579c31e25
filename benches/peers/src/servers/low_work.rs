//! What the low tasks beside a server do: 2 ms in each poll, for ever.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::computing::compute;

/// The work of a low task. Clones count their polls together.
#[derive(Clone)]
pub(crate) struct LowWork {
    steps: u64,
    polls: Arc<AtomicU64>,
}

impl LowWork {
    pub(crate) fn of(steps: u64) -> LowWork {
        let polls = Arc::default();
        LowWork { steps, polls }
    }

    /// What is done in one poll.
    pub(crate) fn poll(&self) {
        compute(self.steps);
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    /// A task that yields after each poll.
    pub(crate) async fn for_ever<Y: Future<Output = ()>>(self, yield_now: fn() -> Y) {
        loop {
            self.poll();
            yield_now().await;
        }
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }
}
