//! The end of an attempt.

use std::time::Duration;

use super::keeping::Held;

/// How a holder ends its attempt at a job.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The job, and the fence under which it is held.
    pub held: Held,
    /// How it ended.
    pub outcome: Outcome,
}

impl Settlement {
    /// How many bytes the outcome carries.
    pub(crate) fn bytes(&self) -> usize {
        match &self.outcome {
            Outcome::Completed(result) => result.len(),
            Outcome::Retry { error, .. } | Outcome::Failed { error } => error.len(),
            Outcome::Snoozed(_) | Outcome::Returned => 0,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; the result, in JSON.
    Completed(Vec<u8>),
    /// It runs again after this time.
    Retry {
        /// From now on, by the store's clock.
        after: Duration,
        /// The error of the attempt.
        error: String,
    },
    /// It failed for good.
    Failed {
        /// The error of the attempt.
        error: String,
    },
    /// It is not yet time: it runs again after this, and the attempt is not charged.
    Snoozed(Duration),
    /// The worker shuts down: ready at once, and the attempt is not charged.
    Returned,
}

/// The answer to a guarded transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a lost lease means that another worker has the job"]
pub enum Guarded {
    /// It happened, now or when the same was sent before.
    Held,
    /// The lease has ended or another fence has the job; nothing happened.
    LeaseLost,
}
