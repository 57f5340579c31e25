//! Why a holder could not keep what it did.

use std::fmt;

use crate::name::NameError;
use crate::payload::PayloadError;
use crate::store::StoreError;

/// The most bytes that the text of a progress may have: lists of jobs read it.
pub const PROGRESS_LIMIT: usize = 4_096;

/// Why a holder could not complete its job, or keep a step or its progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompleteError {
    /// The lease has ended: another worker may have the job. Roll back, and stop.
    LeaseLost,
    /// The value is none that can be stored, or read back as this type.
    Payload(PayloadError),
    /// The name of the step is none.
    Name(NameError),
    /// The text of the progress has more than [`PROGRESS_LIMIT`] bytes.
    LongProgress {
        /// How many it has.
        bytes: usize,
    },
    /// The store could not.
    Store(StoreError),
    /// The transaction is one in another database than the store's.
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
            CompleteError::Name(error) => error.fmt(f),
            CompleteError::LongProgress { bytes } => write!(
                f,
                "{bytes} bytes are more than the {PROGRESS_LIMIT} that a progress may tell; say it \
                 in short, and keep the rest as the value of a step"
            ),
            CompleteError::Store(error) => error.fmt(f),
            CompleteError::OtherDatabase => f.write_str(
                "the jobs are in another database than the transaction; open both on the same one",
            ),
        }
    }
}

impl std::error::Error for CompleteError {}
