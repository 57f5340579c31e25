//! How a runtime is configured: every setting, its default, and what is refused.

use std::collections::HashSet;
use std::env::{self, VarError};
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::executor::{
    CrewId, Executor, ExecutorParts, Host, LocalQueue, Observer, Queue, QueueId, Route, Sleepers,
    Spin, Stealable, Stealing, Worker, WorkerId, WorkerParts,
};
use crate::nice;
use crate::runtime::Runtime;
use crate::threads::{Idle, Threads};
use crate::time::timer::Timer;
use crate::watchdog::Thresholds;

/// Configures a runtime. Made by [`Runtime::builder`].
///
/// ```
/// use laneway::{Priority, Runtime, Stealing};
///
/// let rt = Runtime::builder()
///     .with_high_num(2)
///     .with_low_num(1)
///     .with_stealing(Stealing::HighFromLow)
///     .build()?;
/// assert_eq!(rt.block_on(rt.spawn(async { 1 + 1 }, Priority::High)), 2);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build()` or `run()` is called"]
pub struct Builder {
    high: Option<usize>,
    low: Option<usize>,
    stealing: Stealing,
    reserved_high: usize,
    low_nice: Option<u8>,
    further: Vec<FurtherQueue>,
    thread_name: String,
    observer: Option<Arc<dyn Observer>>,
    local_queues: bool,
    idle: Idle,
    long_polls: Thresholds,
}

#[derive(Clone, Debug)]
struct FurtherQueue {
    name: String,
    threads: usize,
    steals_from: Vec<String>,
}

/// The environment variable that overrides the default number of high threads.
///
/// ```
/// assert_eq!(laneway::HIGH_NUM_VARIABLE, "LANEWAY_HIGH_NUM");
/// ```
pub const HIGH_NUM_VARIABLE: &str = "LANEWAY_HIGH_NUM";
/// The environment variable that overrides the default number of low threads.
///
/// ```
/// assert_eq!(laneway::LOW_NUM_VARIABLE, "LANEWAY_LOW_NUM");
/// ```
pub const LOW_NUM_VARIABLE: &str = "LANEWAY_LOW_NUM";

/// More threads than this are refused: a mistyped number should not take the machine down.
const MAX_THREADS: usize = 4096;

/// The least urgent niceness there is.
const MAX_NICENESS: u8 = 19;

/// How often a searching worker looks again before it lies down, where there is another core
/// that could bring work meanwhile.
const SPIN_ROUNDS: u32 = 100;

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            high: None,
            low: None,
            stealing: Stealing::default(),
            reserved_high: 0,
            low_nice: None,
            further: Vec::new(),
            thread_name: "laneway".to_owned(),
            observer: None,
            local_queues: true,
            idle: Idle::default(),
            long_polls: Thresholds::default(),
        }
    }

    /// Sets the number of threads at home in the high queue.
    ///
    /// Default: what `LANEWAY_HIGH_NUM` says, or else the number of cores less two, but at least
    /// one. With 0, high tasks run only where low threads may steal them
    /// ([`Stealing::Both`], [`Stealing::LowFromHigh`]): each low thread then takes from the high
    /// queue first at every 64th step, and otherwise when it has nothing of its own.
    ///
    /// ```
    /// use laneway::{QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().with_high_num(3).with_low_num(1).build()?;
    /// let homes = rt.metrics().workers.into_iter().map(|worker| worker.home);
    /// assert_eq!(homes.filter(|&home| home == QueueId::HIGH).count(), 3);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_high_num(mut self, threads: usize) -> Builder {
        self.high = Some(threads);
        self
    }

    /// Sets the number of threads at home in the low queue.
    ///
    /// Default: what `LANEWAY_LOW_NUM` says, or else one. With 0, low tasks run only where high
    /// threads may steal them ([`Stealing::Both`], [`Stealing::HighFromLow`]): each high thread
    /// then takes from the low queue first at every 64th step, and otherwise when there is no
    /// high task.
    ///
    /// ```
    /// use laneway::{QueueId, Runtime};
    ///
    /// let rt = Runtime::builder().with_high_num(1).with_low_num(2).build()?;
    /// let homes = rt.metrics().workers.into_iter().map(|worker| worker.home);
    /// assert_eq!(homes.filter(|&home| home == QueueId::LOW).count(), 2);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_low_num(mut self, threads: usize) -> Builder {
        self.low = Some(threads);
        self
    }

    /// Sets which idle threads take tasks of the other queue. Default: [`Stealing::Both`].
    ///
    /// ```
    /// use laneway::{Priority, Runtime, Stealing, join_all};
    ///
    /// let rt = Runtime::builder().with_stealing(Stealing::None).build()?;
    /// join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
    /// assert_eq!(rt.metrics().queues[1].stolen, 0);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_stealing(mut self, stealing: Stealing) -> Builder {
        self.stealing = stealing;
        self
    }

    /// Reserves the first `n` high threads for high tasks: they never steal, so that they are
    /// free when a high task comes. Default: 0.
    ///
    /// ```
    /// use laneway::Runtime;
    ///
    /// let rt = Runtime::builder().with_high_num(2).with_reserved_high(1).build()?;
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_reserved_high(mut self, n: usize) -> Builder {
        self.reserved_high = n;
        self
    }

    /// Sets the low threads' niceness, from 0 to 19: the operating system itself then prefers
    /// high threads when both want a core, in the middle of a poll. Default: left alone.
    ///
    /// Linux only: elsewhere niceness belongs to the whole process and is left alone, and
    /// [`Runtime::low_nice`] says so. A low thread keeps its niceness while it runs a stolen high
    /// task.
    ///
    /// ```
    /// use laneway::{BuildError, Runtime};
    ///
    /// let rt = Runtime::builder().with_low_nice(19).build()?;
    /// assert_eq!(rt.low_nice(), cfg!(target_os = "linux").then_some(19));
    ///
    /// let too_nice = Runtime::builder().with_low_nice(20).build();
    /// assert!(matches!(too_nice, Err(BuildError::BadNiceness { niceness: 20 })));
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn with_low_nice(mut self, niceness: u8) -> Builder {
        self.low_nice = Some(niceness);
        self
    }

    /// Adds a queue of the given name with threads of its own, which also take tasks of the
    /// queues named in `steals_from` when they have nothing else to do. `"high"` and `"low"` are
    /// the names of the first two queues. High and low threads do not take from further queues.
    ///
    /// ```
    /// use laneway::Runtime;
    ///
    /// let rt = Runtime::builder()
    ///     .with_queue("network", 1, &[])
    ///     .with_queue("cpu", 5, &["low"])
    ///     .build()?;
    /// let task = rt.spawn(async { std::thread::current().name().map(str::to_owned) }, "network");
    /// assert_eq!(rt.block_on(task).as_deref(), Some("laneway-network-0"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_queue(mut self, name: &str, threads: usize, steals_from: &[&str]) -> Builder {
        self.further.push(FurtherQueue {
            name: name.to_owned(),
            threads,
            steals_from: steals_from.iter().map(|&name| name.to_owned()).collect(),
        });
        self
    }

    /// Sets what the threads' names begin with. Default: `laneway`, as in `laneway-high-0`.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder()
    ///     .with_thread_name("search")
    ///     .with_stealing(laneway::Stealing::None)
    ///     .build()?;
    /// let name = async { std::thread::current().name().map(str::to_owned) };
    /// let name = rt.spawn(name, Priority::Low);
    /// assert_eq!(rt.block_on(name).as_deref(), Some("search-low-0"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_thread_name(mut self, prefix: impl Into<String>) -> Builder {
        self.thread_name = prefix.into();
        self
    }

    /// Sets who is told what the scheduler does. Default: nobody, at the cost of one branch.
    ///
    /// ```
    /// use laneway::{Event, Observer, Priority, Runtime};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// #[derive(Default)]
    /// struct Polls(AtomicUsize);
    ///
    /// impl Observer for Polls {
    ///     fn on_event(&self, event: Event) {
    ///         if let Event::PollStarted { .. } = event {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// let polls = Arc::new(Polls::default());
    /// let rt = Runtime::builder().with_observer(polls.clone()).build()?;
    /// rt.block_on(rt.spawn(async {}, Priority::Low));
    /// assert_eq!(polls.0.load(Ordering::Relaxed), 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Builder {
        self.observer = Some(observer);
        self
    }

    /// Sets whether each worker keeps the tasks that it schedules itself in a deque of its own,
    /// for others to steal. Default: `true`. Without, every task goes through its queue's
    /// channel: the plain form, for teaching and comparing.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let plain = Runtime::builder().with_local_queues(false).build()?;
    /// assert_eq!(plain.block_on(plain.spawn(async { 3 }, Priority::Low)), 3);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_local_queues(mut self, local_queues: bool) -> Builder {
        self.local_queues = local_queues;
        self
    }

    /// Sets what a worker does when there is nothing to do. Default: [`Idle::Park`].
    ///
    /// ```
    /// use laneway::{BuildError, Idle, Runtime};
    /// use std::time::Duration;
    ///
    /// let restless = Runtime::builder().with_idle(Idle::Nap(Duration::ZERO)).build();
    /// assert!(matches!(restless, Err(BuildError::ZeroNap)));
    /// ```
    pub fn with_idle(mut self, idle: Idle) -> Builder {
        self.idle = idle;
        self
    }

    /// Sets how long a poll may take before the watchdog reports it, in the log and to
    /// [`Observer::on_long_poll`]. Default: 10 ms.
    ///
    /// The watchdog looks every 10 ms, so that a report comes up to 20 ms after the threshold.
    /// [`Duration::ZERO`] reports every poll that is there at two looks, which one that lasts for
    /// 10 ms may be and one that lasts for 20 ms is. [`Duration::MAX`] reports none.
    ///
    /// ```
    /// use laneway::Runtime;
    /// use std::time::Duration;
    ///
    /// // Tasks on "cpu" may compute for a second at a time, all others for 5 ms.
    /// let rt = Runtime::builder()
    ///     .with_queue("cpu", 1, &[])
    ///     .with_long_poll(Duration::from_millis(5))
    ///     .with_long_poll_in("cpu", Duration::from_secs(1))
    ///     .build()?;
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_long_poll(mut self, threshold: Duration) -> Builder {
        self.long_polls.everywhere = threshold;
        self
    }

    /// Sets for one queue how long a poll may take before it is reported, whatever
    /// [`with_long_poll`](Builder::with_long_poll) says for all, which has an example. The two
    /// queues that every runtime has are called `"high"` and `"low"`.
    ///
    /// ```
    /// use laneway::{BuildError, Runtime};
    /// use std::time::Duration;
    ///
    /// let error = Runtime::builder().with_long_poll_in("cpu", Duration::MAX).build();
    /// assert!(matches!(error, Err(BuildError::NoQueueForLongPoll { queue }) if queue == "cpu"));
    /// ```
    pub fn with_long_poll_in(mut self, queue: &str, threshold: Duration) -> Builder {
        self.long_polls.single.push((queue.to_owned(), threshold));
        self
    }

    /// Prepares for high tasks that must start at once, whatever the low ones do: as many high
    /// and as many low threads as there are cores, nobody steals, and the low threads have
    /// niceness 19.
    ///
    /// No low poll, however long, ever occupies a high thread, so that one is free unless high
    /// tasks themselves keep all of them busy; and the operating system takes the core from a low
    /// thread in the middle of its poll. While no high task runs, the low threads have all cores.
    ///
    /// On systems where threads have no niceness of their own, a high thread shares the cores
    /// with the low ones as the operating system sees fit, and starts within its time slices
    /// instead. [`Runtime::low_nice`] tells.
    ///
    /// Settings made afterwards override those of the preset.
    ///
    /// ```
    /// use laneway::Runtime;
    ///
    /// let rt = Runtime::builder().latency_first().build()?;
    /// let cores = std::thread::available_parallelism()?.get();
    /// assert_eq!(rt.metrics().workers.len(), 2 * cores);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn latency_first(self) -> Builder {
        self.with_high_num(cores())
            .with_low_num(cores())
            .with_stealing(Stealing::None)
            .with_reserved_high(0)
            .with_low_nice(MAX_NICENESS)
    }

    /// Starts the process-wide runtime, which `spawn_task!` uses outside of tasks.
    ///
    /// # Panics
    ///
    /// If the configuration is refused or the process-wide runtime has started already;
    /// [`try_run`](Builder::try_run) returns the error instead.
    ///
    /// ```
    /// use laneway::{Runtime, join, spawn_task};
    ///
    /// Runtime::new().with_high_num(4).with_low_num(2).run();
    /// assert_eq!(join!(spawn_task!(async { "on its way" })), ["on its way"]);
    /// ```
    pub fn run(self) -> &'static Runtime {
        self.try_run().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the process-wide runtime.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build), and [`BuildError::AlreadyRunning`] if there is one already,
    /// started explicitly or by the first `spawn_task!`.
    ///
    /// ```
    /// use laneway::{BuildError, Runtime};
    ///
    /// Runtime::new().try_run()?;
    /// assert!(matches!(Runtime::new().try_run(), Err(BuildError::AlreadyRunning)));
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn try_run(self) -> Result<&'static Runtime, BuildError> {
        Runtime::install(self)
    }

    /// Starts a runtime of your own. All its threads exist when this returns.
    ///
    /// # Errors
    ///
    /// If the configuration has no threads, a queue that nobody serves, or any other
    /// contradiction, or if the operating system refuses a thread: see [`BuildError`].
    ///
    /// ```
    /// use laneway::{BuildError, Runtime, Stealing};
    ///
    /// let error = Runtime::builder()
    ///     .with_high_num(0)
    ///     .with_stealing(Stealing::None)
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "nobody serves the queue \"high\": give it a thread, or let another queue's threads steal from it"
    /// );
    /// ```
    pub fn build(self) -> Result<Runtime, BuildError> {
        let plan = Plan::new(&self)?;
        let threads = Threads::new(plan.places(&self), self.idle);
        let (executor, workers) = plan.executor(
            &self,
            Surroundings {
                host: threads.clone(),
                spin: self.spin(),
                rng: fastrand::Rng::new(),
            },
        );
        // From here on an early return drops the runtime, which ends the threads that started.
        let runtime =
            Runtime::new_started(executor.clone(), threads.clone(), self.effective_nice());
        if self.effective_nice().is_some() {
            Timer::global().start_early();
        }
        for parts in workers {
            let worker = Box::new(Worker::new(executor.clone(), parts));
            let started = threads.start(worker);
            started.map_err(|(_worker, error)| BuildError::Thread(error))?;
        }
        // For what waits behind a long poll, and to report it.
        if self.local_queues || plan.reports_long_polls() {
            let name = format!("{}-watchdog", self.thread_name);
            let started = threads.start_watchdog(&executor, &name);
            started.map_err(BuildError::Thread)?;
        }
        Ok(runtime)
    }

    /// The same runtime without threads, for those who step its workers themselves.
    pub(crate) fn without_threads(
        &self,
        host: Arc<dyn Host>,
        rng: fastrand::Rng,
    ) -> Result<(Arc<Executor>, Vec<Worker>), BuildError> {
        let spin = Spin {
            rounds: 0,
            offers_core: false,
        };
        let surroundings = Surroundings { host, spin, rng };
        let (executor, workers) = Plan::new(self)?.executor(self, surroundings);
        let worker = |parts| Worker::new(executor.clone(), parts);
        let workers = workers.into_iter().map(worker).collect();
        Ok((executor, workers))
    }

    fn spin(&self) -> Spin {
        Spin {
            rounds: if cores() > 1 { SPIN_ROUNDS } else { 0 },
            // A high thread that offered its core to a niced one would get it back after that
            // one's time slice, 3 ms later.
            offers_core: self.low_nice.is_none(),
        }
    }

    /// The niceness that the low threads will really have.
    fn effective_nice(&self) -> Option<u8> {
        self.low_nice.filter(|_| nice::SUPPORTED)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("high", &self.high)
            .field("low", &self.low)
            .field("stealing", &self.stealing)
            .field("reserved_high", &self.reserved_high)
            .field("low_nice", &self.low_nice)
            .field("further", &self.further)
            .field("thread_name", &self.thread_name)
            .field("observer", &self.observer.is_some())
            .field("local_queues", &self.local_queues)
            .field("idle", &self.idle)
            .field("long_polls", &self.long_polls)
            .finish()
    }
}

/// Why a runtime was not started. Nothing has been left running.
///
/// ```
/// use laneway::{BuildError, Runtime};
///
/// let error = Runtime::builder().with_high_num(0).with_low_num(0).build().unwrap_err();
/// assert!(matches!(error, BuildError::NoThreads));
/// assert!(error.to_string().ends_with("to at least 1"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// There would be no threads at all.
    NoThreads,
    /// No thread takes from this queue.
    Unserved {
        /// The queue's name.
        queue: String,
    },
    /// More high threads are reserved than there are.
    ReservedExceedsHigh {
        /// How many were to be reserved.
        reserved: usize,
        /// How many high threads there are.
        high: usize,
    },
    /// Two queues have the same name. `high` and `low` are taken.
    DuplicateQueue {
        /// The name.
        queue: String,
    },
    /// A queue is to steal from one that does not exist.
    UnknownQueue {
        /// The queue whose threads are to steal.
        queue: String,
        /// The name that no queue has.
        steals_from: String,
    },
    /// A threshold for long polls was set for a queue that does not exist.
    NoQueueForLongPoll {
        /// The name that no queue has.
        queue: String,
    },
    /// A name that threads cannot have: it is empty or contains a NUL character.
    BadName {
        /// The name.
        name: String,
    },
    /// A niceness beyond 19.
    BadNiceness {
        /// What was asked for.
        niceness: u8,
    },
    /// Naps of no length would keep every core busy.
    ZeroNap,
    /// More threads than a runtime takes.
    TooManyThreads {
        /// How many were asked for.
        threads: usize,
    },
    /// An environment variable holds no number.
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// The process-wide runtime has started already.
    AlreadyRunning,
    /// The operating system refused a thread.
    Thread(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoThreads => write!(
                f,
                "a runtime needs a thread: set with_high_num or with_low_num to at least 1"
            ),
            BuildError::Unserved { queue } => write!(
                f,
                "nobody serves the queue {queue:?}: give it a thread, or let another queue's \
                 threads steal from it"
            ),
            BuildError::ReservedExceedsHigh { reserved, high } => write!(
                f,
                "{reserved} high threads are to be reserved and there are {high}: lower \
                 with_reserved_high or raise with_high_num"
            ),
            BuildError::DuplicateQueue { queue } => write!(
                f,
                "there is a queue {queue:?} already: give the further queue another name"
            ),
            BuildError::UnknownQueue { queue, steals_from } => write!(
                f,
                "the queue {queue:?} is to steal from {steals_from:?}, which does not exist: add \
                 it by with_queue, or name another"
            ),
            BuildError::NoQueueForLongPoll { queue } => write!(
                f,
                "with_long_poll_in names a queue {queue:?}, which does not exist: add it by \
                 with_queue, or name another"
            ),
            BuildError::BadName { name } => write!(
                f,
                "{name:?} cannot be part of a thread's name: use a name that is not empty and \
                 has no NUL character"
            ),
            BuildError::BadNiceness { niceness } => write!(
                f,
                "a niceness of {niceness} does not exist: use 0 to {MAX_NICENESS}"
            ),
            BuildError::ZeroNap => write!(
                f,
                "naps of no length would keep every core busy: use a longer Idle::Nap, or \
                 Idle::Park"
            ),
            BuildError::TooManyThreads { threads } => write!(
                f,
                "{threads} threads were asked for: a runtime takes {MAX_THREADS} at most"
            ),
            BuildError::BadVariable { variable, value } => write!(
                f,
                "the environment variable {variable} is {value:?}: set it to a number of \
                 threads, or unset it"
            ),
            BuildError::AlreadyRunning => write!(
                f,
                "the process-wide runtime has started already: configure it before the first \
                 spawn_task!, or build a runtime of your own with Runtime::builder().build()"
            ),
            BuildError::Thread(error) => {
                write!(f, "the operating system refused a thread: {error}")
            }
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// A validated configuration: which queues there are, and which routes their workers take.
struct Plan {
    queues: Vec<QueuePlan>,
    /// For each queue, how long a poll may take before it is reported.
    long_polls: Box<[Duration]>,
}

/// What the workers of a plan are put into.
struct Surroundings {
    host: Arc<dyn Host>,
    spin: Spin,
    /// Gives each worker the seed of its own.
    rng: fastrand::Rng,
}

/// One queue and its workers.
struct QueuePlan {
    name: String,
    threads: usize,
    /// What its workers take besides. The reserved ones take nothing.
    steals_from: Vec<QueueId>,
    reserved: usize,
    niceness: Option<u8>,
}

impl Plan {
    fn new(builder: &Builder) -> Result<Plan, BuildError> {
        let high = resolve(builder.high, HIGH_NUM_VARIABLE, default_high)?;
        let low = resolve(builder.low, LOW_NUM_VARIABLE, || 1)?;
        let stealing = builder.stealing;
        let mut queues = vec![
            QueuePlan {
                name: "high".to_owned(),
                threads: high,
                steals_from: stealing.high_takes().to_vec(),
                reserved: builder.reserved_high,
                niceness: None,
            },
            QueuePlan {
                name: "low".to_owned(),
                threads: low,
                steals_from: stealing.low_takes().to_vec(),
                reserved: 0,
                niceness: builder.effective_nice(),
            },
        ];
        for further in &builder.further {
            queues.push(QueuePlan {
                name: further.name.clone(),
                threads: further.threads,
                steals_from: builder.resolve_steals(further)?,
                reserved: 0,
                niceness: None,
            });
        }
        let names: Vec<&str> = queues.iter().map(|queue| &*queue.name).collect();
        let long_polls = builder.long_polls.resolve(&names);
        let plan = Plan {
            long_polls: long_polls.map_err(|queue| BuildError::NoQueueForLongPoll { queue })?,
            queues,
        };
        plan.check(builder)?;
        Ok(plan)
    }

    fn reports_long_polls(&self) -> bool {
        self.long_polls
            .iter()
            .any(|&threshold| threshold != Duration::MAX)
    }

    fn check(&self, builder: &Builder) -> Result<(), BuildError> {
        self.check_names(builder)?;
        let threads = self.threads();
        if threads == 0 {
            return Err(BuildError::NoThreads);
        }
        if threads > MAX_THREADS {
            return Err(BuildError::TooManyThreads { threads });
        }
        let high = &self.queues[QueueId::HIGH.index()];
        if high.reserved > high.threads {
            return Err(BuildError::ReservedExceedsHigh {
                reserved: high.reserved,
                high: high.threads,
            });
        }
        if let Some(niceness) = builder.low_nice.filter(|&n| n > MAX_NICENESS) {
            return Err(BuildError::BadNiceness { niceness });
        }
        if builder.idle == Idle::Nap(Duration::ZERO) {
            return Err(BuildError::ZeroNap);
        }
        self.check_served()
    }

    fn check_names(&self, builder: &Builder) -> Result<(), BuildError> {
        let mut seen = HashSet::new();
        for queue in &self.queues {
            if !seen.insert(&queue.name) {
                let queue = queue.name.clone();
                return Err(BuildError::DuplicateQueue { queue });
            }
        }
        let names = self.queues.iter().map(|queue| &queue.name);
        let bad = |name: &&String| name.is_empty() || name.contains('\0');
        match names.chain([&builder.thread_name]).find(bad) {
            Some(name) => Err(BuildError::BadName { name: name.clone() }),
            None => Ok(()),
        }
    }

    fn check_served(&self) -> Result<(), BuildError> {
        let routes: Vec<Route> = self.routes().map(|(_, route)| route).collect();
        for (index, queue) in self.queues.iter().enumerate() {
            let id = queue_id(index);
            if !routes.iter().any(|route| route.position(id).is_some()) {
                let queue = queue.name.clone();
                return Err(BuildError::Unserved { queue });
            }
        }
        Ok(())
    }

    fn threads(&self) -> usize {
        let threads = self.queues.iter().map(|queue| queue.threads);
        threads.fold(0, usize::saturating_add)
    }

    /// Every worker's number among its queue's, and its route, in the order of their ids.
    fn routes(&self) -> impl Iterator<Item = (usize, Route)> {
        let staffed = |id: QueueId| self.queues[id.index()].threads > 0;
        self.queues
            .iter()
            .enumerate()
            .flat_map(move |(index, queue)| {
                (0..queue.threads).map(move |number| {
                    let steals_from = match number < queue.reserved {
                        true => &[],
                        false => &*queue.steals_from,
                    };
                    (number, Route::new(queue_id(index), steals_from, staffed))
                })
            })
    }

    /// The names and nicenesses of the workers' threads.
    fn places(&self, builder: &Builder) -> Vec<(String, Option<u8>)> {
        let place = |(number, route): (usize, Route)| {
            let queue = &self.queues[route.home.index()];
            let name = format!("{}-{}-{number}", builder.thread_name, queue.name);
            (name, queue.niceness)
        };
        self.routes().map(place).collect()
    }

    /// Everything that the workers share, and what each of them is made of.
    fn executor(
        &self,
        builder: &Builder,
        mut surroundings: Surroundings,
    ) -> (Arc<Executor>, Vec<WorkerParts>) {
        let mut crews = Crews::default();
        let mut stealables: Vec<Vec<Stealable>> = self.queues.iter().map(|_| vec![]).collect();
        let mut workers = Vec::new();
        for (index, (_, route)) in self.routes().enumerate() {
            let id = WorkerId(u16::try_from(index).expect("no more than MAX_THREADS"));
            let crew = crews.join(&route);
            let locals = if builder.local_queues {
                let local = |&queue: &QueueId| {
                    let (local, stealable) = LocalQueue::new(id);
                    stealables[queue.index()].push(stealable);
                    local
                };
                route.queues.iter().map(local).collect()
            } else {
                Box::default()
            };
            workers.push(WorkerParts {
                id,
                crew,
                route,
                locals,
                seed: surroundings.rng.u64(..),
            });
        }
        let queue = |((index, plan), stealables): ((usize, &QueuePlan), Vec<Stealable>)| {
            Queue::new(
                &plan.name,
                plan.threads,
                stealables.into(),
                crews.serving(queue_id(index)),
            )
        };
        let queues = self.queues.iter().enumerate().zip(stealables).map(queue);
        let executor = Executor::register(ExecutorParts {
            queues: queues.collect(),
            sleepers: Sleepers::new(&crews.sizes()),
            homes: workers.iter().map(|parts| parts.route.home).collect(),
            observer: builder.observer.clone(),
            long_polls: self.long_polls.clone(),
            spin: surroundings.spin,
            host: surroundings.host,
        });
        (executor, workers)
    }
}

/// Workers grouped by the queues they serve: see `executor/idle.rs`.
#[derive(Default)]
struct Crews {
    /// The queues that each crew serves, sorted, and its size.
    crews: Vec<(Vec<QueueId>, usize)>,
}

impl Crews {
    fn join(&mut self, route: &Route) -> CrewId {
        let mut serves = route.queues.to_vec();
        serves.sort_unstable();
        let found = self.crews.iter().position(|(queues, _)| *queues == serves);
        let index = found.unwrap_or_else(|| {
            self.crews.push((serves, 0));
            self.crews.len() - 1
        });
        self.crews[index].1 += 1;
        CrewId(index)
    }

    fn sizes(&self) -> Vec<usize> {
        self.crews.iter().map(|&(_, size)| size).collect()
    }

    /// The crews that serve a queue, those that serve least besides first: they have the least
    /// else to do.
    fn serving(&self, queue: QueueId) -> Box<[CrewId]> {
        let mut serving: Vec<(usize, usize)> = self
            .crews
            .iter()
            .enumerate()
            .filter(|(_, (queues, _))| queues.contains(&queue))
            .map(|(index, (queues, _))| (queues.len(), index))
            .collect();
        serving.sort_unstable();
        serving.iter().map(|&(_, index)| CrewId(index)).collect()
    }
}

impl Builder {
    fn resolve_steals(&self, further: &FurtherQueue) -> Result<Vec<QueueId>, BuildError> {
        let names: Vec<&str> = ["high", "low"]
            .into_iter()
            .chain(self.further.iter().map(|queue| &*queue.name))
            .collect();
        let resolve = |wanted: &String| match names.iter().position(|name| name == wanted) {
            Some(index) => Ok(queue_id(index)),
            None => Err(BuildError::UnknownQueue {
                queue: further.name.clone(),
                steals_from: wanted.clone(),
            }),
        };
        further.steals_from.iter().map(resolve).collect()
    }
}

fn queue_id(index: usize) -> QueueId {
    QueueId(u16::try_from(index).expect("a builder takes fewer than 2^16 queues"))
}

/// An explicit setting, or else the environment's, or else the default.
fn resolve(
    explicit: Option<usize>,
    variable: &'static str,
    default: impl FnOnce() -> usize,
) -> Result<usize, BuildError> {
    if let Some(threads) = explicit {
        return Ok(threads);
    }
    match env::var(variable) {
        Ok(value) => match value.trim().parse() {
            Ok(threads) => Ok(threads),
            Err(_) => Err(BuildError::BadVariable { variable, value }),
        },
        Err(VarError::NotPresent) => Ok(default()),
        Err(VarError::NotUnicode(value)) => Err(BuildError::BadVariable {
            variable,
            value: value.to_string_lossy().into_owned(),
        }),
    }
}

/// Two cores are left to the low thread and to whoever waits for the results; one high thread
/// there always is.
fn default_high() -> usize {
    high_for(cores())
}

fn high_for(cores: usize) -> usize {
    cores.saturating_sub(2).max(1)
}

/// The cores that this process may use, by its cgroup's quota too. One if nobody knows.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::high_for;

    #[test]
    fn there_is_a_high_thread_on_every_machine() {
        let defaults = [1, 2, 3, 4, 64].map(high_for);
        assert_eq!(defaults, [1, 1, 1, 2, 62]);
    }
}
