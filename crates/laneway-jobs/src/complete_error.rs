//! Why a holder could not keep what it did.

use std::fmt;

use crate::payload::PayloadError;
use crate::store::StoreError;

/// Why a holder could not complete its job, or keep a step or its progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompleteError {
    /// The lease has ended: another worker may have the job. Roll back, and stop.
    LeaseLost,
    /// The value is none that can be stored, or read back as this type.
    Payload(PayloadError),
    /// The store could not.
    Store(StoreError),
    /// The transaction is one of another kind of database than the store's.
    OtherDatabase,
}

impl fmt::Display for CompleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompleteError::LeaseLost => f.write_str(
                "the lease of this job has ended, and another worker may have it; \
                 roll back and stop",
            ),
            CompleteError::Payload(error) => error.fmt(f),
            CompleteError::Store(error) => error.fmt(f),
            CompleteError::OtherDatabase => f.write_str(
                "the jobs are in another kind of database than the transaction; \
                 open both on the same one",
            ),
        }
    }
}

impl std::error::Error for CompleteError {}
