//! The time on this thread: the machine's, or a simulation's.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timer::Timer;

thread_local! {
    /// The timer of the simulation that this thread belongs to. Dropped by the guard that takes
    /// it out: a thread-local without a destructor lasts as long as its thread, and can be used in
    /// the destructors of a user's own.
    static SIMULATED: RefCell<Option<ManuallyDrop<Arc<Timer>>>> = const { RefCell::new(None) };
}

/// The current instant, by the clock that sleeps go by.
///
/// In a [simulation](crate::sim) that is the simulation's clock; everywhere else it is
/// [`Instant::now`].
///
/// ```
/// use laneway::time::{now, sleep_until};
/// use std::time::Duration;
///
/// let deadline = now() + Duration::from_millis(1);
/// laneway::block_on(sleep_until(deadline));
/// assert!(now() >= deadline);
/// ```
#[must_use]
pub fn now() -> Instant {
    with_simulated(|timer| timer.now()).unwrap_or_else(Instant::now)
}

/// A timer that sleeps are armed in. The process's is there for good, and is not counted: all
/// threads would fight over the count.
#[derive(Debug)]
pub(crate) enum TimerRef {
    Process,
    Simulated(Arc<Timer>),
}

impl Deref for TimerRef {
    type Target = Timer;

    fn deref(&self) -> &Timer {
        match self {
            TimerRef::Process => Timer::global(),
            TimerRef::Simulated(timer) => timer,
        }
    }
}

/// The timer that this thread's sleeps are armed in.
pub(crate) fn timer() -> TimerRef {
    with_simulated(Arc::clone).map_or(TimerRef::Process, TimerRef::Simulated)
}

/// For how long the simulation that this thread belongs to has been running, by its own clock.
pub(crate) fn simulated() -> Option<Duration> {
    with_simulated(|timer| timer.elapsed())
}

fn with_simulated<R>(f: impl FnOnce(&Arc<Timer>) -> R) -> Option<R> {
    SIMULATED.with_borrow(|timer| timer.as_deref().map(f))
}

/// Lets this thread go by a simulation's clock until the guard is dropped.
#[must_use]
pub(crate) fn enter(timer: Arc<Timer>) -> Entered {
    Entered {
        outer: SIMULATED.replace(Some(ManuallyDrop::new(timer))),
    }
}

/// Puts back, when it is dropped, the clock that the thread had before.
pub(crate) struct Entered {
    outer: Option<ManuallyDrop<Arc<Timer>>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let inner = SIMULATED.replace(self.outer.take());
        drop(inner.map(ManuallyDrop::into_inner));
    }
}
