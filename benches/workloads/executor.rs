//! What the workloads need of an executor.

use std::future::Future;

/// Which kind of task is spawned. Executors without priorities take no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// What the executor's users spawn when they say nothing.
    Default,
    /// Urgent.
    High,
    /// Everything else, where something is urgent.
    Low,
}

/// What the workloads need of an executor.
pub(crate) trait Executor: Send + Sync + 'static {
    /// What a spawn returns.
    type Task<T: Send + 'static>: Handle<T>;

    /// Spawns from a thread that is none of the executor's own.
    fn spawn<F>(&'static self, lane: Lane, future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from inside a task, in the way that the executor's users do it there.
    #[inline]
    fn spawn_inside<F>(&'static self, lane: Lane, future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn(lane, future)
    }

    /// Runs a future on this thread, which is none of the executor's own.
    fn block_on<F: Future>(&'static self, future: F) -> F::Output;
}

/// A spawned task's handle: a future of its output.
pub(crate) trait Handle<T>: Future<Output = T> + Send + 'static {
    /// Lets the task run on without the handle.
    fn detach(self);
}
