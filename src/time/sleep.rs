//! A future that is ready when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::clock::{self, TimerRef, now};
use super::wheel::Key;
use crate::executor::telling;

/// Waits for so long. A duration beyond what the clock can say, such as [`Duration::MAX`], means
/// for ever.
///
/// The time runs from the call, not from the first poll. It ends up to a tenth of a millisecond
/// late, besides what the operating system takes to wake a thread; never early.
///
/// # Cancellation
///
/// Dropping the sleep takes it out of the timer; nothing of it is left.
///
/// ```
/// use laneway::time::sleep;
/// use std::time::{Duration, Instant};
///
/// let started = Instant::now();
/// laneway::block_on(sleep(Duration::from_millis(5)));
/// assert!(started.elapsed() >= Duration::from_millis(5));
/// ```
#[doc(alias("delay", "Timer"))]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(now().checked_add(duration))
}

/// Waits until an instant. One that has passed is fine: the sleep is ready at once.
///
/// Otherwise as [`sleep`].
///
/// ```
/// use laneway::time::sleep_until;
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// laneway::block_on(sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
#[doc(alias("delay_until", "Timer"))]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(Some(deadline))
}

/// A wait for a point in time. Made by [`sleep`] and [`sleep_until`].
///
/// ```
/// use laneway::time::sleep;
/// use std::time::Duration;
///
/// let forever = sleep(Duration::MAX);
/// assert_eq!(forever.deadline(), None);
/// assert!(!forever.is_elapsed());
/// ```
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    /// None: never.
    deadline: Option<Instant>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not known to the timer.
    Idle,
    Armed(TimerRef, Key),
}

impl Sleep {
    fn new(deadline: Option<Instant>) -> Sleep {
        Sleep {
            deadline,
            state: State::Idle,
        }
    }

    /// A sleep without an end.
    pub(crate) fn forever() -> Sleep {
        Sleep::new(None)
    }

    /// When it ends, or `None` for one that never does.
    ///
    /// ```
    /// use laneway::time::sleep_until;
    /// use std::time::Instant;
    ///
    /// let now = Instant::now();
    /// assert_eq!(sleep_until(now).deadline(), Some(now));
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether its time has come.
    ///
    /// ```
    /// use laneway::time::{sleep, sleep_until};
    /// use std::time::{Duration, Instant};
    ///
    /// assert!(sleep_until(Instant::now()).is_elapsed());
    /// assert!(!sleep(Duration::from_secs(3600)).is_elapsed());
    /// ```
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now())
    }

    /// Sets another end, whether or not the first one has come.
    ///
    /// ```
    /// use laneway::time::sleep;
    /// use std::time::{Duration, Instant};
    ///
    /// let mut watch = sleep(Duration::from_secs(3600));
    /// watch.reset(Instant::now());
    /// laneway::block_on(watch);
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.disarm();
        self.deadline = Some(deadline);
    }

    /// Whether the timer has come past the deadline, so that the clock need not be asked.
    fn was_seen_to_end(&self) -> bool {
        match &self.state {
            State::Armed(timer, key) => timer.has_passed(*key),
            State::Idle => false,
        }
    }

    fn disarm(&mut self) {
        if let State::Armed(timer, key) = std::mem::replace(&mut self.state, State::Idle) {
            timer.disarm(key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if self.was_seen_to_end() || deadline <= now() {
            self.disarm();
            return Poll::Ready(());
        }
        let armed = match &self.state {
            State::Armed(timer, key) => timer.rearm(*key, cx.waker()),
            State::Idle => false,
        };
        if !armed {
            let timer = clock::timer();
            let key = timer.arm(deadline, cx.waker().clone());
            self.state = State::Armed(timer, key);
            telling::timer_armed(|| deadline.saturating_duration_since(now()));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}
