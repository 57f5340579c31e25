//! The spawning functions of programs: on a runtime that they hold, or on the one that they run on.
//!
//! A spawn on a worker's thread goes through [`spawn`], `spawn_on`, `Executor::spawn`,
//! `seat::offer_worker_here`, `Worker::push_locally` and `LocalQueue::push_next`; one from outside
//! goes from `Executor::spawn` to `Executor::inject`.

use std::future::Future;
use std::panic::Location;

use super::queue_name::{IntoQueueName, QueueName};
use super::returnable::Returnable;
use super::runtime::Runtime;
use super::spawn_error::SpawnError;
use crate::executor::{Executor, Late, Origin, TaskHalf, seat};
use crate::ground::large::{BoxedOutput, is_large};
use crate::task::{Half, Task, is_boxed};

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
            true => spawn_on(Some(&self.executor), Box::pin(future), queue, origin),
            false => spawn_on(Some(&self.executor), future, queue, origin),
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
            true => try_spawn_large_on(Some(&self.executor), Box::new(future), queue, origin),
            false => try_spawn_on(Some(&self.executor), future, queue, origin),
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
        true => spawn_on(None, Box::pin(future), queue, origin),
        false => spawn_on(None, future, queue, origin),
    }
}

/// Spawns a future on this executor, or else on that of this thread, or else on the process-wide
/// one. It becomes a cancelled task if the runtime takes nothing new.
///
/// # Panics
///
/// If there is no such queue.
#[inline]
pub(super) fn spawn_on<F>(
    executor: Option<&Executor>,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Task::new(match const { is_boxed::<F::Output>() } {
        true => Half::boxed(spawn_small_on(
            executor,
            BoxedOutput::of(future),
            queue,
            origin,
        )),
        false => Half::Within(spawn_small_on(executor, future, queue, origin)),
    })
}

/// As [`spawn_on`], for an output that may be moved a few times.
#[inline]
fn spawn_small_on<F>(
    executor: Option<&Executor>,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> TaskHalf<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let here = executor.is_none().then(seat::runtime_here).flatten();
    let executor = or_process_wide(executor.or(here.as_deref()), origin);
    let spawned = match queue.find(executor) {
        Some(id) => executor.spawn(future, id, origin, Late::Cancelled),
        None => Err(future),
    };
    // No closure, which would have its captures in memory (T42).
    match spawned {
        Ok(task) => task,
        Err(future) => refused(executor, future, queue, origin),
    }
}

#[inline]
fn or_process_wide<'e>(executor: Option<&'e Executor>, origin: Origin<'_>) -> &'e Executor {
    match executor {
        Some(executor) => executor,
        None => Runtime::start_global(origin.spawned_at),
    }
}

/// Makes a cancelled task of a future that the runtime does not take, and panics if there is no
/// such queue.
#[cold]
fn refused<F>(
    executor: &Executor,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> TaskHalf<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some(id) = queue.find(executor) else {
        let names: Vec<&str> = executor.queues().iter().map(|queue| queue.name()).collect();
        let place = origin.spawned_at;
        panic!("spawn at {place}: the runtime has no queue {queue}, only {names:?}");
    };
    let task = seat::count_refused(executor, id);
    executor.make_cancelled(task, future, id, origin)
}

/// As [`spawn_on`], or gives the future back.
pub(super) fn try_spawn_on<F>(
    executor: Option<&Executor>,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match const { is_boxed::<F::Output>() } {
        true => {
            let spawned = try_spawn_small_on(executor, BoxedOutput::of(future), queue, origin);
            let half =
                spawned.map_err(|error| error.map(|future| Box::new(future.into_inner())))?;
            Ok(Task::new(Half::boxed(half)))
        }
        false => {
            let half = try_spawn_small_on(executor, future, queue, origin)?;
            Ok(Task::new(Half::Within(half)))
        }
    }
}

/// As [`try_spawn_on`], for an output that may be moved a few times.
fn try_spawn_small_on<F>(
    executor: Option<&Executor>,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Result<TaskHalf<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let here = executor.is_none().then(seat::runtime_here).flatten();
    let executor = or_process_wide(executor.or(here.as_deref()), origin);
    let Some(id) = queue.find(executor) else {
        let name = queue.to_string();
        return Err(SpawnError::no_such_queue(Box::new(future), name));
    };
    let spawned = executor.spawn(future, id, origin, Late::GivenBack);
    spawned.map_err(|future| SpawnError::shut_down(Box::new(future)))
}

/// As [`try_spawn_on`], for a large future.
pub(super) fn try_spawn_large_on<F>(
    executor: Option<&Executor>,
    future: Box<F>,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let spawned = try_spawn_on(executor, Returnable::NotPolled(future), queue, origin);
    spawned.map_err(|error| error.map(Returnable::into_inner))
}
