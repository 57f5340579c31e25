//! The time on this thread: the machine's, or a simulation's.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timer::Timer;

thread_local! {
    /// The timer of the simulation that this thread belongs to.
    static SIMULATED: RefCell<Option<Arc<Timer>>> = const { RefCell::new(None) };

    /// Whether there is one. Every look at the clock reads this first: it has no destructor, so
    /// that the read needs no check whether the thread-local still exists.
    static IS_SIMULATED: Cell<bool> = const { Cell::new(false) };
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
    if !IS_SIMULATED.get() {
        return None;
    }
    // A thread that is ending may have lost it already; it goes by the machine's clock.
    let seen = SIMULATED.try_with(|timer| timer.borrow().as_ref().map(f));
    seen.ok().flatten()
}

/// Lets this thread go by a simulation's clock until the guard is dropped.
#[must_use]
pub(crate) fn enter(timer: Arc<Timer>) -> Entered {
    let outer = SIMULATED.replace(Some(timer));
    IS_SIMULATED.set(true);
    Entered { outer }
}

/// Puts back the clock before.
pub(crate) struct Entered {
    outer: Option<Arc<Timer>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        IS_SIMULATED.set(self.outer.is_some());
        SIMULATED.set(self.outer.take());
    }
}
