//! Spawning on a given executor, and what becomes of a future that it does not take.

use std::future::Future;

use super::queue_name::QueueName;
use super::returnable::Returnable;
use super::spawn_error::SpawnError;
use crate::executor::{Executor, Late, Origin, Task};

/// Spawns a future. It becomes a cancelled task if the runtime takes nothing new.
///
/// # Panics
///
/// If there is no such queue.
#[inline]
pub(super) fn spawn_on<F>(
    executor: &Executor,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut future = Some(future);
    let spawned = queue
        .find(executor)
        .and_then(|id| executor.spawn(&mut future, id, origin, Late::Cancelled));
    spawned.unwrap_or_else(|| {
        let future = future.expect(NOT_SPAWNED_STILL_THERE);
        refused(executor, future, queue, origin)
    })
}

/// Makes a cancelled task of a future that the runtime does not take, and panics if there is no
/// such queue.
#[cold]
fn refused<F>(
    executor: &Executor,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some(id) = queue.find(executor) else {
        let names: Vec<&str> = executor.queues().iter().map(|queue| queue.name()).collect();
        let place = origin.spawned_at;
        panic!("spawn at {place}: the runtime has no queue {queue}, only {names:?}");
    };
    executor.spawn_cancelled(future, id, origin)
}

/// Spawns a future, or gives it back.
pub(super) fn try_spawn_on<F>(
    executor: &Executor,
    future: F,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Result<Task<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some(id) = queue.find(executor) else {
        return Err(SpawnError::no_such_queue(
            Box::new(future),
            queue.to_string(),
        ));
    };
    let mut future = Some(future);
    let spawned = executor.spawn(&mut future, id, origin, Late::GivenBack);
    spawned.ok_or_else(|| {
        let future = future.expect(NOT_SPAWNED_STILL_THERE);
        SpawnError::shut_down(Box::new(future))
    })
}

/// As [`try_spawn_on`], for a large future.
pub(super) fn try_spawn_large_on<F>(
    executor: &Executor,
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

const NOT_SPAWNED_STILL_THERE: &str = "a future that was not spawned is still there";
