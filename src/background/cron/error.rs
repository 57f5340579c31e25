//! The reasons why there is no such time of day.

use std::error::Error;
use std::fmt;

/// Why a pattern, a time of day or a time zone is none. It holds what was given.
///
/// ```
/// use laneway::background::cron::{Cron, CronError};
///
/// let error = Cron::daily("3 o'clock", "Europe/Zurich").unwrap_err();
/// assert_eq!(error, CronError::Time("3 o'clock".to_owned()));
/// assert_eq!(
///     error.to_string(),
///     "\"3 o'clock\" is no time of day: write \"03:00\" or \"15:04:05\""
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronError {
    /// It is no pattern.
    #[non_exhaustive]
    Pattern {
        /// The pattern that was given.
        pattern: String,
        /// The reason why it is no pattern.
        reason: String,
    },
    /// No time ever matches this pattern, such as the 30th of February.
    Never(String),
    /// It is no time of day.
    Time(String),
    /// No time zone has this name.
    Zone(String),
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CronError::Pattern { pattern, reason } => write!(
                f,
                "{pattern:?} is no pattern of minute, hour, day of the month, month and day of the \
                 week, such as \"30 2 * * MON\": {reason}"
            ),
            CronError::Never(pattern) => {
                write!(
                    f,
                    "no time ever matches {pattern:?}: name a day that exists"
                )
            }
            CronError::Time(time) => write!(
                f,
                "{time:?} is no time of day: write \"03:00\" or \"15:04:05\""
            ),
            CronError::Zone(zone) => write!(
                f,
                "no time zone is called {zone:?}: write an IANA name, such as \"Europe/Zurich\""
            ),
        }
    }
}

impl Error for CronError {}
