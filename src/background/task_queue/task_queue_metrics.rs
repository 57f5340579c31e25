//! The work of a task queue, in numbers.

use std::time::Duration;

/// The present state and the counts of a task queue. Made by
/// [`TaskQueue::metrics`](super::TaskQueue::metrics), all at one moment.
///
/// `submitted` is `queued` + `running` + `done` + `failed` + `cancelled`.
///
/// ```
/// use laneway::background::{TaskQueue, Work};
///
/// let queue = TaskQueue::bounded(8);
/// let id = queue.submit(Work::future(async |_| 1)).unwrap();
/// laneway::block_on(queue.wait(id));
/// let metrics = queue.metrics();
/// assert_eq!((metrics.submitted, metrics.done, metrics.kept), (1, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQueueMetrics {
    /// Work that waits for its turn.
    pub queued: usize,
    /// Work that has begun and not ended.
    pub running: usize,
    /// Work that was cancelled or timed out, and still has its place: a closure that has not
    /// returned, or a future that has not been dropped yet.
    pub lingering: usize,
    /// Work that has ended and can still be asked for.
    pub kept: usize,
    /// Work that was taken.
    pub submitted: u64,
    /// Submissions that were refused because the queue was full.
    pub refused: u64,
    /// Work that gave a value.
    pub done: u64,
    /// Work that panicked, gave an error, or timed out.
    pub failed: u64,
    /// Work among the failed that ran for longer than it was allowed to.
    pub timed_out: u64,
    /// Work that was cancelled.
    pub cancelled: u64,
    /// Results that were dropped before they were taken, for their age or their number.
    pub expired: u64,
    /// Work that has begun.
    pub begun: u64,
    /// How long it waited for that, in sum.
    pub waited: Duration,
    /// The longest of these waits.
    pub longest_wait: Duration,
    /// How long the work that has ended had been running, in sum.
    pub ran: Duration,
}
