//! The timer: a wheel, and a thread that turns it.
//!
//! There is one for the whole process, since sleeping works outside of any runtime too. Its thread
//! starts with the first sleep, waits for the nearest deadline and for nothing else, and while no
//! task sleeps it waits without a timeout.
//!
//! A waker may run code of the user's on that thread: a future whose last reference it holds is
//! dropped there, and a destructor may wait for a sleep. So the thread [hands over](hand_over)
//! before it blocks: another one wakes the rest, and turns the wheel from then on.
//!
//! A simulation has a timer of its own, without a thread: it moves the clock itself.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::wheel::{SleeperKey, Tick, Wheel};
use crate::ground::os_thread;
use crate::ground::poll::firing;
use crate::ground::shield::{log_warning, shielded};
use crate::ground::sync::unpoisoned;

/// The length of a tick. A sleep ends this much late at the most, besides what the operating system
/// takes to wake a thread.
const TICK: Duration = Duration::from_micros(100);

const TICKS_PER_SECOND: Tick = 1_000_000_000 / TICK.as_nanos() as Tick;

/// A deadline no earlier than this, in 100,000 years, never comes. So a simulation whose sleepers
/// all wait for ever says so, and does not run its clock to the last time that it can tell.
const NEVER: Tick = 100_000 * 365 * 24 * 60 * 60 * TICKS_PER_SECOND;

/// Room for this many wakers is kept between two turns.
const KEPT: usize = 1024;

static GLOBAL: LazyLock<Timer> = LazyLock::new(|| Timer::new(Clock::Machine));

/// A wheel behind a lock, and the clock that turns it.
#[derive(Debug)]
pub(crate) struct Timer {
    /// Tick 0.
    epoch: Instant,
    clock: Clock,
    state: Mutex<State>,
    /// How far the wheel has turned, for threads that would take the lock to learn no more than
    /// that. On a cache line of its own, away from the lock.
    turned: CachePadded<AtomicU64>,
    /// A sleeper came that is due before the thread would look again.
    sooner: Condvar,
}

#[derive(Debug)]
struct State {
    wheel: Wheel,
    thread: Turner,
}

/// Where a timer gets the time from.
#[derive(Debug)]
enum Clock {
    Machine,
    /// It stands at this tick until it is moved.
    Simulated(AtomicU64),
}

/// The state of the thread that turns the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turner {
    /// There is none: the clock is simulated.
    Absent,
    NotStarted,
    /// It will look at the wheel before it sleeps again.
    Turning,
    /// It sleeps until this tick, or without end.
    Waiting(Option<Tick>),
}

impl Timer {
    fn new(clock: Clock) -> Timer {
        let thread = match clock {
            Clock::Machine => Turner::NotStarted,
            Clock::Simulated(_) => Turner::Absent,
        };
        Timer {
            epoch: Instant::now(),
            clock,
            state: Mutex::new(State {
                wheel: Wheel::new(),
                thread,
            }),
            turned: CachePadded::new(AtomicU64::new(0)),
            sooner: Condvar::new(),
        }
    }

    /// A timer whose clock stands still until it is [moved](Timer::move_on).
    pub(crate) fn simulated() -> Timer {
        Timer::new(Clock::Simulated(AtomicU64::new(0)))
    }

    /// The present time.
    pub(crate) fn now(&self) -> Instant {
        match &self.clock {
            Clock::Machine => Instant::now(),
            Clock::Simulated(tick) => self.instant_of(tick.load(Ordering::Relaxed)),
        }
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now() - self.epoch
    }

    /// Moves a simulated clock to when the next sleepers are due, and wakes them. `false`: there is
    /// no sleeper.
    pub(crate) fn move_on(&self) -> bool {
        let Clock::Simulated(clock) = &self.clock else {
            unreachable!("the machine's clock moves by itself");
        };
        let mut due = Vec::new();
        let mut state = self.lock();
        while due.is_empty() {
            let Some(next) = state.wheel.next_turn() else {
                return false;
            };
            // Relaxed: one thread at a time takes part in a simulation, and handing over to the
            // next synchronises.
            clock.store(next, Ordering::Relaxed);
            self.turn_to(next, &mut state.wheel, &mut due);
        }
        // Unlock before waking: what is woken may sleep again at once.
        drop(state);
        due.into_iter().for_each(wake);
        true
    }

    /// The process's timer.
    pub(crate) fn global() -> &'static Timer {
        &GLOBAL
    }

    /// Wakes `waker` at `deadline`, or soon if that has passed. `None`: that never comes.
    pub(crate) fn arm(&self, deadline: Instant, waker: Waker) -> Option<SleeperKey> {
        let due = self.tick_after(deadline)?;
        Some(self.insert(self.lock(), due, waker))
    }

    /// Moves a sleeper to another deadline. If its time has come already, it is entered anew: its
    /// waker, which has been woken, is this one. `None`: the new deadline never comes.
    pub(crate) fn move_to(
        &self,
        key: SleeperKey,
        deadline: Instant,
        waker: &Waker,
    ) -> Option<SleeperKey> {
        let Some(due) = self.tick_after(deadline) else {
            self.disarm(key);
            return None;
        };
        let mut state = self.lock();
        match state.wheel.remove(key) {
            Some(armed) => Some(self.insert(state, due, armed)),
            None => {
                // Cloned without the lock: that may run what sleeps.
                drop(state);
                self.arm(deadline, waker.clone())
            }
        }
    }

    fn insert(&self, mut state: MutexGuard<'_, State>, due: Tick, waker: Waker) -> SleeperKey {
        // First: if no thread can be had, nothing is left behind.
        if state.thread == Turner::NotStarted
            && let Err(error) = start_first_thread(&mut state)
        {
            // Unlock before the panic, whose hook may ask the timer. The next sleeper tries again.
            drop(state);
            panic!("no thread could be started for the timer: {error}");
        }
        let key = state.wheel.insert(due, waker);
        match state.thread {
            Turner::Waiting(until) if until.is_none_or(|until| due < until) => {
                // Turning from now on: the thread need not be told again.
                state.thread = Turner::Turning;
                drop(state);
                self.sooner.notify_one();
            }
            Turner::Turning => {
                drop(state);
                // A sleep on the timer's own thread: its waker may wait for it.
                hand_over();
            }
            Turner::Absent | Turner::NotStarted | Turner::Waiting(_) => {}
        }
        key
    }

    /// Lets another waker be woken. `false`: the deadline has come.
    pub(crate) fn rearm(&self, key: SleeperKey, waker: &Waker) -> bool {
        match self.lock().wheel.waker_mut(key) {
            None => return false,
            Some(armed) if armed.will_wake(waker) => return true,
            Some(_) => {}
        }
        // Cloned, and the one before dropped, without the lock: either may run what sleeps.
        let mut other = waker.clone();
        let still_armed = match self.lock().wheel.waker_mut(key) {
            Some(armed) => {
                std::mem::swap(armed, &mut other);
                true
            }
            None => false,
        };
        drop(other);
        still_armed
    }

    /// Whether a sleeper's time has come, as far as the wheel has turned. Its place is another's
    /// from then on.
    pub(crate) fn has_passed(&self, key: SleeperKey) -> bool {
        // Acquire; pairs with the Release in `turn_to`, so that a clock that is read after this
        // is not behind the one that the wheel was turned by.
        key.due() <= self.turned.load(Ordering::Acquire)
    }

    /// Forgets a sleeper.
    pub(crate) fn disarm(&self, key: SleeperKey) {
        if self.has_passed(key) {
            return;
        }
        let waker = self.lock().wheel.remove(key);
        // Dropped here, after the lock.
        drop(waker);
    }

    /// How many sleep.
    pub(crate) fn armed(&self) -> usize {
        self.lock().wheel.len()
    }

    /// The first tick at or after an instant, if that comes.
    fn tick_after(&self, instant: Instant) -> Option<Tick> {
        let since_epoch = instant.saturating_duration_since(self.epoch);
        let tick = ticks(since_epoch, |nanos| nanos.div_ceil(TICK.subsec_nanos()));
        (tick < NEVER).then_some(tick)
    }

    /// The last tick that has begun by an instant.
    fn tick_at(&self, instant: Instant) -> Tick {
        let since_epoch = instant.saturating_duration_since(self.epoch);
        ticks(since_epoch, |nanos| nanos / TICK.subsec_nanos())
    }

    /// The thread's life, until it hands over to another one. It begins with those that are due and
    /// were left to it.
    fn turn(&self, left: VecDeque<Waker>) {
        LEFT.set(left);
        TURNS.set(true);
        let mut due = Vec::new();
        loop {
            while let Some(waker) = LEFT.with_borrow_mut(VecDeque::pop_front) {
                wake(waker);
            }
            if !TURNS.get() {
                return;
            }
            // A crowd that was due at once leaves no more memory than this.
            LEFT.with_borrow_mut(|left| left.shrink_to(KEPT));
            due.shrink_to(KEPT);
            self.wait_for_due(&mut due);
            LEFT.with_borrow_mut(|left| left.extend(due.drain(..)));
        }
    }

    /// Turns the wheel until there are sleepers whose time has come.
    fn wait_for_due(&self, due: &mut Vec<Waker>) {
        let mut state = self.lock();
        loop {
            self.turn_to(self.tick_at(Instant::now()), &mut state.wheel, due);
            if !due.is_empty() {
                state.thread = Turner::Turning;
                // Unlocked before these are woken: they may sleep again at once.
                return;
            }
            state = self.wait(state);
        }
    }

    fn turn_to(&self, tick: Tick, wheel: &mut Wheel, due: &mut Vec<Waker>) {
        wheel.turn_to(tick, due);
        self.turned.store(wheel.now(), Ordering::Release);
    }

    /// Waits until something may be due.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let next = state.wheel.next_turn();
        state.thread = Turner::Waiting(next);
        let Some(next) = next else {
            let woken = self.sooner.wait(state);
            return unpoisoned(woken);
        };
        let left = self
            .instant_of(next)
            .saturating_duration_since(Instant::now());
        let woken = self.sooner.wait_timeout(state, left);
        unpoisoned(woken).0
    }

    /// When a tick begins. Where the clock cannot say, late enough to be looked at again.
    fn instant_of(&self, tick: Tick) -> Instant {
        let within_second = u32::try_from(tick % TICKS_PER_SECOND).expect("less than a second");
        let since_epoch = Duration::from_secs(tick / TICKS_PER_SECOND) + TICK * within_second;
        let far = Duration::from_secs(60 * 60 * 24);
        let instant = self.epoch.checked_add(since_epoch);
        instant.unwrap_or_else(|| Instant::now() + far)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is fine: the wheel is whole between any two of its calls.
        unpoisoned(self.state.lock())
    }
}

thread_local! {
    /// Whether this thread turns the wheel of the process's timer.
    static TURNS: Cell<bool> = const { Cell::new(false) };

    /// On that thread, those that are due and not woken yet.
    static LEFT: RefCell<VecDeque<Waker>> = const { RefCell::new(VecDeque::new()) };
}

/// To be called before this thread blocks: if it turns the wheel, another one does so from now on.
#[inline]
pub(crate) fn hand_over() {
    if TURNS.get() {
        hand_over_from_here();
    }
}

#[cold]
fn hand_over_from_here() {
    // It stays the timer's if no other can be had: better late sleeps than none.
    match start_thread(LEFT.take()) {
        Ok(()) => TURNS.set(false),
        Err((error, left)) => {
            LEFT.set(left);
            log_warning(format_args!(
                "the thread of the timer may block in a waker, which holds up all sleeps, and no \
                 other can take its place: {error}"
            ));
        }
    }
}

/// Starts the thread of the process's timer, the only one to have any.
fn start_first_thread(state: &mut State) -> io::Result<()> {
    start_thread(VecDeque::new()).map_err(|(error, _none_left)| error)?;
    state.thread = Turner::Turning;
    Ok(())
}

/// Starts a thread that turns the wheel. Gives back those that were left to it if it cannot be had.
fn start_thread(left: VecDeque<Waker>) -> Result<(), (io::Error, VecDeque<Waker>)> {
    // Handed over by a channel, so that they are not lost with a thread that never starts.
    let (sender, receiver) = mpsc::sync_channel(1);
    let builder = thread::Builder::new().name("laneway-timer".to_owned());
    let started = os_thread::spawn(builder, move || {
        // Each sleep in the process ends by this thread.
        os_thread::shorten_slices();
        if let Ok(left) = receiver.recv() {
            Timer::global().turn(left);
        }
    });
    match started {
        Ok(_detached) => {
            let handed_over = sender.send(left);
            handed_over.expect("the thread waits for them");
            Ok(())
        }
        Err(error) => Err((error, left)),
    }
}

/// How many ticks make a duration. A second is a whole number of them; `of_nanos` tells how to
/// round what is left.
fn ticks(duration: Duration, of_nanos: impl FnOnce(u32) -> u32) -> Tick {
    let of_seconds = duration.as_secs().saturating_mul(TICKS_PER_SECOND);
    of_seconds.saturating_add(of_nanos(duration.subsec_nanos()).into())
}

/// Wakes a sleeper that is due. The thread that turns the wheel serves all of them: it survives a
/// waker that panics.
fn wake(due: Waker) {
    firing(|| shielded("the waker of a sleep", || due.wake()));
}
