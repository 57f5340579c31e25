//! The number that a piece of work is known by.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The number of a piece of work, unique within its [`TaskQueue`](super::TaskQueue). It is never
/// given twice, and later work has higher numbers.
///
/// It is written as a plain number, and read from one, so that it can stand in an address such as
/// `/tasks/7`. A number that the queue has not given out is no fault:
/// [`status`](super::TaskQueue::status) is [`Unknown`](super::WorkStatus::Unknown) then.
///
/// (A [`TaskId`](crate::TaskId) is another thing: it numbers the tasks of a runtime.)
///
/// ```
/// use laneway::background::{TaskQueue, Work, WorkId};
///
/// let queue = TaskQueue::bounded(8);
/// let id = queue.submit(Work::sync(|_| "done")).unwrap();
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert_eq!(u64::from(id), 1);
/// assert!("seven".parse::<WorkId>().is_err());
/// assert!("+1".parse::<WorkId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub(super) u64);

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<WorkId> for u64 {
    fn from(id: WorkId) -> u64 {
        id.0
    }
}

impl FromStr for WorkId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<WorkId, ParseIntError> {
        // A sign is part of no number of work: a lone one is refused.
        let text = if text.starts_with('+') { "+" } else { text };
        text.parse().map(WorkId)
    }
}
