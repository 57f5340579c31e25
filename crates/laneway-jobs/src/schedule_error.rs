//! Why a schedule is none.

use std::fmt;
use std::time::Duration;

/// Why a schedule is none. It holds what was given.
///
/// ```
/// use laneway_jobs::ScheduleError;
///
/// let error = ScheduleError::Never("0 0 30 FEB *".to_owned());
/// assert!(error.to_string().contains("name a day that exists"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The name is empty, too long, or has other characters than those that are allowed.
    Name(String),
    /// The pattern, the time of day or the time zone is none; why, in words.
    Pattern(String),
    /// No time ever matches this pattern.
    Never(String),
    /// The period is shorter than a second, or no whole number of seconds.
    Period(Duration),
    /// Every missed instant is to run, but jobs of the schedule may not run beside each other.
    AllAtOnce,
}

/// How many characters a name may have.
pub(crate) const NAME_LIMIT: usize = 100;

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScheduleError::Name(name) => write!(
                f,
                "{name:?} is no name of a schedule: write 1 to {NAME_LIMIT} letters, digits, \
                 spaces and \"-_./:\", without spaces at the ends"
            ),
            ScheduleError::Pattern(why) => f.write_str(why),
            ScheduleError::Never(pattern) => write!(
                f,
                "no time ever matches {pattern:?}: name a day that exists"
            ),
            ScheduleError::Period(period) => write!(
                f,
                "a schedule cannot have a period of {period:?}: take whole seconds, 1 at least"
            ),
            ScheduleError::AllAtOnce => f.write_str(
                "with `Missed::All` several jobs are enqueued at once, of which only one would \
                 run: add `.if_unfinished(IfUnfinished::Allow)`",
            ),
        }
    }
}

impl std::error::Error for ScheduleError {}
