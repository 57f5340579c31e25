//! The restarts of a background that panicked: after which pauses, and how many.
//!
//! Everything here is decided by instants that are handed in; nothing sleeps. `supervise.rs` acts
//! on the decisions.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a background restarts after a panic: after a pause that grows from panic to panic, and for
/// ever, unless [`at_most`](RestartPolicy::at_most) says otherwise.
///
/// A background that has run for as long as the longest pause without a panic counts as well
/// again: the next panic is followed by the first pause.
///
/// ```
/// use laneway::background::RestartPolicy;
/// use std::time::Duration;
///
/// let policy = RestartPolicy::new()
///     .backoff(Duration::from_millis(50), Duration::from_secs(5))
///     .at_most(10, Duration::from_secs(60));
/// assert_ne!(policy, RestartPolicy::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a policy does nothing until it is given to `restart`"]
pub struct RestartPolicy {
    first: Duration,
    longest: Duration,
    jitter: Jitter,
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    /// Each pause is between a half and the whole of what it would be.
    Half,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    restarts: u32,
    within: Duration,
}

impl RestartPolicy {
    /// Pauses of 100 ms, 200 ms and so on up to 30 s, shortened at random by up to a half;
    /// restarts for ever.
    ///
    /// ```
    /// use laneway::background::RestartPolicy;
    ///
    /// assert_eq!(RestartPolicy::new(), RestartPolicy::default());
    /// ```
    pub fn new() -> RestartPolicy {
        RestartPolicy {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(30),
            jitter: Jitter::Half,
            limit: None,
        }
    }

    /// Sets the first pause and the longest; from panic to panic it doubles. Default: 100 ms and
    /// 30 s. Zero for both: no pause.
    ///
    /// # Panics
    ///
    /// If the first is longer than the longest.
    ///
    /// ```
    /// use laneway::background::{RestartPolicy, Service};
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::now;
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// let steady = RestartPolicy::new().backoff(second, second).without_jitter();
    /// let run = Sim::seed(1).run(async move {
    ///     let divide = async |_: &mut (), n: u64| 100 / n;
    ///     let (shares, background) = Service::new().restart(steady).build(async || (), divide);
    ///     let _task = spawn_task!(background);
    ///     let began = now();
    ///     assert!(shares.call(0).await.is_err());
    ///     assert_eq!(shares.call(5).await, Ok(20));
    ///     now() - began
    /// });
    /// assert!(run?.output >= second);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    #[track_caller]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> RestartPolicy {
        assert!(
            first <= longest,
            "the first pause, {first:?}, is longer than the longest, {longest:?}"
        );
        self.first = first;
        self.longest = longest;
        self
    }

    /// Makes every pause exactly as long as it is set. By default it is shortened at random by up
    /// to a half, so that many backgrounds that failed together do not come back together.
    ///
    /// ```
    /// use laneway::background::RestartPolicy;
    ///
    /// assert_ne!(RestartPolicy::new().without_jitter(), RestartPolicy::new());
    /// ```
    pub fn without_jitter(mut self) -> RestartPolicy {
        self.jitter = Jitter::None;
        self
    }

    /// Gives up at the panic after which more than this number of restarts would fall within this
    /// time: the background ends with that panic, and further callers get
    /// [`CallError::Closed`](super::CallError::Closed). Default: never.
    ///
    /// ```
    /// use laneway::background::{CallError, RestartPolicy, Service};
    /// use laneway::{Runtime, block_on, Priority};
    /// use std::time::Duration;
    ///
    /// let once_an_hour = RestartPolicy::new()
    ///     .backoff(Duration::ZERO, Duration::ZERO)
    ///     .at_most(1, Duration::from_secs(3600));
    /// let (handle, background) = Service::new()
    ///     .restart(once_an_hour)
    ///     .build(async || (), async |_: &mut (), n: u64| 100 / n);
    ///
    /// let rt = Runtime::builder().build()?;
    /// let task = rt.spawn(background, Priority::Low).fallible();
    /// let panicked = CallError::Panicked("attempt to divide by zero".into());
    /// assert_eq!(block_on(handle.call(0)), Err(panicked.clone()));
    /// assert_eq!(block_on(handle.call(5)), Ok(20));
    /// assert_eq!(block_on(handle.call(0)), Err(panicked));
    /// let given_up = block_on(handle.call(5)).unwrap_err();
    /// assert!(given_up.close_reason().is_some());
    /// assert!(block_on(task).unwrap_err().is_panic());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn at_most(mut self, restarts: u32, within: Duration) -> RestartPolicy {
        self.limit = Some(Limit { restarts, within });
        self
    }
}

impl Default for RestartPolicy {
    fn default() -> RestartPolicy {
        RestartPolicy::new()
    }
}

/// The decision after a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    RestartAfter(Duration),
    GiveUp,
}

/// The restarts of one background so far.
#[derive(Debug)]
pub(super) struct Restarts {
    policy: RestartPolicy,
    /// Panics in a row without a time of health between them.
    in_a_row: u32,
    /// When the last restart was to be.
    last: Option<Instant>,
    /// The restarts within the limit's time: as many as the limit at most.
    recent: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(policy: RestartPolicy) -> Restarts {
        Restarts {
            policy,
            in_a_row: 0,
            last: None,
            recent: VecDeque::new(),
        }
    }

    /// Decides after a panic at `now`. `shortened` is drawn at random from 0 to 1.
    pub(super) fn after_panic(&mut self, now: Instant, shortened: f64) -> Decision {
        if let Some(limit) = self.policy.limit {
            let long_ago =
                |restart: &Instant| now.saturating_duration_since(*restart) >= limit.within;
            while self.recent.front().is_some_and(long_ago) {
                self.recent.pop_front();
            }
            if self.recent.len() >= limit.restarts as usize {
                return Decision::GiveUp;
            }
            self.recent.push_back(now);
        }
        if self.was_well(now) {
            self.in_a_row = 0;
        }
        let pause = self.policy.pause(self.in_a_row, shortened);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = now.checked_add(pause);
        Decision::RestartAfter(pause)
    }

    fn was_well(&self, now: Instant) -> bool {
        let ran = self.last.map(|last| now.saturating_duration_since(last));
        ran.is_some_and(|ran| ran >= self.policy.longest)
    }
}

impl RestartPolicy {
    fn pause(&self, in_a_row: u32, shortened: f64) -> Duration {
        let factor = 2_u32.checked_pow(in_a_row).unwrap_or(u32::MAX);
        let pause = self.first.saturating_mul(factor).min(self.longest);
        match self.jitter {
            // Not by a factor near one: that of the longest time would overflow.
            Jitter::Half => pause.saturating_sub(pause.mul_f64(shortened / 2.0)),
            Jitter::None => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pauses(restarts: &mut Restarts, at: impl IntoIterator<Item = Instant>) -> Vec<Decision> {
        let decide = |now| restarts.after_panic(now, 0.0);
        at.into_iter().map(decide).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RestartPolicy::new().backoff(10 * MS, 65 * MS);
        let mut restarts = Restarts::new(policy);
        let now = Instant::now();
        let expected = [10, 20, 40, 65, 65].map(|ms| Decision::RestartAfter(ms * MS));
        assert_eq!(pauses(&mut restarts, [now; 5]), expected);
        // However often.
        restarts.in_a_row = u32::MAX;
        assert_eq!(
            restarts.after_panic(now, 0.0),
            Decision::RestartAfter(65 * MS)
        );
    }

    #[test]
    fn a_time_of_health_begins_anew() {
        let policy = RestartPolicy::new().backoff(10 * MS, 80 * MS);
        let mut restarts = Restarts::new(policy);
        let start = Instant::now();
        // The second restart is at 20 + 20 = 40 ms; health begins to count there.
        let at = [0, 20, 40 + 79, 119 + 40 + 80].map(|ms| start + ms * MS);
        let expected = [10, 20, 40, 10].map(|ms| Decision::RestartAfter(ms * MS));
        assert_eq!(pauses(&mut restarts, at), expected);
    }

    #[test]
    fn jitter_takes_up_to_a_half() {
        let policy = RestartPolicy::new().backoff(100 * MS, 100 * MS);
        assert_eq!(policy.pause(0, 0.0), 100 * MS);
        assert_eq!(policy.pause(0, 0.5), 75 * MS);
        assert_eq!(policy.pause(0, 1.0), 50 * MS);
        assert_eq!(policy.without_jitter().pause(0, 1.0), 100 * MS);
        let policy = RestartPolicy::new().backoff(Duration::MAX, Duration::MAX);
        assert_eq!(policy.pause(0, 0.0), Duration::MAX);
        assert!(policy.pause(0, f64::EPSILON / 4.0) > Duration::MAX / 2);
    }

    #[test]
    fn the_limit_counts_what_is_recent() {
        let policy = RestartPolicy::new().backoff(MS, MS).at_most(2, 100 * MS);
        let mut restarts = Restarts::new(policy);
        let start = Instant::now();
        let at = [0, 50, 100, 149, 150].map(|ms| start + ms * MS);
        let again = Decision::RestartAfter(MS);
        let expected = [again, again, again, Decision::GiveUp, again];
        assert_eq!(pauses(&mut restarts, at), expected);
        let none = RestartPolicy::new().at_most(0, 100 * MS);
        assert_eq!(
            Restarts::new(none).after_panic(start, 0.0),
            Decision::GiveUp
        );
    }
}
