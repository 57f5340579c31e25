//! Jobs that wait for others: the last job of a batch, and each but the first of a chain.
//!
//! The job that waits is the batch. Its members name it, in
//! [`NewJob::awaited_by`](super::NewJob::awaited_by); a link of a chain is a batch with one member.

/// The condition that a job waits for before it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// All jobs that name it are settled, however they ended: the end of a batch.
    Settled,
    /// All jobs that name it are done. If one ended in another way, this one is cancelled when the
    /// last one has ended: the next link of a chain.
    Done,
}

impl Awaits {
    /// The number under which stores keep it.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }
}

/// How the members of a batch have ended so far. It counts each when it is settled, so that what is
/// pruned later stays counted.
///
/// ```
/// use laneway_jobs::BatchCounts;
///
/// let counts = BatchCounts { total: 3, done: 1, failed: 1, ..BatchCounts::default() };
/// assert_eq!(counts.left(), 1);
/// assert!(!counts.are_all_done());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// The members, those included that members added.
    pub total: u64,
    /// Completed.
    pub done: u64,
    /// Failed for good.
    pub failed: u64,
    /// Cancelled, or deleted before they ran.
    pub cancelled: u64,
    /// Quarantined.
    pub quarantined: u64,
}

impl BatchCounts {
    /// How many have not ended.
    #[must_use]
    pub fn left(&self) -> u64 {
        let ended = self.done + self.failed + self.cancelled + self.quarantined;
        self.total.saturating_sub(ended)
    }

    /// Whether all have ended well.
    #[must_use]
    pub fn are_all_done(&self) -> bool {
        self.done == self.total
    }
}
