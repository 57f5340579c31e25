//! The context of a piece of work: it tells of itself there, and learns that its result is not
//! wanted.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::progress::Progress;
use super::work_id::WorkId;
use crate::ground::sync::unpoisoned;

/// The context of a piece of work: its number, the way to report its progress, and whether it has
/// been cancelled. Cheap to clone; it may go to other tasks and threads, and may outlive the work.
///
/// ```
/// use laneway::background::{TaskQueue, Work};
/// use laneway::block_on;
///
/// let queue = TaskQueue::bounded(8);
/// let summing = Work::sync(|context| {
///     let mut sum = 0;
///     for n in 0..1_000_u64 {
///         if context.is_cancelled() {
///             break;
///         }
///         context.report(n as f64 / 1_000.0, "summing");
///         sum += n;
///     }
///     sum
/// });
/// let id = queue.submit(summing).unwrap();
/// block_on(queue.wait(id));
/// assert_eq!(queue.take(id), Ok(499_500));
/// ```
#[derive(Clone, Debug)]
pub struct WorkContext {
    id: WorkId,
    shared: Arc<SharedContext>,
}

#[derive(Debug, Default)]
struct SharedContext {
    /// Set when the work has ended, whether by itself or not. Never taken back.
    is_over: AtomicBool,
    progress: Mutex<Progress>,
}

impl WorkContext {
    pub(super) fn new(id: WorkId) -> WorkContext {
        WorkContext {
            id,
            shared: Arc::default(),
        }
    }

    /// The number of the work.
    ///
    /// ```
    /// use laneway::background::{TaskQueue, Work};
    ///
    /// let queue = TaskQueue::bounded(8);
    /// let id = queue.submit(Work::future(async |context| context.id())).unwrap();
    /// laneway::block_on(queue.wait(id));
    /// assert_eq!(queue.take(id), Ok(id));
    /// ```
    #[must_use]
    pub fn id(&self) -> WorkId {
        self.id
    }

    /// Reports how far the work has come: a fraction from 0 to 1, and words. The last report shows
    /// in [`WorkStatus::Running`](super::WorkStatus::Running). A number outside of 0 to 1 counts
    /// as the nearer end, and NaN as 0. [`WorkContext`] has an example.
    pub fn report(&self, fraction: f64, text: impl Into<Arc<str>>) {
        let progress = Progress::new(fraction, text);
        let before = mem::replace(&mut *unpoisoned(self.shared.progress.lock()), progress);
        drop(before);
    }

    /// Whether the result is not wanted any more: the work was cancelled, its time is over, or its
    /// runtime has ended.
    ///
    /// A closure is never stopped from outside. It should ask this from time to time, and return. A
    /// value that it returns then is dropped. A future has no need to ask: it is dropped.
    /// [`WorkContext`] has an example.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        // Acquire; pairs with the Release in `tell_over`.
        self.shared.is_over.load(Ordering::Acquire)
    }

    pub(super) fn progress(&self) -> Progress {
        unpoisoned(self.shared.progress.lock()).clone()
    }

    /// Tells the work that its result will not be read.
    pub(super) fn tell_over(&self) {
        self.shared.is_over.store(true, Ordering::Release);
    }
}
