//! The executors under test, one per file, behind one trait.
//!
//! An executor lives as long as the process: its users keep it in a static, and so does this
//! program. So no executor pays for a reference count that its users would not pay for. For the
//! same reason every `spawn` is inlined: its users call the executor's own.

pub(crate) mod async_executor;
pub(crate) mod async_runtime;
pub(crate) mod bevy;
pub(crate) mod flume_pool;
pub(crate) mod futures;
pub(crate) mod laneway;
pub(crate) mod smol;
pub(crate) mod tokio;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use crate::workloads::{Executor, Handle, Lane};

/// An executor that comes with a timer.
pub(crate) trait Sleeps: Executor {
    type Sleep: Future + Send + 'static;

    /// Made inside of `block_on` or of a task, since some look for their timer there.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// As [`sleep`](Sleeps::sleep), by the deadline.
    fn sleep_until(deadline: Instant) -> Self::Sleep;
}

/// An executor's own way to yield.
pub(crate) trait Yields: Executor {
    /// Lets other tasks go first. An executor without a way of its own is given futures-lite's,
    /// which is also what smol and Laneway hand on.
    #[inline]
    fn yield_now() -> impl Future<Output = ()> + Send + 'static {
        futures_lite::future::yield_now()
    }
}

/// async-executor, bevy_tasks and the flume pool share this handle.
impl<T: Send + 'static> Handle<T> for async_task::Task<T> {
    fn detach(self) {
        async_task::Task::detach(self);
    }
}
