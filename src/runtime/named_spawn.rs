//! A builder gives a task its name: it stands before `spawn` and `try_spawn`.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::handle::Handle;
use super::queue_name::IntoQueueName;
use super::runtime::Runtime;
use super::spawn::{spawn_on, try_spawn_large_on, try_spawn_on};
use super::spawn_error::SpawnError;
use crate::executor::{Executor, Origin};
use crate::ground::large::is_large;
use crate::task::Task;

/// A spawn whose task gets a name. Made by [`Runtime::named`], [`Handle::named`] and
/// [`named`](crate::named()).
///
/// It is used up by the spawn. A clone of it gives the same name to another task, and shares the
/// text:
///
/// ```
/// use laneway::{Priority, Runtime};
///
/// let rt = Runtime::builder().build()?;
/// let worker = rt.named("worker");
/// let tasks = (0..3).map(|n| worker.clone().spawn(async move { n }, Priority::Low));
/// let tasks: Vec<_> = tasks.collect();
/// assert!(tasks.iter().all(|task| task.name().as_deref() == Some("worker")));
/// assert_eq!(laneway::join_all(tasks), [0, 1, 2]);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[doc(alias = "Builder")]
#[derive(Clone, Debug)]
#[must_use = "a name spawns nothing: call `spawn` on it"]
pub struct NamedSpawn<'r> {
    name: Arc<str>,
    /// The runtime that is to run the task; none: the one that the caller runs on.
    executor: Option<&'r Executor>,
}

impl Runtime {
    /// Gives a name to the task that is spawned next: `rt.named("parser").spawn(future, queue)`.
    ///
    /// The name shows wherever the task is spoken of: in [`Task::name`], in the
    /// [`JoinError`](crate::JoinError) of its panic or cancellation, in the log, in the
    /// [`ShutdownReport`](crate::ShutdownReport), and to the
    /// [`Observer`](crate::observe::Observer). It may be any text, and several tasks may have the
    /// same. Messages show it in full, in quotes and escaped as `{:?}` does it, so that a line
    /// break in a name does not begin a line of the log.
    ///
    /// Costs what keeping the text costs, and a lock at the task's spawn and end. Tasks without a
    /// name pay nothing.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let parser = rt.named("parser").spawn(async { 1 }, Priority::High);
    /// let worker = rt.named(format!("worker {}", 7)).spawn(async { 2 }, Priority::Low);
    /// assert_eq!(worker.name().as_deref(), Some("worker 7"));
    /// assert_eq!(laneway::join!(parser, worker), [1, 2]);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn named(&self, name: impl Into<Arc<str>>) -> NamedSpawn<'_> {
        NamedSpawn {
            name: name.into(),
            executor: Some(&self.executor),
        }
    }
}

impl Handle {
    /// Gives a name to the task that is spawned next. [`Runtime::named`] tells where a name shows.
    ///
    /// ```
    /// # use laneway::{Priority, Runtime};
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.handle().named("parser").spawn(async { 3 }, Priority::High);
    /// assert_eq!(task.name().as_deref(), Some("parser"));
    /// assert_eq!(laneway::block_on(task), 3);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn named(&self, name: impl Into<Arc<str>>) -> NamedSpawn<'_> {
        NamedSpawn {
            name: name.into(),
            executor: Some(&self.executor),
        }
    }
}

/// Gives a name to the task that is spawned next, on the runtime that [`spawn`](crate::spawn())
/// would use. What [`spawn_task!`](crate::spawn_task!) calls if it is given a name.
///
/// [`Runtime::named`] tells where a name shows.
///
/// ```
/// use laneway::Priority;
///
/// let task = laneway::named("answer").spawn(async { 42 }, Priority::High);
/// assert_eq!(task.name().as_deref(), Some("answer"));
/// assert_eq!(laneway::block_on(task), 42);
/// ```
pub fn named(name: impl Into<Arc<str>>) -> NamedSpawn<'static> {
    NamedSpawn {
        name: name.into(),
        executor: None,
    }
}

impl NamedSpawn<'_> {
    /// Spawns a future as a task with this name. Otherwise as [`Runtime::spawn`], or as
    /// [`spawn`](crate::spawn()) if no runtime was given.
    ///
    /// # Panics
    ///
    /// If there is no queue of the name that `queue` gives. If no runtime was given, also if the
    /// process-wide one is needed and cannot start.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.named("printer").spawn(async { panic!("no ink") }, Priority::Low);
    /// let error = laneway::block_on(task.fallible()).unwrap_err();
    /// assert_eq!(error.name(), Some("printer"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn<'q, F>(self, future: F, queue: impl IntoQueueName<'q>) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (queue, origin) = (queue.into_queue_name(), self.origin());
        match const { is_large::<F>() } {
            true => spawn_on(self.executor, Box::pin(future), queue, origin),
            false => spawn_on(self.executor, future, queue, origin),
        }
    }

    /// Spawns a future as a task with this name, or gives the future back if that cannot be done.
    ///
    /// # Errors
    ///
    /// If shutdown has begun, or there is no queue of the name that `queue` gives.
    ///
    /// # Panics
    ///
    /// If no runtime was given, and the process-wide one is needed and cannot start.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.named("parser").try_spawn(async { 1 }, Priority::Low).unwrap();
    /// assert_eq!(task.name().as_deref(), Some("parser"));
    ///
    /// rt.shutdown(Duration::from_secs(1));
    /// let error = rt.named("parser").try_spawn(async { "kept" }, Priority::Low).unwrap_err();
    /// assert!(error.is_shut_down());
    /// assert_eq!(laneway::block_on(error.into_future()), "kept");
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<'q, F>(
        self,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> Result<Task<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (queue, origin) = (queue.into_queue_name(), self.origin());
        match const { is_large::<F>() } {
            true => try_spawn_large_on(self.executor, Box::new(future), queue, origin),
            false => try_spawn_on(self.executor, future, queue, origin),
        }
    }

    #[track_caller]
    fn origin(&self) -> Origin<'_> {
        Origin {
            spawned_at: Location::caller(),
            name: Some(&self.name),
        }
    }
}
