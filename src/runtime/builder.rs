//! The configuration of a runtime: every setting and its default.
//!
//! The outcome of the settings is worked out in `plan.rs`, and refused there if it cannot be.
//! `start.rs` brings it to life.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::build_error::MAX_NICENESS;
use super::stealing::Stealing;
use super::thread_settings::ThreadSettings;
use super::threads::Idle;
use super::watchdog::Thresholds;
use crate::ground::os_thread;
use crate::ground::telemetry::Observer;

/// Configures a runtime. Made by [`Runtime::builder`](crate::Runtime::builder).
///
/// | setting | default | |
/// |---|---|---|
/// | [`with_high_num`] | the cores less two, at least 1 | threads at home in the high queue |
/// | [`with_low_num`] | 1 | threads at home in the low queue |
/// | [`with_stealing`] | both, but nice low threads | which idle threads steal from the others |
/// | [`with_reserved_high`] | 0 | high threads that never steal |
/// | [`with_standby`] | 1 or 2 where high ones steal | run high tasks while those are in low ones |
/// | [`with_low_nice`] | 19 beside a standby | the low threads' niceness, 0 to 19; Linux only |
/// | [`with_queue`] | none | a further queue with threads of its own |
/// | [`with_thread_name`] | `laneway` | the beginning of the threads' names: `laneway-high-0` |
/// | [`with_stand_ins`] | 512 | the most threads that stand in for blocked ones |
/// | [`with_stack_size`] | 2 MiB, or `RUST_MIN_STACK` | the size of each thread's stack, in bytes |
/// | [`with_thread_start`] | nothing | what each thread does first |
/// | [`with_thread_stop`] | nothing | what each thread does last |
/// | [`with_long_poll`] | 10 ms | a poll that takes longer is reported |
/// | [`with_long_poll_in`] | the same | that threshold for one queue |
/// | [`with_observer`] | none | is told of every step of the scheduler |
/// | [`with_idle`] | [`Idle::Park`] | how a thread waits for work |
/// | [`with_local_queues`] | `true` | whether each worker has a deque of its own |
/// | [`latency_first`] | | a preset of the first five: high tasks start within microseconds |
///
/// The environment's `LANEWAY_HIGH_NUM` and `LANEWAY_LOW_NUM` override the first two defaults, and
/// a setting made here goes before both. [`build`] gives a runtime of your own, [`run`] starts the
/// process-wide one. A configuration that cannot work is a [`BuildError`](crate::BuildError) that
/// says what to change.
///
/// [`with_high_num`]: Builder::with_high_num
/// [`with_low_num`]: Builder::with_low_num
/// [`with_stealing`]: Builder::with_stealing
/// [`with_reserved_high`]: Builder::with_reserved_high
/// [`with_standby`]: Builder::with_standby
/// [`with_low_nice`]: Builder::with_low_nice
/// [`with_queue`]: Builder::with_queue
/// [`with_thread_name`]: Builder::with_thread_name
/// [`with_stand_ins`]: Builder::with_stand_ins
/// [`with_stack_size`]: Builder::with_stack_size
/// [`with_thread_start`]: Builder::with_thread_start
/// [`with_thread_stop`]: Builder::with_thread_stop
/// [`with_long_poll`]: Builder::with_long_poll
/// [`with_long_poll_in`]: Builder::with_long_poll_in
/// [`with_observer`]: Builder::with_observer
/// [`with_idle`]: Builder::with_idle
/// [`with_local_queues`]: Builder::with_local_queues
/// [`latency_first`]: Builder::latency_first
/// [`build`]: Builder::build
/// [`run`]: Builder::run
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
    pub(super) high: Option<usize>,
    pub(super) low: Option<usize>,
    pub(super) stealing: Option<Stealing>,
    pub(super) reserved_high: usize,
    pub(super) standby: Option<usize>,
    pub(super) low_nice: Option<u8>,
    pub(super) further: Vec<FurtherQueue>,
    pub(super) thread_name: String,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) local_queues: bool,
    pub(super) idle: Idle,
    pub(super) long_polls: Thresholds,
    pub(super) threads: ThreadSettings,
}

#[derive(Clone, Debug)]
pub(super) struct FurtherQueue {
    pub(super) name: String,
    pub(super) threads: usize,
    pub(super) steals_from: Vec<String>,
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

/// The cores that this process may use, by its cgroup's quota too. One if the system does not tell.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One, but beside a single high thread on two cores one for each core: that thread and the low one
/// keep both busy with low tasks.
fn standby_for(high: usize, cores: usize) -> usize {
    match (high, cores) {
        (0, _) => 0,
        (1, 2) => 2,
        _ => 1,
    }
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            high: None,
            low: None,
            stealing: None,
            reserved_high: 0,
            standby: None,
            low_nice: None,
            further: Vec::new(),
            thread_name: "laneway".to_owned(),
            observer: None,
            local_queues: true,
            idle: Idle::default(),
            long_polls: Thresholds::default(),
            threads: ThreadSettings::default(),
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
    /// // These three, and the one that stands by for them.
    /// assert_eq!(homes.filter(|&home| home == QueueId::HIGH).count(), 4);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "worker_threads")]
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
    #[doc(alias = "worker_threads")]
    pub fn with_low_num(mut self, threads: usize) -> Builder {
        self.low = Some(threads);
        self
    }

    /// Sets which idle threads take tasks of the other queue. Default: [`Stealing::Both`], or
    /// [`Stealing::HighFromLow`] where there is a [standby](Builder::with_standby) and the low
    /// threads are [nice](Builder::with_low_nice).
    ///
    /// A nice thread gives way to all others, also in the middle of a high task that it has stolen:
    /// while other programs want every core, such a task may be kept waiting for a tenth of a
    /// second. So nice threads leave high tasks to the high ones and to the standby, unless they
    /// are told otherwise here.
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
        self.stealing = Some(stealing);
        self
    }

    /// Reserves the first `n` high threads for high tasks: they never steal, so that they are
    /// free when a high task comes. Default: 0.
    ///
    /// Other than a [standby](Builder::with_standby), which runs only while the others are away,
    /// such a thread takes its part in all high work.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::sync::OnceLock;
    ///
    /// static DONE: OnceLock<()> = OnceLock::new();
    ///
    /// let builder = Runtime::builder().with_high_num(2).with_low_num(1);
    /// let rt = builder.with_reserved_high(1).build()?;
    /// // Low tasks that block all threads that they get, for as long as the high one is not done.
    /// for _ in 0..3 {
    ///     rt.spawn(async { DONE.wait() }, Priority::Low).detach();
    /// }
    /// assert_eq!(rt.block_on(rt.spawn(async { 42 }, Priority::High)), 42);
    /// DONE.set(()).unwrap();
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn with_reserved_high(mut self, n: usize) -> Builder {
        self.reserved_high = n;
        self
    }

    /// Sets how many threads stand by for the high ones, beside those of
    /// [`with_high_num`](Builder::with_high_num). Default: 1 where every high thread takes low
    /// tasks, but 2 where there is one on two cores, as is the default there; otherwise 0.
    ///
    /// A high thread that has taken a low task is away until the end of that poll. If a high task
    /// comes meanwhile, a standby is unparked for it. Standbys take high tasks alone, so that a
    /// standby is free unless other high tasks keep it busy. It is unparked for what the other high
    /// threads leave, and also helps where there are more high tasks than those can see to. While
    /// there are only low tasks, it stays parked, and costs nothing but its stack.
    ///
    /// On two cores, low tasks keep both busy by default, and a high task starts soonest on the
    /// core of the thread that spawned or woke it. So there is a standby for each core then. A high
    /// task that spawns or wakes another leaves the second one parked, since two threads at high
    /// work keep both cores busy. Standbys that are asked for by number are unparked for all high
    /// tasks.
    ///
    /// With none, the low threads are not nice either, unless
    /// [`with_low_nice`](Builder::with_low_nice) says so, and a high task may wait for the end of a
    /// low poll.
    ///
    /// ```
    /// use laneway::{BuildError, Priority, Runtime, Stealing};
    ///
    /// let builder = || Runtime::builder().with_high_num(1).with_low_num(1);
    /// assert_eq!(builder().with_standby(1).build()?.metrics().workers.len(), 3);
    /// assert!(builder().build()?.metrics().workers.len() >= 3);
    ///
    /// let for_none = Runtime::builder().with_stealing(Stealing::None).with_standby(1).build();
    /// assert!(matches!(for_none, Err(BuildError::StandbyForNone)));
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn with_standby(mut self, threads: usize) -> Builder {
        self.standby = Some(threads);
        self
    }

    /// Sets the low threads' niceness, from 0 to 19: the operating system itself then prefers
    /// high threads when both want a core, in the middle of a poll. Default: 19 where there is a
    /// [standby](Builder::with_standby), and otherwise left alone.
    ///
    /// A nice thread gives way to the threads of other programs, too. While those want all cores,
    /// low threads get little, and high ones keep their share; a lock that a low task holds
    /// meanwhile keeps high tasks waiting, too. Of the runtime's own locks, a low task that spawns
    /// or wakes a high one takes none that threads with high tasks wait for. High and low tasks
    /// share a few others for some instructions, such as those of the low queue and of the timer;
    /// a low thread that loses its core just there holds up the high ones that want the same lock.
    /// Within a container or a service of systemd, niceness counts among the threads of that cgroup
    /// alone. With 0, low threads give way to none, and a high task may wait for a core as long as
    /// the system's time slices last.
    ///
    /// A nice thread may end its slice now and then, which takes up to 2.8 ms. With the feature
    /// `slices`, and from Linux 6.12 on, standbys and high threads that steal nothing do not wait
    /// for that: they ask for slices of 0.1 ms, unless the program is nice as a whole. Threads that
    /// their tasks start by themselves have such slices, too.
    ///
    /// Linux only: elsewhere niceness belongs to the whole process and is left alone, and
    /// [`Runtime::low_nice`](crate::Runtime::low_nice) says so. A low thread keeps its niceness
    /// while it runs a stolen high task. With at least as many high threads as cores, they spread
    /// over the cores on which low threads wake them, as
    /// [`latency_first`](Builder::latency_first) tells.
    ///
    /// # Threads that low tasks start
    ///
    /// On Linux a thread is as nice as the one that starts it, and can never be less so again. For
    /// threads of this crate, a thread called `laneway-starter` sees to it that this does not
    /// matter: those of the timer, of [`blocking`](crate::blocking), and of a runtime that is built
    /// in a low task are as nice as the thread that first built a runtime with a niceness. All that
    /// low tasks start besides is nice for ever: threads of their own, child processes, and the
    /// threads of other crates, which may serve high tasks as well. Such a thread is better
    /// started early, before the runtime or from outside of its tasks. That of `async-io`, which
    /// serves all sockets of `async-net`, starts with the first use of a socket or of its `Timer`:
    ///
    /// ```
    /// use laneway::Runtime;
    ///
    /// // The reactor's thread starts here, and is not nice.
    /// let listener = laneway::block_on(async_net::TcpListener::bind("127.0.0.1:0"))?;
    /// let rt = Runtime::builder().with_low_nice(10).build()?;
    /// assert_eq!(rt.low_nice(), cfg!(target_os = "linux").then_some(10));
    /// # drop(listener);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Example
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

    /// Sets the observer, which is told what the scheduler does. Default: none, at the cost of one
    /// branch.
    ///
    /// ```
    /// use laneway::observe::{Event, Observer};
    /// use laneway::{Priority, Runtime};
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

    /// Sets how a worker waits for work. Default: [`Idle::Park`].
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

    /// Sets how many threads there may be beside one for each worker: those that stand in for
    /// threads that a task blocks, by [`join!`](crate::join!), [`block_on`](crate::block_on) or
    /// [`block_in_place`](crate::block_in_place). Default: 512. A blocked thread is not needed any
    /// more when the poll that blocked it has ended, and leaves after ten seconds without work, or
    /// when another has to start in its stead for another worker.
    ///
    /// Beyond the bound, and where the operating system refuses a thread, a task that blocks in
    /// [`join!`](crate::join!) or [`block_on`](crate::block_on) keeps its worker, which goes on
    /// within that task's poll: what it waits for has to wait in turn for the end of the poll that
    /// is then running. Such a task must hold no lock that others take, and must not be waited for
    /// by them in a way that blocks their thread; the log has a warning when it first happens. With
    /// a bound of 0, a service whose handler joins tasks is not to be called by
    /// `block_on(handle.call(..))` within tasks: such a caller may come to stand above the handler
    /// on a stack, and the two would wait for each other for ever.
    ///
    /// A task that keeps its worker uses half of the thread's stack at most, and then exceeds the
    /// bound after all. In [`block_in_place`](crate::block_in_place), the worker stands still.
    ///
    /// ```
    /// use laneway::{Priority, Runtime, join, spawn_task};
    ///
    /// let rt = Runtime::builder().with_high_num(0).with_low_num(1).with_stand_ins(0).build()?;
    /// let parent = rt.spawn(
    ///     async {
    ///         let child = spawn_task!(async {
    ///             laneway::yield_now().await;
    ///             1
    ///         });
    ///         join!(child)[0] + 1
    ///     },
    ///     Priority::Low,
    /// );
    /// assert_eq!(rt.block_on(parent), 2);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "max_blocking_threads")]
    pub fn with_stand_ins(mut self, threads: usize) -> Builder {
        self.threads.stand_ins = threads;
        self
    }

    /// Sets the size of each thread's stack, in bytes. Default: what the standard library gives, 2
    /// MiB unless the environment variable `RUST_MIN_STACK` says otherwise.
    ///
    /// A future does not need room there, since one that is large is boxed when it is spawned, as
    /// is one that a service's handler gives, the run of a periodic process, and one that is
    /// simulated; what its polls call does. The output of a closure or of `block_on`, and a
    /// request, a reply and the state of a service go their way in a box if they have more than 4
    /// KiB, and so does the output of a task in a build with debug assertions. The functions that
    /// make such a value and those that await it still need room for it: in a build without
    /// optimisations, an `async` block that awaits it has it several times on its stack, once more
    /// for each `unwrap`. An output of 256 KiB passes there by every way that gives it as it is,
    /// and one of 128 KiB within an `Option` of a `Result`, as `join_next` gives it. A size of
    /// less than 64 KiB is a [`BuildError::SmallStack`], and one that the operating system refuses
    /// is a [`BuildError::Thread`].
    ///
    /// [`BuildError::SmallStack`]: super::BuildError::SmallStack
    /// [`BuildError::Thread`]: super::BuildError::Thread
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    ///
    /// let rt = Runtime::builder().with_stack_size(8 << 20).build()?;
    /// let deep = async { std::hint::black_box([0_u8; 3 << 20]).len() };
    /// assert_eq!(rt.block_on(rt.spawn(deep, Priority::Low)), 3 << 20);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "thread_stack_size")]
    pub fn with_stack_size(mut self, bytes: usize) -> Builder {
        self.threads.stack_size = Some(bytes);
        self
    }

    /// Sets what each thread that runs tasks does first, for example to bind itself to a core.
    /// Default: nothing. Threads that stand in for blocked ones do it too. A panic goes to the log.
    /// A hook that waits for a task of the runtime may wait for ever: no thread runs tasks before
    /// its own hook has ended.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::cell::Cell;
    ///
    /// thread_local! {
    ///     static READY: Cell<bool> = const { Cell::new(false) };
    /// }
    ///
    /// let rt = Runtime::builder().with_thread_start(|| READY.set(true)).build()?;
    /// assert!(rt.block_on(rt.spawn(async { READY.get() }, Priority::Low)));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "on_thread_start")]
    pub fn with_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Builder {
        self.threads.on_start = Some(Arc::new(hook));
        self
    }

    /// Sets what each thread that runs tasks does last. Default: nothing. A panic goes to the log.
    ///
    /// ```
    /// use laneway::Runtime;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let stopped = Arc::new(AtomicUsize::new(0));
    /// let count = stopped.clone();
    /// let hook = move || drop(count.fetch_add(1, Ordering::SeqCst));
    /// let builder = Runtime::builder().with_high_num(2).with_low_num(1);
    /// drop(builder.with_thread_stop(hook).build()?);
    /// // One thread stands by for the high ones.
    /// assert_eq!(stopped.load(Ordering::SeqCst), 4);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[doc(alias = "on_thread_stop")]
    pub fn with_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Builder {
        self.threads.on_stop = Some(Arc::new(hook));
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
    /// use laneway::observe::{LongPoll, Observer};
    /// use laneway::{Priority, Runtime};
    /// use std::sync::{Arc, mpsc};
    /// use std::time::Duration;
    ///
    /// struct Reports(mpsc::Sender<Duration>);
    ///
    /// impl Observer for Reports {
    ///     fn on_long_poll(&self, poll: &LongPoll<'_>) {
    ///         let _ = self.0.send(poll.duration());
    ///     }
    /// }
    ///
    /// let (sender, reports) = mpsc::channel();
    /// // Tasks on "cpu" may compute for a second at a time, all others for 5 ms.
    /// let rt = Runtime::builder()
    ///     .with_observer(Arc::new(Reports(sender)))
    ///     .with_queue("cpu", 1, &[])
    ///     .with_long_poll(Duration::from_millis(5))
    ///     .with_long_poll_in("cpu", Duration::from_secs(1))
    ///     .build()?;
    /// // A poll that lasts until it is reported.
    /// let stuck = rt.spawn(async move { reports.recv() }, Priority::Low);
    /// assert!(rt.block_on(stuck)? >= Duration::from_millis(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_long_poll(mut self, threshold: Duration) -> Builder {
        self.long_polls.everywhere = threshold;
        self
    }

    /// Sets for one queue how long a poll may take before it is reported, in place of what
    /// [`with_long_poll`](Builder::with_long_poll) sets for all queues. That method has an example.
    /// The two queues that every runtime has are called `"high"` and `"low"`.
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

    /// Prepares for high tasks that must start at once, even while low tasks keep every core busy:
    /// as many high and as many low threads as there are cores, no thread steals, and the low
    /// threads have niceness 19.
    ///
    /// No low poll, however long, ever occupies a high thread, so that one is free unless high
    /// tasks themselves keep all of them busy; and the operating system takes the core from a low
    /// thread in the middle of its poll. While no high task runs, the low threads have all cores.
    /// The low queue is not starved as long as a low thread gets a core.
    ///
    /// The high thread that is woken is the one that slept on the core of the thread that wakes it:
    /// that spares an interrupt to another core. A high thread that a low one had to wake on
    /// another core moves over to the low one's before it sleeps again. Threads are not bound to
    /// cores: the operating system may move them at any time. As long as high threads sleep, each
    /// high task wakes one of its own, even if another was woken before and has not got a core yet.
    ///
    /// On systems where threads have no niceness of their own, a high thread shares the cores
    /// with the low ones as the operating system sees fit, and starts within its time slices
    /// instead. [`Runtime::low_nice`](crate::Runtime::low_nice) tells.
    ///
    /// A thread that a low task starts is as nice as that task's, for ever.
    /// [`with_low_nice`](Builder::with_low_nice) tells of which threads this is true, and which of
    /// them are to be started early.
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
            .with_standby(0)
            .with_low_nice(MAX_NICENESS)
    }

    /// How many threads stand by for `high` high ones.
    pub(super) fn effective_standby(&self, high: usize) -> usize {
        let stealing = self.stealing.unwrap_or_default();
        let steals = !stealing.high_takes().is_empty() && self.reserved_high == 0;
        let default = || match steals {
            true => standby_for(high, cores()),
            false => 0,
        };
        self.standby.unwrap_or_else(default)
    }

    /// How many high threads and standbys are left parked by those at high work: as many as there
    /// are standbys beyond the first, unless the user has asked for them.
    pub(super) fn kept(&self, standby: usize) -> usize {
        match self.standby {
            Some(_) => 0,
            None => standby.saturating_sub(1),
        }
    }

    /// Which threads will really take tasks of the other queue.
    pub(super) fn effective_stealing(&self, standby: usize, niceness: Option<u8>) -> Stealing {
        let nice_beside_standby = standby > 0 && niceness.is_some_and(|niceness| niceness > 0);
        let default = match nice_beside_standby {
            true => Stealing::HighFromLow,
            false => Stealing::Both,
        };
        self.stealing.unwrap_or(default)
    }

    /// The niceness that the low threads will really have beside `standby` standbys.
    pub(super) fn effective_nice(&self, standby: usize) -> Option<u8> {
        let default = (standby > 0).then_some(MAX_NICENESS);
        let niceness = self.low_nice.or(default);
        niceness.filter(|_| os_thread::HAS_NICENESS)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("high", &self.high)
            .field("low", &self.low)
            .field("stealing", &self.stealing)
            .field("reserved_high", &self.reserved_high)
            .field("standby", &self.standby)
            .field("low_nice", &self.low_nice)
            .field("further", &self.further)
            .field("thread_name", &self.thread_name)
            .field("observer", &self.observer.is_some())
            .field("local_queues", &self.local_queues)
            .field("idle", &self.idle)
            .field("long_polls", &self.long_polls)
            .field("threads", &self.threads)
            .finish()
    }
}
