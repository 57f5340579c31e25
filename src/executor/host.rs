//! The requests of the core to the threads that it runs on.
//!
//! The core owns no threads and no clock. Its host, a runtime's threads or a simulation, provides
//! both. Read `thread_locals.rs` next.

use std::sync::Arc;
use std::time::Duration;

use super::worker::Worker;

/// Provides threads for workers.
pub(crate) trait Host: Send + Sync {
    /// Lets another thread take over a worker whose thread is about to block. Gives the worker back
    /// if no thread can be had. Calls `tell` when a thread is there for it, before the worker is
    /// handed over.
    fn take_over(
        &self,
        worker: Box<Worker>,
        bound: Bound,
        tell: &dyn Fn(),
    ) -> Result<(), Box<Worker>>;

    /// Lets the thread of a worker that sits here rest until there is something to do for it or
    /// `is_over`. The caller sees to it that the thread is unparked when `is_over` becomes true.
    /// Called only where [`take_over`](Host::take_over) has given a worker back.
    fn rest_until(&self, is_over: &dyn Fn() -> bool);

    /// Whether a task that joins others is to poll them within its own poll. A simulation tries
    /// both ways, since other threads may be faster.
    fn polls_joined(&self) -> bool {
        true
    }

    /// The size of the stack that the workers' tasks run on, in bytes.
    fn stack_size(&self) -> usize;

    /// The time since the runtime was made.
    fn now(&self) -> Duration;

    /// The object that a thread parks on when it blocks, if it is not to park as threads do.
    fn parker(&self) -> Option<Arc<dyn Park>> {
        None
    }
}

/// How many threads may stand in for others that block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// As many as the runtime's settings allow.
    Kept,
    /// One more, if need be.
    Exceeded,
}

/// Lets one thread, always the same, wait for others.
pub(crate) trait Park: Send + Sync {
    /// Waits for an [`unpark`](Park::unpark) since the last `park`. May come back without one.
    fn park(&self);

    fn unpark(&self);

    /// Called by a thread that goes on without a wait, since it was unparked before.
    fn pass(&self);
}
