//! What programs call to spawn: on a runtime that they hold, or on the one that they run on.

use std::future::Future;
use std::panic::Location;

use super::queue_name::{IntoQueueName, QueueName};
use super::runtime::Runtime;
use super::spawn_error::SpawnError;
use super::spawn_on::{spawn_on, try_spawn_large_on, try_spawn_on};
use crate::executor::{Executor, Origin, Task, seat};
use crate::large::is_large;

impl Runtime {
    /// Spawns a future on one of this runtime's queues: the one of a
    /// [`Priority`](crate::Priority), or a further one by its name.
    ///
    /// After shutdown has begun the task is cancelled at once, and its awaiter learns it;
    /// [`try_spawn`](Runtime::try_spawn) gives the future back instead.
    ///
    /// # Panics
    ///
    /// If there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().with_queue("disk", 1, &[]).build()?;
    /// let urgent = rt.spawn(async { 1 }, Priority::High);
    /// let slow = rt.spawn(async { 2 }, "disk");
    /// assert_eq!(laneway::join!(urgent, slow), [1, 2]);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<'q, F>(&self, future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin::unnamed(Location::caller());
        let queue = queue.into_queue_name();
        match const { is_large::<F>() } {
            true => spawn_on(&self.executor, Box::pin(future), queue, origin),
            false => spawn_on(&self.executor, future, queue, origin),
        }
    }

    /// Spawns a future, or gives it back if that cannot be done.
    ///
    /// # Errors
    ///
    /// If shutdown has begun, or there is no queue of that name.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.shutdown(Duration::from_secs(1));
    /// let error = rt.try_spawn(async { "kept" }, Priority::Low).unwrap_err();
    /// assert!(error.is_shut_down());
    /// assert_eq!(laneway::block_on(error.into_future()), "kept");
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<'q, F>(
        &self,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = Origin::unnamed(Location::caller());
        let queue = queue.into_queue_name();
        match const { is_large::<F>() } {
            true => try_spawn_large_on(&self.executor, Box::new(future), queue, origin),
            false => try_spawn_on(&self.executor, future, queue, origin),
        }
    }
}

/// Spawns a future on the runtime that this code runs on: inside a task or
/// [`Runtime::block_on`] that one, elsewhere the process-wide one. What
/// [`spawn_task!`](crate::spawn_task!) calls.
///
/// # Panics
///
/// If there is no queue of that name, or the process-wide runtime is needed and cannot start.
///
/// ```
/// use laneway::Priority;
///
/// let task = laneway::spawn(async { 42 }, Priority::High);
/// assert_eq!(laneway::block_on(task), 42);
/// ```
#[inline]
#[track_caller]
pub fn spawn<'q, F>(future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let origin = Origin::unnamed(Location::caller());
    let queue = queue.into_queue_name();
    match const { is_large::<F>() } {
        true => spawn_here(Box::pin(future), queue, origin),
        false => spawn_here(future, queue, origin),
    }
}

/// Spawns on this thread's runtime, or on the process-wide one.
#[inline]
pub(super) fn spawn_here<F>(future: F, queue: QueueName<'_>, origin: Origin<'_>) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match seat::runtime_here() {
        Some(executor) => spawn_on(&executor, future, queue, origin),
        None => spawn_on(
            Runtime::start_global(origin.spawned_at),
            future,
            queue,
            origin,
        ),
    }
}

/// Calls `spawn` with this thread's runtime, or with the process-wide one.
pub(super) fn with_runtime_here<R>(
    spawned_at: &'static Location<'static>,
    spawn: impl FnOnce(&Executor) -> R,
) -> R {
    match seat::runtime_here() {
        Some(executor) => spawn(&executor),
        None => spawn(Runtime::start_global(spawned_at)),
    }
}
