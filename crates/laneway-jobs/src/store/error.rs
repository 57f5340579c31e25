//! Why a store could not do what it was asked.

use std::fmt;

/// A failure of the store itself. Expected outcomes, such as a lost lease, are values.
///
/// ```
/// use laneway_jobs::store::StoreError;
///
/// assert!(StoreError::Busy.to_string().contains("again"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot tell whether it happened. Send the same again: that is safe.
    OutcomeUnknown,
    /// Another process holds the database's lock. Nothing happened; try again.
    Busy,
    /// The database cannot be reached; what was tried last. Nothing happened; the store goes on
    /// trying.
    Unreachable(String),
    /// The disk is full. Nothing happened; make room, and the worker goes on by itself.
    Full,
    /// The database cannot be written.
    ReadOnly,
    /// Anything else, in the database's words. Nothing happened.
    Database(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::OutcomeUnknown => {
                f.write_str("the store's answer was lost; send the same again, which is safe")
            }
            StoreError::Busy => f.write_str("another process holds the database's lock; try again"),
            StoreError::Unreachable(message) => {
                write!(f, "the database cannot be reached ({message}); try again")
            }
            StoreError::Full => f.write_str("the disk is full; make room and try again"),
            StoreError::ReadOnly => f.write_str(
                "the database takes no writes; make the file and its folder writable for this \
                 user, or connect to a server that takes writes",
            ),
            StoreError::Database(message) => write!(f, "the database reports: {message}"),
        }
    }
}

impl std::error::Error for StoreError {}
