//! The reasons why there is no result to be had.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why [`TaskQueue::take`](super::TaskQueue::take) gives no value.
///
/// ```
/// use laneway::background::{TakeError, TaskQueue, Work};
///
/// let queue = TaskQueue::bounded(8);
/// let id = queue.submit(Work::sync(|_| if true { panic!("no ink") })).unwrap();
/// laneway::block_on(queue.wait(id));
/// let error = queue.take(id).unwrap_err();
/// assert_eq!(error.to_string(), "the work failed: no ink");
/// assert_eq!(queue.take(id), Err(TakeError::Unknown));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TakeError {
    /// It is queued or running: [wait](super::TaskQueue::wait) for it, and take then.
    NotOver,
    /// It failed, with this message.
    Failed {
        /// As in [`WorkStatus::Failed`](super::WorkStatus::Failed).
        message: Arc<str>,
    },
    /// It was cancelled.
    Cancelled,
    /// The queue has no work of this number, or does not have it any more.
    Unknown,
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TakeError::NotOver => f.write_str("the work has not ended: wait for it first"),
            TakeError::Failed { message } => write!(f, "the work failed: {message}"),
            TakeError::Cancelled => f.write_str("the work was cancelled"),
            TakeError::Unknown => {
                f.write_str("the task queue has no result of this number, or not any more")
            }
        }
    }
}

impl Error for TakeError {}
