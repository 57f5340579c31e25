//! The reasons why a piece of work was not taken.

use std::error::Error;
use std::fmt;

use super::work::Work;

/// Work that a [`TaskQueue`](super::TaskQueue) has not taken, and why.
///
/// ```
/// use laneway::background::{SubmitError, TaskQueue, Work};
///
/// let queue = TaskQueue::bounded(0);
/// queue.submit(Work::future(async |_| std::future::pending().await)).unwrap();
/// let error = queue.submit(Work::sync(|_| 2)).unwrap_err();
/// assert!(matches!(error, SubmitError::Full(_)));
/// let work: Work<i32> = error.into_work();
/// # drop(work);
/// ```
pub enum SubmitError<T> {
    /// As much work as the bound waits already. Submit it again later, or turn the request away.
    Full(Work<T>),
    /// The queue's runtime has begun to shut down and takes nothing more. Drop the work, or submit
    /// it to a queue on another runtime.
    ShutDown(Work<T>),
}

impl<T> SubmitError<T> {
    /// The work, which has not begun. [`SubmitError`] has an example.
    pub fn into_work(self) -> Work<T> {
        match self {
            SubmitError::Full(work) | SubmitError::ShutDown(work) => work,
        }
    }
}

impl<T> fmt::Display for SubmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SubmitError::Full(_) => "the task queue is full: submit the work again later",
            SubmitError::ShutDown(_) => {
                "the runtime of the task queue shuts down: submit the work to another queue"
            }
        })
    }
}

impl<T> fmt::Debug for SubmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (variant, work) = match self {
            SubmitError::Full(work) => ("Full", work),
            SubmitError::ShutDown(work) => ("ShutDown", work),
        };
        f.debug_tuple(variant).field(work).finish()
    }
}

impl<T> Error for SubmitError<T> {}
