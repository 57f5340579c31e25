//! Threads that come when a closure waits, and leave when none does.
//!
//! A closure that waits for another one would hold a thread that the other may need: with a bound
//! of one, for ever. So the other one is *urgent*: it goes before all that wait in the queue, and
//! while a thread's closure waits so, there may be one thread more. Threads beyond the bound take
//! urgent closures and no others.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::metrics::BlockingMetrics;
use crate::ground::poll::apart_from_polls;
use crate::ground::shield::shielded;
use crate::ground::sync::{self, Mutex, MutexGuard, Thread, per_thread, thread, unpoisoned};

/// The environment variable that overrides how many threads there are at most: 1 to 10,000.
#[doc(alias = "max_blocking_threads")]
pub const BLOCKING_NUM_VARIABLE: &str = "LANEWAY_BLOCKING_NUM";

/// How many threads there are at most, by default: the number that tokio and smol chose, too.
const DEFAULT_BOUND: usize = 512;

/// More threads than this are refused: a mistyped number should not take the machine down.
const MAX_BOUND: usize = 10_000;

/// How long an idle thread waits for something to do.
const KEEP_IDLE: Duration = Duration::from_secs(10);

/// Threads, and the closures that wait for them.
pub(crate) struct Pool {
    max_threads: usize,
    keep_idle: Duration,
    launch: Launch,
    state: Mutex<State>,
}

/// Starts a thread of this name that serves the pool.
type Launch = fn(Arc<Pool>, String) -> io::Result<()>;

/// A closure's place in the queue. Lower ones go first; none is given twice.
pub(super) type Ticket = u64;

/// A closure, with the delivery that its outcome goes to.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Each job in the queue has a thread that is coming, or else every thread there may be is busy. So
/// has each urgent one, and then one thread more may be busy for each closure that waits for
/// another. A busy thread looks for jobs before it goes idle or leaves.
#[derive(Default)]
struct State {
    queue: BTreeMap<Ticket, Job>,
    /// Jobs that closures of this pool wait for.
    urgent: BTreeMap<Ticket, Job>,
    /// The next ticket.
    tickets: Ticket,
    /// Those that exist, busy or not.
    threads: usize,
    /// Those that park and have not been told to come. The last goes first, so that those that
    /// are not needed have their ten seconds.
    idle: Vec<Thread>,
    /// Those that were started or told to come, and have not looked for a job since.
    coming: usize,
    /// Those whose closure has waited for another one.
    waiting: usize,
    /// How many threads were ever started, for their names.
    started: u64,
}

per_thread! {
    /// The part that this thread has in a pool. Without a destructor, so that it lasts as long as
    /// the thread.
    static ROLE: Cell<Role> = const { Cell::new(Role::Outsider) };
}

/// A thread's part in a pool, which is told by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Outsider,
    /// It serves that pool, and its closure has not waited for another one.
    Serves(usize),
    /// It serves that pool, and its closure counts among the waiting.
    Waits(usize),
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

    /// A pool without threads, for a caller that [takes](Pool::take_next) the closures itself.
    pub(crate) fn without_threads() -> Arc<Pool> {
        let none: Launch = |_pool, _name| unreachable!("a pool without threads starts none");
        Pool::new(0, KEEP_IDLE, none)
    }

    /// The process's pool.
    pub(super) fn global() -> &'static Arc<Pool> {
        static GLOBAL: OnceLock<Arc<Pool>> = OnceLock::new();
        if let Some(pool) = GLOBAL.get() {
            return pool;
        }
        // Not in the initializer: the hook of the panic may ask for the pool as well.
        match max_threads(env::var(BLOCKING_NUM_VARIABLE)) {
            Ok(max_threads) => {
                GLOBAL.get_or_init(|| Pool::new(max_threads, KEEP_IDLE, start_thread))
            }
            Err(message) => panic!("{message}"),
        }
    }

    pub(super) fn push(self: &Arc<Pool>, job: Job) -> Ticket {
        let mut state = self.lock();
        let ticket = state.tickets;
        state.tickets += 1;
        state.queue.insert(ticket, job);
        if let Some(thread) = state.idle.pop() {
            state.coming += 1;
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

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.lock();
        state.queue.len() + state.urgent.len()
    }

    /// Takes the job that has waited longest.
    pub(crate) fn take_next(&self) -> Option<Job> {
        self.lock().queue.pop_first().map(|(_ticket, job)| job)
    }

    /// Takes a job out of the queue, if it still waits there.
    pub(super) fn take_out(&self, ticket: Ticket) -> Option<Job> {
        let mut state = self.lock();
        let queued = state.queue.remove(&ticket);
        queued.or_else(|| state.urgent.remove(&ticket))
    }

    /// To be called when the job with this ticket is waited for on this thread. If that thread
    /// runs a job of this pool, the job that it waits for is urgent. Where no thread can be had for
    /// it, it runs here.
    pub(super) fn await_here(self: &Arc<Pool>, ticket: Ticket) {
        let here = self.address();
        let left = match ROLE.with(Cell::get) {
            Role::Serves(pool) if pool == here => {
                ROLE.with(|role| role.set(Role::Waits(here)));
                let mut state = self.lock();
                state.waiting += 1;
                self.hurry(&mut state, ticket)
            }
            Role::Waits(pool) if pool == here => self.hurry(&mut self.lock(), ticket),
            _ => None,
        };
        if let Some(job) = left {
            // Panics of the closure do not get this far.
            shielded("a blocking thread", || apart_from_polls(job));
        }
    }

    /// Makes a job urgent that no thread has taken yet, and sees to a thread for it. Gives it back
    /// if the system refuses one and each thread there is waits for a job, as this one does.
    fn hurry(self: &Arc<Pool>, state: &mut State, ticket: Ticket) -> Option<Job> {
        let job = state.queue.remove(&ticket)?;
        state.urgent.insert(ticket, job);
        let may_start = state.threads < self.max_threads + state.waiting;
        let is_refused =
            may_start && state.coming < state.urgent.len() && self.start(state).is_err();
        match is_refused && state.waiting == state.threads {
            true => state.urgent.remove(&ticket),
            // If it was refused, the next thread that looks for a job takes this one first.
            false => None,
        }
    }

    /// Starts a thread. Under the lock, so that no closure counts on one that is then refused.
    fn start(self: &Arc<Pool>, state: &mut State) -> io::Result<()> {
        let name = format!("laneway-blocking-{}", state.started);
        (self.launch)(self.clone(), name)?;
        state.started += 1;
        state.threads += 1;
        state.coming += 1;
        Ok(())
    }

    /// A thread's life.
    fn serve(&self) {
        ROLE.with(|role| role.set(Role::Serves(self.address())));
        self.lock().coming -= 1;
        while let Some(job) = self.next_job() {
            // Panics of the closure do not get this far.
            shielded("a blocking thread", job);
            self.wait_no_longer();
        }
    }

    /// Notes that the closure that ran here waits for no other, if it did.
    fn wait_no_longer(&self) {
        let before = ROLE.with(|role| role.replace(Role::Serves(self.address())));
        if let Role::Waits(_) = before {
            self.lock().waiting -= 1;
        }
    }

    /// Waits for a job. `None`: it is time to leave, and the thread is not counted any more.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some((_ticket, job)) = state.urgent.pop_first() {
                return Some(job);
            }
            if state.threads > self.max_threads {
                state.threads -= 1;
                return None;
            }
            if let Some((_ticket, job)) = state.queue.pop_first() {
                return Some(job);
            }
            state = self.rest(state)?;
        }
    }

    /// Waits to be told to come. `None`: it was not told for too long.
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
                state.coming -= 1;
                return Some(state);
            };
            if until.is_some_and(|until| until <= Instant::now()) {
                state.idle.remove(index);
                state.threads -= 1;
                return None;
            }
        }
    }

    pub(super) fn metrics(&self) -> BlockingMetrics {
        let state = self.lock();
        BlockingMetrics {
            max_threads: self.max_threads,
            threads: state.threads,
            idle: state.idle.len(),
            queued: state.queue.len() + state.urgent.len(),
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

fn start_thread(pool: Arc<Pool>, name: String) -> io::Result<()> {
    sync::start_thread(name, move || pool.serve())
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

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::ffi::OsString;
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{self, Sender};

    use super::*;
    use crate::block_on;
    use crate::blocking::Unblock;

    fn pool(max_threads: usize, keep_idle: Duration) -> Arc<Pool> {
        Pool::new(max_threads, keep_idle, start_thread)
    }

    impl Pool {
        #[track_caller]
        fn give<T: Send + 'static>(
            self: &Arc<Pool>,
            closure: impl FnOnce() -> T + Send + 'static,
        ) -> Unblock<T> {
            self.hand_over(closure, Location::caller())
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
    fn a_wait_for_a_closure_that_has_a_thread_starts_no_other() {
        let pool = pool(2, Duration::MAX);
        for threads in [2, 2] {
            let within = pool.clone();
            let nested = pool.give(move || block_on(within.give(|| 6)));
            assert_eq!(block_on(nested), 6);
            eventually("all are idle", || pool.metrics().idle == threads);
        }
        assert_eq!(pool.lock().started, 2);
    }

    #[test]
    fn with_the_further_thread_refused_a_wait_goes_on() {
        let only_two: Launch = |pool, name| match &*name {
            "laneway-blocking-0" | "laneway-blocking-1" => start_thread(pool, name),
            _ => Err(io::Error::other("too many threads")),
        };
        let pool = Pool::new(2, Duration::MAX, only_two);
        let (_busy, release) = pool.keep_one_busy();
        let (within, (begin, begun)) = (pool.clone(), mpsc::channel());
        let waits = pool.give(move || {
            let inner = within.give(|| 8);
            begin.send(()).unwrap();
            block_on(inner)
        });
        begun.recv().unwrap();
        eventually("it is urgent", || !pool.lock().urgent.is_empty());
        drop(release);
        assert_eq!(block_on(waits), 8);
    }

    #[test]
    fn where_each_thread_waits_and_a_further_one_is_refused_closures_run_in_their_wait() {
        let only_one: Launch = |pool, name| match &*name {
            "laneway-blocking-0" => start_thread(pool, name),
            _ => Err(io::Error::other("too many threads")),
        };
        fn depth(pool: &Arc<Pool>, below: u32) -> u32 {
            let within = pool.clone();
            match below {
                0 => 0,
                _ => 1 + block_on(pool.give(move || depth(&within, below - 1))),
            }
        }
        let pool = Pool::new(1, Duration::MAX, only_one);
        let within = pool.clone();
        assert_eq!(block_on(pool.give(move || depth(&within, 20))), 20);
        eventually("the thread is idle", || pool.metrics().idle == 1);
        pool.assert_counts(1, 1, 0);
        assert_eq!(pool.lock().waiting, 0);
    }

    /// A closure that waits for others, some of which it gives up.
    fn nest(pool: &Arc<Pool>, mut rng: fastrand::Rng, depth: u32) -> u32 {
        let given: Vec<_> = (0..rng.usize(0..3) * depth as usize)
            .map(|_| {
                let (within, rng) = (pool.clone(), rng.fork());
                pool.give(move || nest(&within, rng, depth - 1))
            })
            .collect();
        let waited = given.into_iter().map(|closure| match rng.u8(0..8) {
            0 => drop(closure),
            1 => closure.detach(),
            _ => assert!(block_on(closure) < 1_000),
        });
        waited.count() as u32
    }

    #[test]
    fn nested_closures_all_come_to_their_end_and_leave_no_thread_too_many() {
        for seed in 0..50 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let bound = rng.usize(1..4);
            let pool = pool(bound, Duration::MAX);
            let outer = |rng: fastrand::Rng| {
                let within = pool.clone();
                pool.give(move || nest(&within, rng, 3))
            };
            let outers: Vec<_> = (0..8).map(|_| outer(rng.fork())).collect();
            let closures = outers.into_iter().map(block_on);
            assert_eq!(closures.filter(|given| *given < 1_000).count(), 8);
            eventually("all is done", || {
                let metrics = pool.metrics();
                metrics.queued == 0 && metrics.idle == metrics.threads && metrics.threads <= bound
            });
            let state = pool.lock();
            assert_eq!((state.waiting, state.coming), (0, 0), "seed {seed}");
        }
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
