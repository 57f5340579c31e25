//! The reasons why a future was not spawned.

use std::error::Error;
use std::fmt;

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
    /// Boxed, so that a result with this error is small.
    future: Box<F>,
    cause: SpawnErrorCause,
}

#[derive(Debug)]
enum SpawnErrorCause {
    ShutDown,
    NoSuchQueue(String),
}

impl<F> SpawnError<F> {
    pub(super) fn shut_down(future: Box<F>) -> SpawnError<F> {
        let cause = SpawnErrorCause::ShutDown;
        SpawnError { future, cause }
    }

    pub(super) fn no_such_queue(future: Box<F>, name: String) -> SpawnError<F> {
        let cause = SpawnErrorCause::NoSuchQueue(name);
        SpawnError { future, cause }
    }

    /// The same error of a future within the future.
    pub(super) fn map<G>(self, inner: impl FnOnce(F) -> Box<G>) -> SpawnError<G> {
        SpawnError {
            future: inner(*self.future),
            cause: self.cause,
        }
    }

    /// The future, not polled yet. [`SpawnError`] has an example.
    pub fn into_future(self) -> F {
        *self.future
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
