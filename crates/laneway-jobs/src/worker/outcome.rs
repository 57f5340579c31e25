//! The outcome of an attempt: a decision without effects.

use std::time::Duration;

use super::handlers::Handler;
use super::settings::Settings;
use crate::job_error::{JobError, Next};
use crate::name::kept_text;
use crate::retry::Retry;
use crate::store::{ClaimedJob, Outcome};

/// The attempt that was made, and the rule for the next one.
pub(super) struct Made<'r> {
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    pub(super) retry: &'r Retry,
}

impl<'r> Made<'r> {
    /// The attempt at a job, with the handler's own rule if it has one.
    pub(super) fn of(job: &ClaimedJob, handler: &'r Handler, settings: &'r Settings) -> Made<'r> {
        Made {
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            retry: handler.retry.as_ref().unwrap_or(&settings.retry),
        }
    }

    pub(super) fn outcome(&self, ended: Result<Vec<u8>, JobError>) -> Outcome {
        let error = match ended {
            Ok(result) => return Outcome::Completed(result),
            Err(error) => JobError {
                message: kept(error.message),
                ..error
            },
        };
        match error.next {
            Next::Snooze(wait) => Outcome::Snoozed(wait),
            Next::Never => Outcome::Failed {
                error: error.message,
            },
            Next::After(wait) => self.again(|| wait, error.message),
            Next::ByRule => self.again(|| self.retry.wait(self.attempt), error.message),
        }
    }

    fn again(&self, wait: impl FnOnce() -> Duration, error: String) -> Outcome {
        match self.attempt >= self.max_attempts {
            true => Outcome::Failed { error },
            false => Outcome::Retry {
                after: wait(),
                error,
            },
        }
    }
}

/// The most bytes of an error that are kept: lists of jobs read them.
const KEPT: usize = 64 * 1024;

fn kept(mut message: String) -> String {
    if message.len() > KEPT {
        let end = (0..=KEPT).rev().find(|&end| message.is_char_boundary(end));
        message.truncate(end.unwrap_or_default());
        message.push_str(" ... (it is longer)");
    }
    match message.contains('\0') {
        true => kept_text(&message),
        false => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(attempt: u32, error: JobError) -> Outcome {
        let retry = &Retry::fixed(SECOND);
        let made = Made {
            attempt,
            max_attempts: 2,
            retry,
        };
        made.outcome(Err(error))
    }

    #[test]
    fn the_last_attempt_fails_for_good_and_a_snooze_is_none() {
        let error = || "no".to_owned();
        let by_rule = Outcome::Retry {
            after: SECOND,
            error: error(),
        };
        assert_eq!(after(1, JobError::new("no")), by_rule);
        let asked = Outcome::Retry {
            after: 9 * SECOND,
            error: error(),
        };
        assert_eq!(after(1, Retry::after(9 * SECOND, "no")), asked);
        for last in [JobError::new("no"), Retry::after(SECOND, "no")] {
            assert_eq!(after(2, last), Outcome::Failed { error: error() });
        }
        assert_eq!(
            after(1, Retry::never("no")),
            Outcome::Failed { error: error() }
        );
        let snooze = crate::Snooze(SECOND).into();
        assert_eq!(after(2, snooze), Outcome::Snoozed(SECOND));
    }
}
