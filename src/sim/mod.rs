//! Tests under every schedule: a runtime on one thread and a simulated clock, where the order of
//! all steps follows from a seed.
//!
//! [`explore`] runs a test under one seed after another, and gives the first failure with its seed:
//!
//! ```
//! use laneway::sim::explore;
//! use laneway::{join, spawn_task, yield_now};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
//!
//! async fn withdraw(balance: Arc<AtomicI64>) {
//!     if balance.load(Relaxed) >= 100 {
//!         yield_now().await; // while the notes are counted
//!         balance.fetch_sub(100, Relaxed);
//!     }
//! }
//!
//! let failure = explore(1_000, || async {
//!     let balance = Arc::new(AtomicI64::new(100));
//!     let one = spawn_task!(withdraw(balance.clone()));
//!     let other = spawn_task!(withdraw(balance.clone()));
//!     join!(one, other);
//!     assert!(balance.load(Relaxed) >= 0, "overdrawn");
//! });
//! let failure = failure.unwrap_err().to_string();
//! assert!(failure.starts_with("seed ") && failure.contains("overdrawn"));
//! ```
//!
//! A fault among tasks shows in one of a thousand runs, and not again when a debugger
//! is attached. Here it does: the workers, queues and stealing are those of a real
//! [`Runtime`](crate::Runtime), but they take their steps one after another, in an order that the
//! seed decides. One seed gives one run. [`Sim::seed`] repeats it, and sets how many workers there
//! are; a [`Run`] tells how many steps it took, and how much simulated time.
//!
//! ```
//! use laneway::sim::Sim;
//! use laneway::time::{now, sleep};
//! use laneway::{join, spawn_task};
//! use std::time::Duration;
//!
//! let run = Sim::seed(7).high(2).low(1).run(async {
//!     let started = now();
//!     let days = spawn_task!(sleep(Duration::from_secs(3 * 24 * 60 * 60)));
//!     let hours = spawn_task!(sleep(Duration::from_secs(60 * 60)));
//!     join!(days, hours);
//!     now() - started
//! })?;
//! assert_eq!(run.output.as_secs(), 3 * 24 * 60 * 60); // of simulated time
//! assert!(run.steps < 20);
//! # Ok::<(), laneway::sim::Error>(())
//! ```
//!
//! # What is simulated
//!
//! Inside, `spawn_task!`, `join!`, [`sleep`] and all else in [`time`](crate::time),
//! [`TaskGroup`](crate::TaskGroup), [`unblock`](crate::blocking::unblock) and channels work as
//! everywhere. The unit of a schedule is a poll: between two polls any task may come first, within
//! a poll none comes between. So a simulation finds what depends on the order of polls, wake-ups,
//! thefts and timers, and not what depends on memory ordering.
//!
//! Time stands still while any task can go on, and then moves to where the next sleep ends, in
//! steps of a tenth of a millisecond. A poll takes no time, unless it says so by [`work`].
//! [`time::now`](crate::time::now) tells the time; [`Instant::now`](std::time::Instant::now) does
//! not know of the simulation.
//!
//! A call that really blocks its thread, such as [`std::thread::sleep`] or a blocking receive,
//! stops the whole simulation until it comes back, and never comes back if it waits for a task: use
//! the asynchronous form, or `join!` and [`block_on`](crate::block_on), which know the simulation.
//! Threads of the program's own, other crates' sockets, and another runtime's tasks are not
//! simulated: a task that they wake comes when it comes, and the simulation does not wait for it.
//!
//! With the feature `net`, `net::TcpStream`, `net::TcpListener` and `net::UdpSocket` connect tasks
//! of the simulation with each other, through a network of its own: any address is one of this
//! network, and its delays, losses, resets and partitions follow from the seed as `Sim::network`
//! sets them. The bytes of a connection arrive whole and in order as long as the connection holds;
//! a datagram may overtake another, and one that is lost is lost. A socket has room for 256
//! datagrams that were not received yet, and loses what comes beyond. Unix sockets are refused.
//!
//! # What follows from the seed
//!
//! The order of steps, and what the program draws from [`fastrand`]'s functions: in its tasks, in
//! its closures given to `unblock`, and where [`explore`] makes it. (The future given to
//! [`Sim::run`] is made before the simulation, with the caller's own numbers. These go on
//! afterwards as if there had been no simulation.)
//!
//! Everything else that differs from one run of a program to the next makes a schedule that its
//! seed does not repeat. [`Run::fingerprint`] shows it: two runs under one seed differ. It is
//! mostly one of these:
//!
//! - The order in which a [`HashMap`](std::collections::HashMap) or `HashSet` gives its entries:
//!   each has keys of its own, from the system. A [`BTreeMap`](std::collections::BTreeMap) has one
//!   order, and so has a map whose hasher is fixed, such as
//!   `HashMap<K, V, BuildHasherDefault<DefaultHasher>>`.
//! - Numbers from elsewhere: `rand::rng()`, `getrandom`, a generator that is seeded by the system.
//!   Seed it from `fastrand::u64(..)`.
//! - Clocks other than [`time::now`](crate::time::now), addresses, thread ids, the environment,
//!   files, and state that outlives a run: a `static` that one seed changes is changed for the
//!   next.
//!
//! ```
//! use laneway::sim::Sim;
//!
//! let draws = |seed| Sim::seed(seed).run(async { fastrand::u32(..) }).unwrap().output;
//! assert_eq!(draws(1), draws(1));
//! ```
//!
//! # Where to read
//!
//! `scheduler.rs` decides the next step, among the choices of `choice.rs`; `relay.rs` lets one
//! thread go on at a time. `host.rs` stands in for the threads of workers, `root.rs` is the
//! program that is simulated, `cast.rs` brings all of it together. `chance.rs` seeds what the
//! program draws, `chronicle.rs` remembers what `error.rs` reports. `network.rs` brings the
//! simulated network of `net/simulated/`.

mod cast;
mod chance;
mod choice;
mod chronicle;
#[cfg(feature = "net")]
mod conditions;
mod error;
mod host;
#[cfg_attr(not(counted), path = "no_machine.rs")]
mod machine;
#[cfg_attr(not(feature = "net"), path = "no_network.rs")]
mod network;
mod relay;
mod root;
mod scheduler;
mod wake_flag;

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub use error::{Deadlock, Error, FailedSeed, FailureCause, TooLong, Waiting};

use crate::executor::seat;
use crate::ground::large::BoxedOutput;
use crate::ground::shield::message;
use crate::ground::telemetry::{Event, Observer};
use crate::runtime::{Builder, RuntimeMetrics, Stealing, block_here};
use crate::time::timer::Timer;
use crate::time::{now, sleep};
use cast::Cast;
use chance::Chance;
use chronicle::Chronicle;
use root::RootFuture;
use scheduler::{Scheduler, Verdict};

/// A simulation, and how its workers are made up. The [module](self) has an example.
#[doc(alias = "pause")]
#[derive(Clone)]
#[must_use = "a simulation does nothing until `run()` or `explore()` is called"]
pub struct Sim {
    seed: u64,
    builder: Builder,
    observer: Option<Arc<dyn Observer>>,
    max_steps: u64,
    keep_events: bool,
    network: network::Conditions,
}

/// More than a program of some thousand tasks takes, and over in seconds.
const MAX_STEPS: u64 = 10_000_000;

impl Sim {
    /// A simulation with two high and two low workers that steal from each other. Its schedule
    /// follows from the seed. The environment's variables have no effect on it.
    ///
    /// ```
    /// use laneway::sim::Sim;
    ///
    /// assert_eq!(Sim::seed(1).run(async { 42 }).unwrap().output, 42);
    /// ```
    pub fn seed(seed: u64) -> Sim {
        Sim {
            seed,
            builder: Builder::new()
                .with_high_num(2)
                .with_low_num(2)
                .with_standby(0),
            observer: None,
            max_steps: MAX_STEPS,
            keep_events: false,
            network: network::Conditions::default(),
        }
    }

    /// How many workers serve the high queue, as
    /// [`with_high_num`](crate::Builder::with_high_num). Default: 2.
    pub fn high(self, workers: usize) -> Sim {
        self.configure(|builder| builder.with_high_num(workers))
    }

    /// How many workers serve the low queue, as [`with_low_num`](crate::Builder::with_low_num).
    /// Default: 2.
    pub fn low(self, workers: usize) -> Sim {
        self.configure(|builder| builder.with_low_num(workers))
    }

    /// Which workers steal from the other queue: [`with_stealing`](crate::Builder::with_stealing).
    pub fn stealing(self, stealing: Stealing) -> Sim {
        self.configure(|builder| builder.with_stealing(stealing))
    }

    /// How many high workers never steal, as
    /// [`with_reserved_high`](crate::Builder::with_reserved_high).
    pub fn reserved_high(self, workers: usize) -> Sim {
        self.configure(|builder| builder.with_reserved_high(workers))
    }

    /// How many workers stand by for the high ones, as
    /// [`with_standby`](crate::Builder::with_standby). Default: 0.
    pub fn standby(self, workers: usize) -> Sim {
        self.configure(|builder| builder.with_standby(workers))
    }

    /// A further queue, as [`with_queue`](crate::Builder::with_queue).
    pub fn queue(self, name: &str, workers: usize, steals_from: &[&str]) -> Sim {
        self.configure(|builder| builder.with_queue(name, workers, steals_from))
    }

    /// Whether workers have queues of their own, as
    /// [`with_local_queues`](crate::Builder::with_local_queues).
    pub fn local_queues(self, local_queues: bool) -> Sim {
        self.configure(|builder| builder.with_local_queues(local_queues))
    }

    /// How long a poll may take before it is reported, as
    /// [`with_long_poll`](crate::Builder::with_long_poll). A poll takes time by [`work`] alone.
    pub fn long_poll(self, threshold: Duration) -> Sim {
        self.configure(|builder| builder.with_long_poll(threshold))
    }

    /// The same for one queue, as [`with_long_poll_in`](crate::Builder::with_long_poll_in).
    pub fn long_poll_in(self, queue: &str, threshold: Duration) -> Sim {
        self.configure(|builder| builder.with_long_poll_in(queue, threshold))
    }

    /// The observer that is told every event: [`with_observer`](crate::Builder::with_observer).
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Sim {
        self.observer = Some(observer);
        self
    }

    /// Keeps all events in [`Run::events`]. Some 40 bytes each, a handful for each poll.
    ///
    /// ```
    /// use laneway::sim::Sim;
    /// use laneway::observe::Event;
    /// use laneway::spawn_task;
    ///
    /// let run = Sim::seed(3).keep_events().run(async {
    ///     spawn_task!(async {}).await;
    /// })?;
    /// let spawns = run.events.iter().filter(|(_, event)| matches!(event, Event::Spawned { .. }));
    /// assert_eq!(spawns.count(), 1);
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    pub fn keep_events(mut self) -> Sim {
        self.keep_events = true;
        self
    }

    /// After how many steps it is given up as [`Error::TooLong`]. Default: ten million.
    pub fn max_steps(mut self, steps: u64) -> Sim {
        self.max_steps = steps;
        self
    }

    fn configure(mut self, configure: impl FnOnce(Builder) -> Builder) -> Sim {
        self.builder = configure(self.builder);
        self
    }

    /// Runs the future and what it spawns until it has ended. Tasks that it spawned and did not
    /// await are cancelled then, as at a runtime's end. Closures that it has given to
    /// [`unblock`](crate::blocking::unblock) still run; those that they hand over in turn do not.
    ///
    /// The thread that calls this blocks meanwhile; the simulation runs on another, which is why
    /// the future must be `Send`.
    ///
    /// # Errors
    ///
    /// [`Error::Deadlock`] if the future waits for what will not come, [`Error::TooLong`] if it
    /// does not end, [`Error::Build`] if such workers cannot be.
    ///
    /// # Panics
    ///
    /// If the future does, with its payload.
    ///
    /// ```
    /// use laneway::sim::Sim;
    /// use laneway::{Priority, spawn_task};
    ///
    /// let first = |seed| {
    ///     let race = Sim::seed(seed).run(async {
    ///         let (sender, receiver) = async_channel::unbounded();
    ///         for name in ["a", "b"] {
    ///             let sender = sender.clone();
    ///             spawn_task!(async move { sender.try_send(name) }, Priority::High).detach();
    ///         }
    ///         receiver.recv().await
    ///     });
    ///     race.unwrap().output
    /// };
    /// assert_eq!(first(5), first(5), "one seed, one run");
    /// ```
    pub fn run<F>(&self, future: F) -> Result<Run<F::Output>, Error>
    where
        F: Future + Send,
        F::Output: Send,
    {
        // Boxed, since both may be large, and each function that one is handed through would need
        // room for it on the stack.
        let future = Box::pin(future);
        let run = self.run_made(|| BoxedOutput::of(future))?;
        Ok(run.map(|output| *output))
    }

    /// Runs what `make` makes under `seeds` seeds, beginning with this simulation's own.
    ///
    /// # Errors
    ///
    /// The first [`FailedSeed`]: a panic of the future, or an [`Error`]. Its seed fails again when
    /// it is run alone.
    ///
    /// [`explore`] has an example.
    pub fn explore<F>(
        &self,
        seeds: u64,
        mut make: impl FnMut() -> F,
    ) -> Result<Explored, FailedSeed>
    where
        F: Future<Output = ()> + Send,
    {
        let mut explored = Explored::default();
        let mut fingerprints = HashSet::new();
        for seed in (0..seeds).map(|n| self.seed.wrapping_add(n)) {
            let sim = Sim {
                seed,
                ..self.clone()
            };
            let cause = match catch_unwind(AssertUnwindSafe(|| sim.run_made(|| Box::pin(make())))) {
                Ok(Ok(run)) => {
                    explored.seeds += 1;
                    explored.steps += run.steps;
                    fingerprints.insert(run.fingerprint);
                    continue;
                }
                Ok(Err(error)) => FailureCause::Error(error),
                Err(payload) => FailureCause::Panic(message(&*payload).to_owned()),
            };
            let passed = explored.seeds;
            return Err(FailedSeed {
                seed,
                passed,
                cause,
            });
        }
        explored.distinct = fingerprints.len();
        Ok(explored)
    }

    fn run_made<F>(&self, make: impl FnOnce() -> F) -> Result<Run<F::Output>, Error>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let timer = Arc::new(Timer::simulated());
        let observer = self.observer.clone();
        let chronicle = Arc::new(Chronicle::new(timer.clone(), observer, self.keep_events));
        let rng = fastrand::Rng::with_seed(self.seed);
        let cast = Cast::new(&self.builder, self.network.clone(), rng, timer, chronicle);
        let (cast, requests) = cast.map_err(Error::Build)?;
        // The future is made here, and dropped here if it panics in the making.
        let _entered = cast.enter();
        let _ends = cast.until_dropped();
        let _chance = Chance::for_making(self.seed);
        let root = RootFuture::new(make());
        let scheduler = Scheduler::new(&cast, &root, self.max_steps);
        let ran = seat::block_in_place(|| cast.host.relay.run(requests, || scheduler.drive()));
        ran.map_err(Error::Thread)?;
        let end = scheduler.into_conclusion();
        refuse_unended(end.verdict, end.steps, end.elapsed)?;
        let outcome = root.into_outcome().expect("the future has ended");
        Ok(Run {
            output: outcome.unwrap_or_else(|payload| resume_unwind(payload)),
            steps: end.steps,
            elapsed: end.elapsed,
            fingerprint: cast.chronicle.fingerprint(),
            metrics: RuntimeMetrics::of(&cast.executor),
            events: cast.chronicle.take_events(),
        })
    }
}

/// The error of a simulation whose future has not ended. Continues the panic of a bug.
fn refuse_unended(verdict: Verdict, steps: u64, elapsed: Duration) -> Result<(), Error> {
    match verdict {
        Verdict::Ended => Ok(()),
        Verdict::Deadlock(waiting) => Err(Error::Deadlock(Deadlock {
            waiting,
            steps,
            elapsed,
        })),
        Verdict::TooLong => Err(Error::TooLong(TooLong { steps, elapsed })),
        Verdict::Bug(payload) => resume_unwind(payload),
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.seed)
            .field("workers", &self.builder)
            .field("max_steps", &self.max_steps)
            .finish_non_exhaustive()
    }
}

/// A simulation that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run<T> {
    /// The output of the future.
    pub output: T,
    /// How many polls and looks for work it took.
    pub steps: u64,
    /// How much simulated time passed.
    pub elapsed: Duration,
    /// A hash of all events and when they happened: two runs with the same fingerprint were the
    /// same. It may be another with the next version of this crate, or of Rust.
    pub fingerprint: u64,
    /// The counts of the workers, and where their simulated time went.
    pub metrics: RuntimeMetrics,
    /// All events and when they happened, if the simulation was to
    /// [keep](Sim::keep_events) them.
    pub events: Vec<(Duration, Event)>,
}

impl<T> Run<T> {
    fn map<U>(self, output: impl FnOnce(T) -> U) -> Run<U> {
        Run {
            output: output(self.output),
            steps: self.steps,
            elapsed: self.elapsed,
            fingerprint: self.fingerprint,
            metrics: self.metrics,
            events: self.events,
        }
    }
}

/// The account of an [`explore`] in which no schedule failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many seeds passed.
    pub seeds: u64,
    /// How many steps they took together.
    pub steps: u64,
    /// How many runs differed from all before them.
    pub distinct: usize,
}

/// Runs what `make` makes under `seeds` seeds, from 0 on, and reports the first under which it
/// fails.
///
/// [`Sim::explore`] does the same with other workers, and with other seeds.
///
/// # Errors
///
/// The first [`FailedSeed`]: a panic of the future, or an [`Error`].
///
/// ```
/// use laneway::sim::{Sim, explore};
/// use laneway::{Priority, TaskGroup, yield_now};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// /// Two tasks count to two together. One of them reads, and writes too late.
/// async fn lost_update() {
///     let count = Arc::new(AtomicU32::new(0));
///     let mut group = TaskGroup::new();
///     for _ in 0..2 {
///         let count = count.clone();
///         let add = async move {
///             let before = count.load(Ordering::Relaxed);
///             yield_now().await;
///             count.store(before + 1, Ordering::Relaxed);
///         };
///         group.spawn(add, Priority::Low);
///     }
///     group.join_all().await;
///     assert_eq!(count.load(Ordering::Relaxed), 2);
/// }
///
/// let failure = explore(1_000, lost_update).unwrap_err();
/// // The same again, under the one seed:
/// let again = Sim::seed(failure.seed).explore(1, lost_update);
/// assert_eq!(again.unwrap_err().seed, failure.seed);
/// ```
#[doc(alias("shuttle", "turmoil"))]
pub fn explore<F>(seeds: u64, make: impl FnMut() -> F) -> Result<Explored, FailedSeed>
where
    F: Future<Output = ()> + Send,
{
    Sim::seed(0).explore(seeds, make)
}

/// Keeps the worker of this thread busy for a time, as a computation would: in a simulation for
/// so much simulated time, and elsewhere by doing nothing useful.
///
/// No other task runs on that worker meanwhile, and tasks in its queue wait or are stolen.
///
/// ```
/// use laneway::sim::{Sim, work};
/// use laneway::{join, spawn_task};
/// use std::time::Duration;
///
/// // Six computations of 10 ms, on two workers.
/// let run = Sim::seed(1).high(1).low(1).run(async {
///     let compute = || spawn_task!(async { work(Duration::from_millis(10)) });
///     laneway::join_all((0..6).map(|_| compute()));
/// })?;
/// assert_eq!(run.elapsed, Duration::from_millis(30));
/// # Ok::<(), laneway::sim::Error>(())
/// ```
pub fn work(duration: Duration) {
    if seat::parker().is_some() {
        block_here(pin!(sleep(duration)));
        return;
    }
    let until = now().checked_add(duration);
    while until.is_none_or(|until| now() < until) {
        hint::spin_loop();
    }
}
