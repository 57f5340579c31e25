//! A future that is ready when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::clock::{self, TimerRef, now};
use super::wheel::SleeperKey;
use crate::executor::{seat, telling};
use crate::ground::poll::{self, budget};
use crate::ground::telemetry::event::Event;
use crate::ground::telemetry::observers::anyone_observes;

/// Waits for a time. More than 100,000 years, such as [`Duration::MAX`], means for ever.
///
/// The time runs from the call, not from the first poll. It ends up to a tenth of a millisecond
/// late, besides what the operating system takes to wake a thread; never early.
///
/// # Cancellation
///
/// Dropping the sleep takes it out of the timer; nothing of it is left.
///
/// # Panics
///
/// The first sleep of the process that waits starts the timer's thread: its poll panics if the
/// operating system refuses that, and the next one tries again.
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
/// It keeps the waker of the task that waits until it is polled again or dropped, also when the
/// timer has woken that: [`reset`](Sleep::reset) wakes the task anew. So where a hand-written
/// executor has wakers that own their futures, the executor is to drop the futures that sleep when
/// it ends: such a future, its sleep and its waker keep each other, for ever. So it is with
/// async-io's timers. Those of tokio let their wakers go at the deadline, and a reset after that
/// wakes nobody.
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
    /// Its place in the timer. Without meaning once the timer has come past the deadline.
    armed: Option<(TimerRef, SleeperKey)>,
    /// Of the task that waits: set by each poll that leaves it pending, until one finds it ready.
    /// A copy besides the timer's, for a reset to arm anew what the timer has woken already.
    waker: Option<Waker>,
}

impl Sleep {
    fn new(deadline: Option<Instant>) -> Sleep {
        Sleep {
            deadline,
            armed: None,
            waker: None,
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
    /// A task that waits goes on to wait, until the new end: it is woken then, without having
    /// polled the sleep again, and at once if the new end has passed. One that has seen the sleep
    /// end does not wait any more.
    ///
    /// ```
    /// use laneway::time::sleep;
    /// use std::time::{Duration, Instant};
    ///
    /// let started = Instant::now();
    /// let mut watch = sleep(Duration::from_secs(3600));
    /// watch.reset(started + Duration::from_millis(5));
    /// laneway::block_on(watch);
    /// let waited = started.elapsed();
    /// assert!(waited >= Duration::from_millis(5) && waited < Duration::from_secs(3600));
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.set(Some(deadline));
    }

    /// As [`reset`](Sleep::reset), also to an end that never comes.
    pub(crate) fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
        let Some(waker) = &self.waker else {
            return self.disarm();
        };
        match deadline {
            None => self.disarm(),
            Some(deadline) if deadline <= now() => {
                waker.wake_by_ref();
                self.disarm();
            }
            Some(deadline) => self.arm(deadline),
        }
    }

    /// Whether the timer has come past the deadline, so that the clock need not be asked.
    fn was_seen_to_end(&self) -> bool {
        let armed = self.armed.as_ref();
        armed.is_some_and(|(timer, key)| timer.has_passed(*key))
    }

    /// Lets this waker be woken at the deadline, and no other.
    fn wait(&mut self, deadline: Instant, waker: &Waker) {
        let waits = match self.keep(waker) {
            // The waker that the timer has, if it is armed.
            Kept::Before => self.armed.is_some(),
            Kept::Now => self.rearm(waker),
        };
        if !waits {
            self.arm(deadline);
        }
    }

    /// Keeps the waker of the task that waits.
    fn keep(&mut self, waker: &Waker) -> Kept {
        match &self.waker {
            Some(kept) if kept.will_wake(waker) => Kept::Before,
            _ => {
                self.waker = Some(waker.clone());
                Kept::Now
            }
        }
    }

    /// Arms it for the task that waits, or moves it if it is armed. The timer does not take a
    /// deadline that never comes.
    fn arm(&mut self, deadline: Instant) {
        let waker = self.waker.as_ref().expect("a task waits");
        let armed = match self.armed.take() {
            Some((timer, key)) => {
                let key = timer.move_to(key, deadline, waker);
                key.map(|key| (timer, key))
            }
            None => {
                let timer = clock::timer();
                let key = timer.arm(deadline, waker.clone());
                key.map(|key| (timer, key))
            }
        };
        self.armed = armed;
        tell_of_wait(|| deadline.saturating_duration_since(now()));
    }

    /// Gives the timer another waker. `false`: it is not armed, or has come to its end.
    fn rearm(&self, waker: &Waker) -> bool {
        let armed = self.armed.as_ref();
        armed.is_some_and(|(timer, key)| timer.rearm(*key, waker))
    }

    /// Its time has come. A sleep that has not waited may be put off.
    fn end(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.waker.is_none() && budget::is_used_up() {
            self.waker = Some(cx.waker().clone());
            return budget::put_off(cx);
        }
        budget::count_ready();
        self.disarm();
        self.waker = None;
        Poll::Ready(())
    }

    fn disarm(&mut self) {
        if let Some((timer, key)) = self.armed.take() {
            timer.disarm(key);
        }
    }
}

/// Since when a sleep has had the waker of its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Before,
    Now,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            self.keep(cx.waker());
            return Poll::Pending;
        };
        if self.was_seen_to_end() || deadline <= now() {
            return self.end(cx);
        }
        self.wait(deadline, cx.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Tells the observers that the task that is being polled on this thread begins to wait for the
/// timer, or sets anew how long a wait lasts.
fn tell_of_wait(wait: impl FnOnce() -> Duration) {
    if anyone_observes()
        && let Some((executor, task)) = poll::observed_task()
    {
        let by = seat::worker_of(executor);
        let after_us = u64::try_from(wait().as_micros()).unwrap_or(u64::MAX);
        telling::emit_to(executor, || Event::TimerArmed { task, by, after_us });
    }
}
