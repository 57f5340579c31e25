//! A piece of work as it is submitted: a closure or a future, and how it is to be treated.

use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::work_context::WorkContext;

/// A piece of work for a [`TaskQueue`](super::TaskQueue): a closure that may block its thread, or a
/// future. Either is given a [`WorkContext`].
///
/// - [`sync(closure)`](Work::sync) runs on the [blocking](crate::blocking) pool.
/// - [`future(async closure)`](Work::future) runs as a low task.
/// - [`try_sync`](Work::try_sync) and [`try_future`](Work::try_future) give a `Result`, whose error
///   is a failure.
/// - [`named(name)`](Work::named) is how the work shows in lists. Default: no name.
/// - [`timeout(limit)`](Work::timeout) is how long it may run. Default: no limit.
///
/// ```
/// use laneway::background::{TaskQueue, Work};
/// use std::time::Duration;
///
/// let queue = TaskQueue::bounded(8).workers(2);
/// let report = Work::future(async |_context| 42)
///     .named("report")
///     .timeout(Duration::from_secs(30));
/// let id = queue.submit(report).unwrap();
/// laneway::block_on(queue.wait(id));
/// assert_eq!(queue.take(id), Ok(42));
/// ```
#[must_use = "work does nothing until it is submitted to a TaskQueue"]
pub struct Work<T> {
    pub(super) name: Option<Arc<str>>,
    pub(super) limit: Option<Duration>,
    pub(super) body: Body<T>,
}

/// The outcome of a piece of work that ended by itself: a value, or the message of its error.
pub(super) type Given<T> = Result<Box<T>, Arc<str>>;

pub(super) type WorkFuture<T> = Pin<Box<dyn Future<Output = Given<T>> + Send>>;

/// The code that is to be run.
pub(super) enum Body<T> {
    Closure(Box<dyn FnOnce(WorkContext) -> Given<T> + Send>),
    /// Makes the future, in the task that polls it.
    Future(Box<dyn FnOnce(WorkContext) -> WorkFuture<T> + Send>),
}

impl<T: Send + 'static> Work<T> {
    /// Work that may block its thread, or compute for long without a pause. It runs on the
    /// [blocking](crate::blocking) pool. [`WorkContext`] has an example.
    pub fn sync(closure: impl FnOnce(WorkContext) -> T + Send + 'static) -> Work<T> {
        Work::of(Body::Closure(Box::new(|context| {
            Ok(Box::new(closure(context)))
        })))
    }

    /// Makes work of a closure as [`sync`](Work::sync) does, for one that can fail: an error is a
    /// [`Failed`](super::WorkStatus::Failed) with the error's message.
    ///
    /// ```
    /// use laneway::background::{TakeError, TaskQueue, Work};
    /// use std::fs;
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let reads = Work::try_sync(|_| fs::read_to_string("there is no such file"));
    /// let id = queue.submit(reads).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert!(matches!(queue.take(id), Err(TakeError::Failed { .. })));
    /// ```
    pub fn try_sync<E: Display>(
        closure: impl FnOnce(WorkContext) -> Result<T, E> + Send + 'static,
    ) -> Work<T> {
        let closure = |context| closure(context).map(Box::new).map_err(|error| told(&error));
        Work::of(Body::Closure(Box::new(closure)))
    }

    /// Work that waits, or computes in short pieces: a future, made by an async closure. It runs
    /// as a low task. [`Work`] has an example.
    pub fn future<F>(make: impl FnOnce(WorkContext) -> F + Send + 'static) -> Work<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        Work::of(Body::Future(Box::new(|context| {
            let future = make(context);
            Box::pin(async { Ok(Box::new(future.await)) })
        })))
    }

    /// Makes work of a future as [`future`](Work::future) does, for one that can fail: an error is
    /// a [`Failed`](super::WorkStatus::Failed) with the error's message.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let parses = Work::try_future(async |_| "seven".parse::<u32>());
    /// let id = queue.submit(parses).unwrap();
    /// let message = "invalid digit found in string".into();
    /// assert_eq!(laneway::block_on(queue.wait(id)), WorkStatus::Failed { message });
    /// ```
    pub fn try_future<F, E>(make: impl FnOnce(WorkContext) -> F + Send + 'static) -> Work<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Display,
    {
        Work::of(Body::Future(Box::new(|context| {
            let future = make(context);
            Box::pin(async { future.await.map(Box::new).map_err(|error| told(&error)) })
        })))
    }

    fn of(body: Body<T>) -> Work<T> {
        Work {
            name: None,
            limit: None,
            body,
        }
    }
}

impl<T> Work<T> {
    /// The name under which the work shows in [`TaskQueue::list`](super::TaskQueue::list), and its
    /// task wherever the runtime speaks of it, as [`Runtime::named`](crate::Runtime::named) tells.
    /// Several may have the same. Default: no name.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Work<T> {
        self.name = Some(name.into());
        self
    }

    /// How long it may run, counted from its beginning. After that it is
    /// [`Failed`](super::WorkStatus::Failed), a future is dropped, and a closure learns it as it
    /// learns that it is [cancelled](WorkContext::is_cancelled). Default: no limit.
    ///
    /// A low task sees to it, so that under low load the end comes later by the wait for a turn.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work, WorkStatus};
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let stuck = Work::future(async |_| pending::<()>().await);
    /// let id = queue.submit(stuck.timeout(Duration::from_millis(5))).unwrap();
    /// let message = "it ran for more than 5ms".into();
    /// assert_eq!(laneway::block_on(queue.wait(id)), WorkStatus::Failed { message });
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Work<T> {
        self.limit = Some(limit);
        self
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("name", &self.name)
            .field("timeout", &self.limit)
            .finish_non_exhaustive()
    }
}

fn told(error: &dyn Display) -> Arc<str> {
    error.to_string().into()
}
