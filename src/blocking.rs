//! Closures that block: a pool of threads for them, beside those that run tasks.
//!
//! A task that blocks its thread (reads a file, computes for a second, waits for a lock) holds up
//! every task behind it. [`unblock`] hands the blocking part to a thread where that costs nobody
//! anything, and gives a future of its result.
//!
//! ```
//! use laneway::blocking::unblock;
//!
//! let manifest = unblock(|| std::fs::read_to_string("Cargo.toml"));
//! let text = laneway::block_on(manifest)?;
//! assert!(text.contains("laneway"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! There is one pool for the whole process, since blocking works outside of any runtime too. A
//! closure takes the thread that went idle last; if none is idle, a new thread starts, up to the
//! bound; beyond it, closures wait in a queue, in the order in which they came. A thread that
//! finds nothing for ten seconds leaves. Nobody looks around at intervals.
//!
//! The bound is 512, or what the environment variable `LANEWAY_BLOCKING_NUM` says. That many
//! threads mostly sleep in the operating system; for long computations it is far too many, and
//! a further queue with as many threads as there are cores
//! ([`with_queue`](crate::Builder::with_queue)) is the better place.
//!
//! On Linux a thread inherits the niceness of the thread that starts it. A pool that is first
//! used by low threads with a niceness ([`with_low_nice`](crate::Builder::with_low_nice)) has
//! nice threads.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use crate::executor::{JoinError, seat, shielded};
use crate::sync::{Mutex, MutexGuard, Thread, thread};

/// The environment variable that overrides how many threads there are at most: 1 to 10,000.
pub const BLOCKING_NUM_VARIABLE: &str = "LANEWAY_BLOCKING_NUM";

/// How many threads there are at most, by default: the number that tokio and smol chose, too.
const DEFAULT_BOUND: usize = 512;

/// More threads than this are refused: a mistyped number should not take the machine down.
const MAX_BOUND: usize = 10_000;

/// How long an idle thread waits for something to do.
const KEEP_IDLE: Duration = Duration::from_secs(10);

/// Runs a closure on a thread where it may block, and gives a future of its result.
///
/// The closure is handed over at once, before the future is polled. Inside of it, `spawn_task!`
/// uses the same runtime as the caller.
///
/// The queue of closures that wait for a thread has no bound; [`metrics`] tells how long it is.
///
/// # Cancellation
///
/// If the future is dropped before a thread has taken the closure, the closure never runs and is
/// dropped at once. One that has been taken runs to its end, and its output is dropped.
/// [`detach`](Unblock::detach) lets it run in either case.
///
/// Runtimes do not wait for closures when they shut down, and neither does the end of the process.
///
/// # Panics
///
/// Awaiting a closure that panicked continues the panic in the awaiter, with the original payload.
/// If nobody awaits it, it goes to the log, once.
///
/// The call itself panics if `LANEWAY_BLOCKING_NUM` holds anything but a number from 1 to 10,000,
/// or if the pool has no thread yet and the operating system refuses one. A refusal later on only
/// means that closures wait for the threads that are there.
///
/// ```
/// use laneway::blocking::unblock;
/// use laneway::spawn_task;
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// let task = spawn_task!(async move {
///     // A worker's thread would be stuck in `recv`, and with it the task that is to send.
///     let received = unblock(move || receiver.recv());
///     spawn_task!(async move { sender.send(42) }).detach();
///     received.await
/// });
/// assert_eq!(laneway::block_on(task), Ok(42));
/// ```
#[track_caller]
pub fn unblock<T: Send + 'static>(closure: impl FnOnce() -> T + Send + 'static) -> Unblock<T> {
    let given_at = Location::caller();
    with_pool(|pool| pool.submit(closure, given_at))
}

/// What the pool of blocking threads is doing. See [`BlockingMetrics`].
///
/// # Panics
///
/// If `LANEWAY_BLOCKING_NUM` holds anything but a number from 1 to 10,000.
///
/// ```
/// use laneway::blocking::{metrics, unblock};
///
/// let inside = laneway::block_on(unblock(metrics));
/// assert!(inside.threads > inside.idle, "one of them is busy with asking");
/// ```
#[must_use]
pub fn metrics() -> BlockingMetrics {
    with_pool(|pool| pool.metrics())
}

/// What the pool of blocking threads is doing at one moment. Made by [`metrics`].
///
/// ```
/// let metrics = laneway::blocking::metrics();
/// assert!(metrics.threads <= metrics.max_threads);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingMetrics {
    /// How many threads there may be.
    pub max_threads: usize,
    /// How many there are.
    pub threads: usize,
    /// How many of these have nothing to do.
    pub idle: usize,
    /// Closures that wait for a thread.
    pub queued: usize,
}

/// A closure on its way to its result. Made by [`unblock`], which says what dropping it does.
///
/// ```
/// use laneway::blocking::{Unblock, unblock};
///
/// let sum: Unblock<u64> = unblock(|| (1..=1_000).sum());
/// assert_eq!(laneway::block_on(sum), 500_500);
/// ```
#[must_use = "dropping it cancels the closure, if it has not begun: await it, or `detach()` it"]
pub struct Unblock<T> {
    slot: Arc<Slot<T>>,
    /// None once the result has been taken or the closure detached.
    place: Option<Place>,
}

impl<T> Unblock<T> {
    /// Lets the closure run although nobody waits for it. Its output is dropped; its panic goes to
    /// the log.
    ///
    /// ```
    /// use laneway::blocking::unblock;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// unblock(move || sender.send("ran").unwrap()).detach();
    /// assert_eq!(receiver.recv(), Ok("ran"));
    /// ```
    pub fn detach(mut self) {
        self.place = None;
        self.slot.abandon();
    }
}

impl<T> Future for Unblock<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let result = ready!(self.slot.poll(cx));
        self.place = None;
        Poll::Ready(result.unwrap_or_else(|payload| resume_unwind(payload)))
    }
}

impl<T> Drop for Unblock<T> {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        match place.pool.take_out(place.ticket) {
            Some(job) => shielded("a destructor of a closure that was not run", || drop(job)),
            None => self.slot.abandon(),
        }
    }
}

impl<T> fmt::Debug for Unblock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unblock")
            .field("given_at", &self.slot.given_at)
            .finish_non_exhaustive()
    }
}

/// Where a closure waits, if it still does.
struct Place {
    pool: Arc<Pool>,
    ticket: Ticket,
}

/// A closure's place in the queue. Lower ones go first; none is given twice.
type Ticket = u64;

/// What a closure panicked with, or its output.
type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// Where a closure's outcome meets its awaiter.
struct Slot<T> {
    stage: Mutex<Stage<T>>,
    given_at: &'static Location<'static>,
}

enum Stage<T> {
    /// Not there yet. The awaiter's waker, if it has been polled.
    Awaited(Option<Waker>),
    There(Outcome<T>),
    Taken,
    /// Not there yet, and nobody will take it.
    Abandoned,
}

impl<T> Slot<T> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let mut stage = lock(&self.stage);
        match &mut *stage {
            Stage::Awaited(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            Stage::Awaited(waker) => {
                let before = waker.replace(cx.waker().clone());
                // Unlock before dropping a waker: that may run code of the user's.
                drop(stage);
                drop(before);
                Poll::Pending
            }
            Stage::There(_) => match mem::replace(&mut *stage, Stage::Taken) {
                Stage::There(outcome) => Poll::Ready(outcome),
                _ => unreachable!("nobody else changes the stage while it is locked"),
            },
            Stage::Taken | Stage::Abandoned => panic!("an Unblock was polled after its end"),
        }
    }

    /// Called on the pool's thread.
    fn fill(&self, outcome: Outcome<T>) {
        let mut stage = lock(&self.stage);
        if let Stage::Abandoned = *stage {
            drop(stage);
            self.discard(outcome);
            return;
        }
        let before = mem::replace(&mut *stage, Stage::There(outcome));
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(stage);
        if let Stage::Awaited(Some(waker)) = before {
            shielded("the waker of a closure's awaiter", || waker.wake());
        }
    }

    /// Called when the awaiter goes away.
    fn abandon(&self) {
        let before = mem::replace(&mut *lock(&self.stage), Stage::Abandoned);
        if let Stage::There(outcome) = before {
            self.discard(outcome);
        }
    }

    /// Drops what nobody wants, whatever its destructor does. A panic is told to the log.
    fn discard(&self, outcome: Outcome<T>) {
        match outcome {
            Ok(output) => shielded("a destructor of a closure's output", || drop(output)),
            Err(payload) => {
                let panic = JoinError::panic(payload, self.given_at);
                shielded("the logger, or the payload of a closure's panic,", || {
                    log::error!("nobody awaits a closure given to unblock: {panic}");
                    drop(panic);
                });
            }
        }
    }
}

thread_local! {
    /// The pool of the simulation that this thread belongs to.
    static SIMULATED: RefCell<Option<Arc<Pool>>> = const { RefCell::new(None) };
}

/// Calls `f` with the pool that closures given on this thread go to.
fn with_pool<R>(f: impl FnOnce(&Arc<Pool>) -> R) -> R {
    let simulated = SIMULATED.with_borrow(Clone::clone);
    f(simulated.as_ref().unwrap_or_else(|| Pool::global()))
}

/// Gives the closures of this thread to a simulation's pool until the guard is dropped.
#[must_use]
pub(crate) fn enter(pool: Arc<Pool>) -> Entered {
    Entered {
        outer: SIMULATED.replace(Some(pool)),
    }
}

/// Puts back the pool before.
pub(crate) struct Entered {
    outer: Option<Arc<Pool>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        SIMULATED.set(self.outer.take());
    }
}

/// Threads, and the closures that wait for them.
pub(crate) struct Pool {
    max_threads: usize,
    keep_idle: Duration,
    launch: Launch,
    state: Mutex<State>,
}

/// Starts a thread of this name that serves the pool.
type Launch = fn(Arc<Pool>, String) -> io::Result<()>;

/// A closure, with the slot that its outcome goes to.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Each job in the queue has an idle thread that was told to come, or else every thread there may
/// be is busy. A busy thread looks at the queue before it goes idle.
#[derive(Default)]
struct State {
    queue: BTreeMap<Ticket, Job>,
    /// The next ticket.
    tickets: Ticket,
    /// Those that exist, busy or not.
    threads: usize,
    /// Those that park and have not been told to come. The last goes first, so that those that
    /// are not needed have their ten seconds.
    idle: Vec<Thread>,
    /// How many threads were ever started, for their names.
    started: u64,
}

impl Pool {
    fn new(max_threads: usize, keep_idle: Duration, launch: Launch) -> Arc<Pool> {
        Arc::new(Pool {
            max_threads,
            keep_idle,
            launch,
            state: Mutex::default(),
        })
    }

    /// A pool without threads, for who [takes](Pool::take_next) the closures itself.
    pub(crate) fn without_threads() -> Arc<Pool> {
        let none: Launch = |_pool, _name| unreachable!("a pool without threads starts none");
        Pool::new(0, KEEP_IDLE, none)
    }

    /// The process's pool.
    fn global() -> &'static Arc<Pool> {
        static GLOBAL: OnceLock<Arc<Pool>> = OnceLock::new();
        GLOBAL.get_or_init(|| match max_threads(env::var(BLOCKING_NUM_VARIABLE)) {
            Ok(max_threads) => Pool::new(max_threads, KEEP_IDLE, start_thread),
            Err(message) => panic!("{message}"),
        })
    }

    fn submit<T: Send + 'static>(
        self: &Arc<Pool>,
        closure: impl FnOnce() -> T + Send + 'static,
        given_at: &'static Location<'static>,
    ) -> Unblock<T> {
        let slot = Arc::new(Slot {
            stage: Mutex::new(Stage::Awaited(None)),
            given_at,
        });
        let (filled, runtime) = (slot.clone(), seat::current());
        let job = Box::new(move || {
            let _entered = runtime.map(seat::enter);
            filled.fill(catch_unwind(AssertUnwindSafe(closure)));
        });
        let place = Place {
            pool: self.clone(),
            ticket: self.push(job),
        };
        Unblock {
            slot,
            place: Some(place),
        }
    }

    fn push(self: &Arc<Pool>, job: Job) -> Ticket {
        let mut state = self.lock();
        let ticket = state.tickets;
        state.tickets += 1;
        state.queue.insert(ticket, job);
        if let Some(thread) = state.idle.pop() {
            // Unlock before waking: the woken thread's first act is to take this lock.
            drop(state);
            thread.unpark();
        } else if state.threads < self.max_threads
            && let Err(error) = self.start(&mut state)
            && state.threads == 0
        {
            let job = state.queue.remove(&ticket);
            drop(state);
            shielded("a destructor of a closure that cannot run", || drop(job));
            panic!("no thread could be started for blocking closures: {error}");
        }
        ticket
    }

    /// Whether a job waits.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// Takes the job that has waited longest.
    pub(crate) fn take_next(&self) -> Option<Job> {
        self.lock().queue.pop_first().map(|(_ticket, job)| job)
    }

    /// Takes a job out of the queue, if it still waits there.
    fn take_out(&self, ticket: Ticket) -> Option<Job> {
        self.lock().queue.remove(&ticket)
    }

    /// Starts a thread. Under the lock, so that nobody counts on one that is then refused.
    fn start(self: &Arc<Pool>, state: &mut State) -> io::Result<()> {
        let name = format!("laneway-blocking-{}", state.started);
        (self.launch)(self.clone(), name)?;
        state.started += 1;
        state.threads += 1;
        Ok(())
    }

    /// A thread's life.
    fn serve(&self) {
        while let Some(job) = self.next_job() {
            // Panics of the closure do not get this far.
            shielded("a blocking thread", job);
        }
    }

    /// Waits for a job. `None`: it is time to leave, and the thread is not counted any more.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some((_ticket, job)) = state.queue.pop_first() {
                return Some(job);
            }
            state = self.rest(state)?;
        }
    }

    /// Waits to be told to come. `None`: nobody did for too long.
    fn rest<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        let here = thread::current();
        // A time beyond what the clock can say is for ever.
        let until = Instant::now().checked_add(self.keep_idle);
        state.idle.push(here.clone());
        loop {
            drop(state);
            match until {
                Some(until) => {
                    thread::park_timeout(until.saturating_duration_since(Instant::now()));
                }
                None => thread::park(),
            }
            state = self.lock();
            let Some(index) = state.idle.iter().position(|idle| idle.id() == here.id()) else {
                return Some(state);
            };
            if until.is_some_and(|until| until <= Instant::now()) {
                state.idle.remove(index);
                state.threads -= 1;
                return None;
            }
        }
    }

    fn metrics(&self) -> BlockingMetrics {
        let state = self.lock();
        BlockingMetrics {
            max_threads: self.max_threads,
            threads: state.threads,
            idle: state.idle.len(),
            queued: state.queue.len(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn start_thread(pool: Arc<Pool>, name: String) -> io::Result<()> {
    let thread = thread::Builder::new().name(name);
    thread.spawn(move || pool.serve()).map(drop)
}

/// How many threads there may be, or what is wrong with the environment.
fn max_threads(variable: Result<String, VarError>) -> Result<usize, String> {
    let value = match variable {
        Ok(value) => value,
        Err(VarError::NotPresent) => return Ok(DEFAULT_BOUND),
        Err(VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
    };
    match value.trim().parse() {
        Ok(threads @ 1..=MAX_BOUND) => Ok(threads),
        _ => Err(format!(
            "the environment variable {BLOCKING_NUM_VARIABLE} is {value:?}: set it to a number \
             of threads from 1 to {MAX_BOUND}, or leave it out for {DEFAULT_BOUND}"
        )),
    }
}

/// Locks what no panic can leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::ffi::OsString;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{self, Sender};

    use super::*;
    use crate::block_on;

    fn pool(max_threads: usize, keep_idle: Duration) -> Arc<Pool> {
        Pool::new(max_threads, keep_idle, start_thread)
    }

    impl Pool {
        #[track_caller]
        fn give<T: Send + 'static>(
            self: &Arc<Pool>,
            closure: impl FnOnce() -> T + Send + 'static,
        ) -> Unblock<T> {
            self.submit(closure, Location::caller())
        }

        /// Keeps a thread busy until the sender sends or goes away. Comes back when it is.
        fn keep_one_busy(self: &Arc<Pool>) -> (Unblock<()>, Sender<()>) {
            let (begin, begun) = mpsc::channel();
            let (release, released) = mpsc::channel();
            let busy = self.give(move || {
                begin.send(()).unwrap();
                let _ = released.recv();
            });
            begun.recv().unwrap();
            (busy, release)
        }

        #[track_caller]
        fn assert_counts(&self, threads: usize, idle: usize, queued: usize) {
            let metrics = self.metrics();
            let counts = (metrics.threads, metrics.idle, metrics.queued);
            assert_eq!(counts, (threads, idle, queued), "threads, idle, queued");
        }
    }

    #[track_caller]
    fn eventually(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < deadline, "never came true: {what}");
            thread::yield_now();
        }
    }

    /// Closures that all wait for each other: each needs a thread of its own.
    fn meet(pool: &Arc<Pool>, count: usize) {
        let barrier = Arc::new(Barrier::new(count));
        let meeting = |barrier: Arc<Barrier>| pool.give(move || barrier.wait());
        let meetings: Vec<_> = (0..count).map(|_| meeting(barrier.clone())).collect();
        let met = meetings.into_iter().map(block_on);
        assert_eq!(met.filter(|met| met.is_leader()).count(), 1);
    }

    #[test]
    fn there_are_as_many_threads_as_closures_up_to_the_bound() {
        let pool = pool(3, Duration::MAX);
        let busy: Vec<_> = (0..3).map(|_| pool.keep_one_busy()).collect();
        pool.assert_counts(3, 0, 0);
        let running = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let rest: Vec<_> = (0..100)
            .map(|_| {
                let (running, peak) = (running.clone(), peak.clone());
                pool.give(move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    peak.fetch_max(now, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        pool.assert_counts(3, 0, 100);
        drop(busy);
        rest.into_iter().for_each(block_on);
        assert!(peak.load(Ordering::SeqCst) <= 3, "{peak:?} at once");
        eventually("all are idle", || pool.metrics().idle == 3);
        pool.assert_counts(3, 3, 0);
        meet(&pool, 3);
    }

    #[test]
    fn closures_begin_in_the_order_in_which_they_came() {
        let pool = pool(1, Duration::MAX);
        let (_busy, release) = pool.keep_one_busy();
        let (note, noted) = mpsc::channel();
        let closures: Vec<_> = (0..50)
            .map(|n| {
                let note = note.clone();
                pool.give(move || note.send(n).unwrap())
            })
            .collect();
        drop(release);
        closures.into_iter().for_each(block_on);
        drop(note);
        assert!(noted.into_iter().eq(0..50));
    }

    #[test]
    fn idle_threads_leave_and_new_ones_come() {
        let pool = pool(8, Duration::from_millis(1));
        for _ in 0..3 {
            meet(&pool, 8);
            eventually("all threads leave", || pool.metrics().threads == 0);
            pool.assert_counts(0, 0, 0);
        }
        assert_eq!(pool.lock().started, 24);
    }

    #[test]
    fn a_busy_thread_does_not_leave() {
        let pool = pool(2, Duration::ZERO);
        let (_busy, release) = pool.keep_one_busy();
        block_on(pool.give(|| ()));
        eventually("the idle one leaves", || pool.metrics().threads == 1);
        drop(release);
        eventually("the other one leaves", || pool.metrics().threads == 0);
    }

    #[test]
    fn the_thread_that_went_idle_last_goes_first() {
        let pool = pool(4, Duration::MAX);
        meet(&pool, 4);
        eventually("all are idle", || pool.metrics().idle == 4);
        let last = pool.lock().idle.last().map(Thread::id);
        for _ in 0..100 {
            let ran_on = block_on(pool.give(|| thread::current().id()));
            assert_eq!(Some(ran_on), last);
            eventually("it is idle again", || pool.metrics().idle == 4);
        }
        assert_eq!(pool.lock().started, 4);
    }

    #[test]
    fn a_closure_cancelled_in_the_queue_is_dropped_at_once_and_never_runs() {
        let pool = pool(1, Duration::MAX);
        let (busy, release) = pool.keep_one_busy();
        let held = Arc::new(());
        let holds = held.clone();
        let cancelled = pool.give(move || -> () { unreachable!("{holds:?}") });
        let other = pool.give(|| 5);
        pool.assert_counts(1, 0, 2);
        drop(cancelled);
        assert_eq!(Arc::strong_count(&held), 1);
        pool.assert_counts(1, 0, 1);
        drop(release);
        block_on(busy);
        assert_eq!(block_on(other), 5);
    }

    #[test]
    fn a_refused_first_thread_is_a_panic_that_leaves_nothing_behind() {
        let refuse: Launch = |_pool, _name| Err(io::Error::other("too many threads"));
        let pool = Pool::new(2, Duration::MAX, refuse);
        let held = Arc::new(());
        let holds = held.clone();
        let given = catch_unwind(AssertUnwindSafe(|| pool.give(move || drop(holds))));
        let payload = given.map(drop).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        let expected = "no thread could be started for blocking closures: too many threads";
        assert_eq!(message, expected);
        pool.assert_counts(0, 0, 0);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn with_a_further_thread_refused_closures_wait_for_those_that_are_there() {
        let only_one: Launch = |pool, name| match &*name {
            "laneway-blocking-0" => start_thread(pool, name),
            _ => Err(io::Error::other("too many threads")),
        };
        let pool = Pool::new(2, Duration::MAX, only_one);
        let (_busy, release) = pool.keep_one_busy();
        let waits = pool.give(|| 7);
        pool.assert_counts(1, 0, 1);
        drop(release);
        assert_eq!(block_on(waits), 7);
    }

    /// Counts the closures that are dropped without having run.
    struct Unrun(Option<Arc<AtomicUsize>>);

    impl Unrun {
        fn runs(mut self) {
            self.0 = None;
        }
    }

    impl Drop for Unrun {
        fn drop(&mut self) {
            if let Some(count) = &self.0 {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn nothing_is_lost_between_cancels_and_threads_that_leave() {
        const GIVERS: usize = 4;
        const EACH: usize = 2_500;
        let pool = pool(3, Duration::from_micros(50));
        let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        thread::scope(|scope| {
            for giver in 0..GIVERS {
                let (pool, ran, dropped) = (&pool, &ran, &dropped);
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(giver as u64);
                    for n in 0..EACH {
                        let (fate, ran) = (Unrun(Some(dropped.clone())), ran.clone());
                        let given = pool.give(move || {
                            fate.runs();
                            ran.fetch_add(1, Ordering::SeqCst);
                            n
                        });
                        match rng.u8(..4) {
                            0 => drop(given),
                            1 => given.detach(),
                            _ => assert_eq!(block_on(given), n),
                        }
                    }
                });
            }
        });
        eventually("all threads leave", || pool.metrics().threads == 0);
        pool.assert_counts(0, 0, 0);
        let total = ran.load(Ordering::SeqCst) + dropped.load(Ordering::SeqCst);
        assert_eq!(total, GIVERS * EACH, "{ran:?} ran, {dropped:?} did not");
        assert!(
            ran.load(Ordering::SeqCst) >= GIVERS * EACH / 2,
            "{ran:?} ran"
        );
    }

    #[test]
    fn the_bound_comes_from_the_environment() {
        let of = |value: &str| max_threads(Ok(value.to_owned()));
        assert_eq!(max_threads(Err(VarError::NotPresent)), Ok(512));
        assert_eq!(of("1"), Ok(1));
        assert_eq!(of(" 10000\n"), Ok(10_000));
        for bad in ["", "0", "-1", "10001", "many", "1.5"] {
            let message = of(bad).unwrap_err();
            assert!(message.contains("LANEWAY_BLOCKING_NUM"), "{message}");
            assert!(message.contains(&format!("is {bad:?}:")), "{message}");
        }
        let not_unicode = VarError::NotUnicode(OsString::from("broken"));
        assert!(
            max_threads(Err(not_unicode))
                .unwrap_err()
                .contains("broken")
        );
    }
}
