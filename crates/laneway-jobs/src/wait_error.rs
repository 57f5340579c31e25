//! Why a wait for a job gives no result.

use std::fmt;

use crate::payload::PayloadError;
use crate::store::StoreError;

/// Why a wait for a job gives no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// There is no such job; it may have been pruned.
    Missing,
    /// It failed for good; its last error.
    Failed(String),
    /// It was cancelled.
    Cancelled,
    /// Workers were lost with it too often; it is in quarantine.
    Quarantined,
    /// Its result is none of the type that was asked for.
    Payload(PayloadError),
    /// The store could not be asked.
    Store(StoreError),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::Missing => f.write_str("there is no such job; it may have been pruned"),
            WaitError::Failed(error) => write!(f, "the job failed: {error}"),
            WaitError::Cancelled => f.write_str("the job was cancelled"),
            WaitError::Quarantined => f.write_str(
                "workers were lost with the job three times; look at it and retry it by hand",
            ),
            WaitError::Payload(error) => error.fmt(f),
            WaitError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WaitError {}
