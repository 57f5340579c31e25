//! The status of a piece of work.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::progress::Progress;
use super::work_id::WorkId;

/// Where a piece of work stands. Given by [`TaskQueue::status`](super::TaskQueue::status).
///
/// Written out, it is one word: `queued`, `running`, `done`, `failed`, `cancelled` or `unknown`.
///
/// ```
/// use laneway::background::WorkStatus;
///
/// let failed = WorkStatus::Failed { message: "no ink".into() };
/// assert_eq!(failed.to_string(), "failed");
/// assert!(failed.is_over());
/// assert!(!WorkStatus::Queued { ahead: 3 }.is_over());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum WorkStatus {
    /// It waits for its turn.
    Queued {
        /// How much other work waits before it. With 0 it begins as soon as there is a place.
        ahead: usize,
    },
    /// It has begun and not ended.
    Running {
        /// When it began, by [`time::now`](crate::time::now).
        since: Instant,
        /// The last report of the work.
        progress: Progress,
    },
    /// It gave a value, for [`TaskQueue::take`](super::TaskQueue::take).
    Done,
    /// It panicked, gave an error, or ran for longer than it was allowed to.
    Failed {
        /// The panic's message, cut after 1 kB, the error's, or how long it ran.
        message: Arc<str>,
    },
    /// It was cancelled: by [`TaskQueue::cancel`](super::TaskQueue::cancel), or by the end of its
    /// runtime.
    Cancelled,
    /// The queue has no work of this number. Either there never was any, or its result was taken
    /// or has been dropped: see [`TaskQueue::keep_for`](super::TaskQueue::keep_for).
    Unknown,
}

impl WorkStatus {
    /// Whether it will not change any more, but for becoming unknown. [`WorkStatus`] has an
    /// example.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, WorkStatus::Queued { .. } | WorkStatus::Running { .. })
    }

    fn word(&self) -> &'static str {
        match self {
            WorkStatus::Queued { .. } => "queued",
            WorkStatus::Running { .. } => "running",
            WorkStatus::Done => "done",
            WorkStatus::Failed { .. } => "failed",
            WorkStatus::Cancelled => "cancelled",
            WorkStatus::Unknown => "unknown",
        }
    }
}

impl fmt::Display for WorkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A line of [`TaskQueue::list`](super::TaskQueue::list), which has an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListedWork {
    /// Its number.
    pub id: WorkId,
    /// Its name, if it was given one.
    pub name: Option<Arc<str>>,
    /// Where it stands.
    pub status: WorkStatus,
}

/// The state in which [`TaskQueue::cancel`](super::TaskQueue::cancel) has found the work.
///
/// ```
/// use laneway::background::{Cancelling, TaskQueue, Work};
///
/// let queue = TaskQueue::bounded(8);
/// let stuck = Work::future(async |_| std::future::pending::<()>().await);
/// let id = queue.submit(stuck).unwrap();
/// assert!(matches!(queue.cancel(id), Cancelling::NeverRuns | Cancelling::Stops));
/// assert_eq!(queue.cancel(id), Cancelling::TooLate);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancelling {
    /// It was queued, and never runs.
    NeverRuns,
    /// It was running. A future is dropped as soon as it is not being polled; a closure learns it
    /// through its [context](super::WorkContext::is_cancelled).
    Stops,
    /// It had ended, and stays as it was.
    TooLate,
    /// The queue has no work of this number.
    Unknown,
}
