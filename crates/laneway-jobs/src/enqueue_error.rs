//! Why a job could not be enqueued.

use std::fmt;

use crate::name::NameError;
use crate::payload::PayloadError;
use crate::store::StoreError;

/// Why a job could not be enqueued. None of the jobs of the call has been.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnqueueError {
    /// Its payload is none.
    Payload(PayloadError),
    /// Its kind, its queue or its unique key is no name.
    Name(NameError),
    /// The store could not.
    Store(StoreError),
    /// The transaction is one in another database than the store's.
    OtherDatabase,
    /// A job that waits for others, or that begins a chain, has a unique key.
    WaitingUnique,
    /// A job has a unique key and a limit key.
    TwoKeys,
}

impl fmt::Display for EnqueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnqueueError::Payload(error) => error.fmt(f),
            EnqueueError::Name(error) => error.fmt(f),
            EnqueueError::Store(error) => error.fmt(f),
            EnqueueError::OtherDatabase => f.write_str(
                "the jobs are in another database than the transaction; open both on the same one",
            ),
            EnqueueError::WaitingUnique => f.write_str(
                "a link of a chain, or the job that follows a batch, cannot be unique, since \
                 another job may have its key when its wait ends; leave the key away",
            ),
            EnqueueError::TwoKeys => f.write_str(
                "a job has a unique key or a limit key, and not both; leave one of them away",
            ),
        }
    }
}

impl std::error::Error for EnqueueError {}
