//! How a handler says that its attempt failed, or that it is too early.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A handler's error. Every [`Error`] becomes one by `?`, and then the worker's [`Retry`] rule
/// says when the job is tried again; [`Retry::after`], [`Retry::never`] and [`Snooze`] say it for
/// this attempt. The store keeps the first 64 KiB of its message.
///
/// ```
/// use laneway_jobs::{JobError, Retry, Snooze};
/// use std::time::Duration;
///
/// fn charge(status: u16) -> Result<(), JobError> {
///     match status {
///         200 => Ok(()),
///         402 => Err(Retry::never("the card was refused")),
///         429 => Err(Snooze(Duration::from_secs(60)).into()),
///         _ => Err(std::io::Error::other("the bank does not answer"))?,
///     }
/// }
/// assert_eq!(charge(402).unwrap_err().to_string(), "the card was refused");
/// ```
///
/// [`Retry`]: crate::Retry
/// [`Retry::after`]: crate::Retry::after
/// [`Retry::never`]: crate::Retry::never
pub struct JobError {
    pub(crate) next: Next,
    pub(crate) message: String,
}

/// When a failed job runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// When the worker's rule says.
    ByRule,
    After(Duration),
    Never,
    /// After this time, and the attempt is not charged.
    Snooze(Duration),
}

/// It is not yet time: the job runs again after this, and the attempt is not charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snooze(pub Duration);

impl JobError {
    /// An error with this message.
    pub fn new(message: impl fmt::Display) -> JobError {
        JobError::with(Next::ByRule, message)
    }

    pub(crate) fn with(next: Next, message: impl fmt::Display) -> JobError {
        JobError {
            next,
            message: message.to_string(),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.message, self.next)
    }
}

impl<E: Error> From<E> for JobError {
    /// The error's message, and those of its sources.
    fn from(error: E) -> JobError {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        JobError::new(message)
    }
}

impl From<Snooze> for JobError {
    fn from(snooze: Snooze) -> JobError {
        JobError::with(Next::Snooze(snooze.0), "it is not yet time")
    }
}
