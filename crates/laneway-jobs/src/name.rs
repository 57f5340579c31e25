//! Names of kinds, queues, workers and steps, and unique keys: texts that every store can keep.

use std::fmt;

/// The most bytes that the name of a kind, a queue or a worker may have.
pub const NAME_LIMIT: usize = 255;
/// The most bytes that a unique key or the name of a step may have.
pub const KEY_LIMIT: usize = 2_048;

/// Why a text is no name. It says what the text should have named.
///
/// ```
/// use laneway_jobs::sqlite::SqliteStore;
/// use laneway_jobs::{EnqueueError, IfExists, Job, Jobs, KEY_LIMIT, NameError};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)]
/// # struct Greet;
/// # impl Job for Greet {
/// #     const KIND: &'static str = "greet";
/// # }
///
/// let jobs = Jobs::new(SqliteStore::memory()?);
/// let long = "x".repeat(KEY_LIMIT + 1);
/// let refused = laneway::block_on(async {
///     jobs.enqueue(Greet).unique(long, IfExists::Keep).await
/// });
/// assert!(matches!(refused, Err(EnqueueError::Name(NameError::TooLong { bytes: 2_049, .. }))));
/// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It has too many bytes: [`NAME_LIMIT`] and [`KEY_LIMIT`].
    TooLong {
        /// The thing that has the name.
        named: &'static str,
        /// How many bytes the name has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It has a character of code zero, which not every store can keep.
    Zero {
        /// The thing that has the name.
        named: &'static str,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::TooLong {
                named,
                bytes,
                limit,
            } => write!(
                f,
                "{bytes} bytes are more than the {limit} that {named} may have; shorten it, or \
                 take a hash of it"
            ),
            NameError::Zero { named } => {
                write!(f, "{named} has a character of code zero; leave it out")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// A name of at most [`NAME_LIMIT`] bytes.
pub(crate) fn check_name(named: &'static str, name: &str) -> Result<(), NameError> {
    check(named, name, NAME_LIMIT)
}

/// A name of at most [`KEY_LIMIT`] bytes.
pub(crate) fn check_key(named: &'static str, key: &str) -> Result<(), NameError> {
    check(named, key, KEY_LIMIT)
}

fn check(named: &'static str, name: &str, limit: usize) -> Result<(), NameError> {
    match name.len() {
        _ if name.contains('\0') => Err(NameError::Zero { named }),
        bytes if bytes > limit => Err(NameError::TooLong {
            named,
            bytes,
            limit,
        }),
        _ => Ok(()),
    }
}

/// Text for people. A character of code zero, which not every store can keep, becomes another one.
pub(crate) fn kept_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
