//! How long a failed job waits for its next attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::job_error::{JobError, Next};

/// How long a failed job waits for its next attempt.
///
/// ```
/// use laneway_jobs::Retry;
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// let retry = Retry::list([minute, 10 * minute]);
/// assert_eq!(retry.wait(1), minute);
/// assert_eq!(retry.wait(5), 10 * minute, "the last one goes on");
/// assert!(Retry::default().wait(40) <= Duration::from_secs(3600));
/// ```
#[derive(Clone)]
pub struct Retry(Rule);

#[derive(Clone)]
enum Rule {
    Exponential { base: Duration, cap: Duration },
    Linear { step: Duration, cap: Duration },
    List(Arc<[Duration]>),
    Own(Arc<dyn Fn(u32) -> Duration + Send + Sync>),
}

impl Default for Retry {
    /// Exponential from one second, at most an hour.
    fn default() -> Retry {
        Retry::exponential(Duration::from_secs(1), Duration::from_secs(3600))
    }
}

impl Retry {
    /// After the attempt n a random time up to `base * 2^(n - 1)`, and up to `cap`: full jitter, so
    /// that jobs that failed together do not come back together.
    #[must_use]
    pub fn exponential(base: Duration, cap: Duration) -> Retry {
        Retry(Rule::Exponential { base, cap })
    }

    /// Always this time.
    #[must_use]
    pub fn fixed(wait: Duration) -> Retry {
        Retry(Rule::List([wait].into()))
    }

    /// After the attempt n, `step * n`, and at most `cap`.
    #[must_use]
    pub fn linear(step: Duration, cap: Duration) -> Retry {
        Retry(Rule::Linear { step, cap })
    }

    /// These times, one after the other; then the last one again and again. An empty list is no
    /// wait.
    #[must_use]
    pub fn list(waits: impl IntoIterator<Item = Duration>) -> Retry {
        Retry(Rule::List(waits.into_iter().collect()))
    }

    /// A rule whose waits are the outputs of a function of the attempt, counted from 1.
    #[must_use]
    pub fn own(wait: impl Fn(u32) -> Duration + Send + Sync + 'static) -> Retry {
        Retry(Rule::Own(Arc::new(wait)))
    }

    /// The wait after this attempt, counted from 1.
    #[must_use]
    pub fn wait(&self, attempt: u32) -> Duration {
        match &self.0 {
            Rule::Exponential { base, cap } => {
                let doublings = attempt.saturating_sub(1).min(31);
                let most = base.saturating_mul(1 << doublings).min(*cap);
                most.mul_f64(fastrand::f64())
            }
            Rule::Linear { step, cap } => step.saturating_mul(attempt).min(*cap),
            Rule::List(waits) => {
                let place = (attempt.max(1) as usize - 1).min(waits.len().saturating_sub(1));
                waits.get(place).copied().unwrap_or_default()
            }
            Rule::Own(wait) => wait(attempt),
        }
    }

    /// An error after which the job waits for this time, whatever the rule says.
    pub fn after(wait: Duration, error: impl fmt::Display) -> JobError {
        JobError::with(Next::After(wait), error)
    }

    /// An error after which the job is not tried again.
    pub fn never(error: impl fmt::Display) -> JobError {
        JobError::with(Next::Never, error)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Exponential { base, cap } => write!(f, "exponential({base:?}, {cap:?})"),
            Rule::Linear { step, cap } => write!(f, "linear({step:?}, {cap:?})"),
            Rule::List(waits) => write!(f, "list({waits:?})"),
            Rule::Own(_) => f.write_str("own"),
        }
    }
}
