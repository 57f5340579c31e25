//! Spawning on a given runtime, and what becomes of a future that it does not take.

use std::error::Error;
use std::fmt;
use std::future::Future;

use crate::executor::{Executor, Origin, Phase, Task};
use crate::queue_name::QueueName;

/// A future that was not spawned, and why. Made by
/// [`Runtime::try_spawn`](crate::Runtime::try_spawn).
///
/// ```
/// use laneway::Runtime;
///
/// let rt = Runtime::builder().build()?;
/// let error = rt.try_spawn(async { 8 }, "netwrok").unwrap_err();
/// assert_eq!(error.to_string(), "the runtime has no queue \"netwrok\": add it by with_queue");
/// assert_eq!(laneway::block_on(error.into_future()), 8);
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct SpawnError<F> {
    future: F,
    cause: SpawnErrorCause,
}

#[derive(Debug)]
enum SpawnErrorCause {
    ShutDown,
    NoSuchQueue(String),
}

impl<F> SpawnError<F> {
    /// The future, not polled yet. [`SpawnError`] has an example.
    pub fn into_future(self) -> F {
        self.future
    }

    /// Whether the runtime takes no tasks any more.
    /// [`Runtime::try_spawn`](crate::Runtime::try_spawn) has an example.
    pub fn is_shut_down(&self) -> bool {
        matches!(self.cause, SpawnErrorCause::ShutDown)
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            SpawnErrorCause::ShutDown => {
                write!(f, "the runtime has shut down and takes no more tasks")
            }
            SpawnErrorCause::NoSuchQueue(name) => {
                write!(f, "the runtime has no queue {name:?}: add it by with_queue")
            }
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl<F> Error for SpawnError<F> {}

/// Spawns a future. It becomes a cancelled task if the runtime takes nothing new.
///
/// # Panics
///
/// If there is no such queue.
#[inline]
pub(crate) fn spawn_from<F>(
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
    match spawn_on(executor, &mut future, queue, origin) {
        Some((task, Phase::Open | Phase::Draining)) => task,
        ended => settle(executor, ended, &mut future, queue, origin),
    }
}

/// Spawns a future, or gives it back.
#[inline]
pub(crate) fn try_spawn_from<F>(
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
        return Err(SpawnError {
            future,
            cause: SpawnErrorCause::NoSuchQueue(queue.to_string()),
        });
    };
    let mut future = Some(future);
    if let Some((task, phase)) = executor.spawn(&mut future, id, origin) {
        cancel_if_closed(executor, phase);
        return Ok(task);
    }
    Err(SpawnError {
        future: future.expect(NOT_SPAWNED_STILL_THERE),
        cause: SpawnErrorCause::ShutDown,
    })
}

/// Takes the future and spawns it, if there is such a queue and the runtime takes tasks. Gives the
/// phase after that as well.
#[inline]
pub(crate) fn spawn_on<F>(
    executor: &Executor,
    future: &mut Option<F>,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Option<(Task<F::Output>, Phase)>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    executor.spawn(future, queue.find(executor)?, origin)
}

/// Makes a task of what [`spawn_on`] did or left, a cancelled one if the runtime takes nothing
/// new. Panics if there is no such queue, and not while anything is borrowed: the future is
/// dropped then.
#[cold]
pub(crate) fn settle<F>(
    executor: &Executor,
    spawned: Option<(Task<F::Output>, Phase)>,
    future: &mut Option<F>,
    queue: QueueName<'_>,
    origin: Origin<'_>,
) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    if let Some((task, phase)) = spawned {
        cancel_if_closed(executor, phase);
        return task;
    }
    let future = future.take().expect(NOT_SPAWNED_STILL_THERE);
    let Some(id) = queue.find(executor) else {
        let names: Vec<&str> = executor.queues().iter().map(|queue| queue.name()).collect();
        let place = origin.spawned_at;
        panic!("spawn at {place}: the runtime has no queue {queue}, only {names:?}");
    };
    executor.spawn_cancelled(future, id, origin)
}

const NOT_SPAWNED_STILL_THERE: &str = "a future that was not spawned is still there";

/// The runtime may have ended while a task was spawned, and looked into its queues for the last
/// time before.
fn cancel_if_closed(executor: &Executor, phase: Phase) {
    if phase == Phase::Closed {
        executor.cancel_rest();
    }
}
