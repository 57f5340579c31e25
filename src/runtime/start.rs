//! The start of a runtime: built, as the process-wide one, or without threads of its own.

use std::panic::Location;
use std::sync::{Arc, Mutex, OnceLock};

use super::build_error::BuildError;
use super::builder::{Builder, cores};
use super::plan::{Plan, Surroundings};
use super::runtime::Runtime;
use super::threads::Threads;
use crate::executor::{Executor, Host, Worker};
use crate::ground::os_thread;
use crate::ground::shield::{log_debug, log_warning};
use crate::ground::sync::unpoisoned;
use crate::idle::{Nearby, Spin};

/// The process-wide runtime.
static GLOBAL: OnceLock<Runtime> = OnceLock::new();

/// Locked by the thread that starts it with defaults, so that of several one does. Not an
/// initializer of the above: a failure has to be out of it before a panic's hook is called, which
/// may ask for the runtime as well.
static STARTS: Mutex<()> = Mutex::new(());

/// How often a searching worker looks again before it rests, where there is another core
/// that could bring work meanwhile.
const SPIN_ROUNDS: u32 = 100;

/// The same where low threads are nice (T44). A thread that brings one task at a time, and waits
/// for each without a spin, takes longer than this to wake up, so that the worker parks meanwhile
/// and can follow it (T43). For other threads it may search for longer (`idle/linger.rs`).
const SPIN_ROUNDS_NICE: u32 = 40;

/// The same where low threads are nice and high ones take no low tasks: a high thread that goes on
/// looking keeps its core from them (T16).
const SPIN_ROUNDS_BESIDE_NICE: u32 = 10;

impl Runtime {
    /// The process-wide runtime, started with defaults if it does not exist yet.
    ///
    /// # Panics
    ///
    /// If it has to be started and cannot be, for instance because `LANEWAY_HIGH_NUM` holds no
    /// number, or the operating system refuses a thread. A later call tries again.
    ///
    /// ```
    /// let rt = laneway::Runtime::global();
    /// assert_eq!(rt.block_on(async { 5 }), 5);
    /// ```
    pub fn global() -> &'static Runtime {
        Runtime::get_or_start(|| {})
    }

    /// The process-wide runtime, for a spawn on a thread that belongs to none. If it has to be
    /// started, the log says so, since that may be a second runtime, unknown to the author of the
    /// program.
    #[cold]
    pub(crate) fn start_global(spawned_at: &'static Location<'static>) -> &'static Arc<Executor> {
        // Of several threads that come here at once, the one that builds the runtime tells of it.
        let mut others = None;
        let runtime = Runtime::get_or_start(|| others = Some(Executor::count()));
        // Told outside of the lock, since the logger may spawn.
        if let Some(others) = others {
            let words = format_args!(
                "the process-wide runtime has started for {spawned_at}, on a thread that \
                 belongs to no runtime ({others} others exist)"
            );
            match others {
                0 => log_debug(words),
                _ => log_warning(words),
            }
        }
        &runtime.executor
    }

    /// The process-wide runtime. `starts` is called before it is built here.
    fn get_or_start(starts: impl FnOnce()) -> &'static Runtime {
        match GLOBAL.get() {
            Some(runtime) => runtime,
            None => match start_with_defaults(starts) {
                Ok(runtime) => runtime,
                Err(error) => panic!("the process-wide runtime could not start: {error}"),
            },
        }
    }

    fn install(builder: Builder) -> Result<&'static Runtime, BuildError> {
        if GLOBAL.get().is_some() {
            return Err(BuildError::AlreadyRunning);
        }
        let runtime = builder.build()?;
        match GLOBAL.set(runtime) {
            Ok(()) => Ok(Runtime::global()),
            // Another thread was faster; this runtime ends here.
            Err(_second) => Err(BuildError::AlreadyRunning),
        }
    }
}

/// Starts the process-wide runtime, unless another thread has done so.
fn start_with_defaults(starts: impl FnOnce()) -> Result<&'static Runtime, BuildError> {
    let starting = unpoisoned(STARTS.lock());
    if let Some(runtime) = GLOBAL.get() {
        return Ok(runtime);
    }
    starts();
    let second = GLOBAL.set(Builder::new().build()?);
    // Unlock before a second one ends: another thread has installed the first meanwhile.
    drop(starting);
    drop(second);
    Ok(GLOBAL.get().expect("it has been set"))
}

impl Builder {
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
    /// If the configuration has no threads, a queue that no thread serves, or any other
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
    ///     "no thread serves the queue \"high\": give it a thread, or let another queue's threads steal from it"
    /// );
    /// ```
    pub fn build(self) -> Result<Runtime, BuildError> {
        let plan = Plan::new(&self)?;
        let threads = Threads::new(
            plan.stations(&self),
            format!("{}-closer", self.thread_name),
            self.idle,
            self.threads.clone(),
        );
        let (executor, workers) = plan.executor(
            &self,
            Surroundings {
                host: threads.clone(),
                spin: spin(&plan),
                nearby: plan.nearby(),
                rng: fastrand::Rng::new(),
            },
        );
        // From here on an early return drops the runtime, which ends the threads that started.
        let runtime = Runtime::new_started(executor.clone(), threads.clone(), plan.low_nice());
        if plan.low_nice().is_some() || os_thread::HAS_SHORT_SLICES {
            os_thread::keep_niceness().map_err(BuildError::Thread)?;
        }
        for parts in workers {
            let worker = Box::new(Worker::new(executor.clone(), parts));
            threads.start(worker).map_err(BuildError::Thread)?;
        }
        // It rescues tasks that wait behind a long poll, and reports the poll.
        if self.local_queues || plan.reports_long_polls() {
            let name = format!("{}-watchdog", self.thread_name);
            let started = threads.start_watchdog(&executor, &name);
            started.map_err(BuildError::Thread)?;
        }
        Ok(runtime)
    }

    /// The same runtime without threads, for a caller that steps its workers itself.
    pub(crate) fn without_threads(
        &self,
        host: Arc<dyn Host>,
        rng: fastrand::Rng,
    ) -> Result<(Arc<Executor>, Vec<Worker>), BuildError> {
        let spin = Spin {
            rounds: 0,
            offers_core: false,
        };
        let surroundings = Surroundings {
            host,
            spin,
            nearby: Nearby::indifferent(),
            rng,
        };
        let (executor, workers) = Plan::new(self)?.executor(self, surroundings);
        let worker = |parts| Worker::new(executor.clone(), parts);
        let workers = workers.into_iter().map(worker).collect();
        Ok((executor, workers))
    }
}

fn spin(plan: &Plan) -> Spin {
    let rounds = match plan.low_nice() {
        Some(1..) if !plan.high_may_be_away() => SPIN_ROUNDS_BESIDE_NICE,
        Some(1..) => SPIN_ROUNDS_NICE,
        _ => SPIN_ROUNDS,
    };
    Spin {
        rounds: if cores() > 1 { rounds } else { 0 },
        // A high thread that offered its core to a nice one would get it back only after the
        // nice one's time slice, 3 ms later.
        offers_core: plan.low_nice().is_none(),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Mutex;
    use std::task::Waker;
    use std::time::Duration;

    use super::super::stealing::Stealing;
    use super::*;
    use crate::executor::worker::{MayPark, Step, step, wake_all};
    use crate::executor::{Bound, Late, Origin, seat};
    use crate::ground::ids::{QueueId, WorkerId};
    use crate::idle::Reactor;
    use crate::task::{Half, Task};

    /// Threads that are never asked for, and a clock that stands still.
    type Deed = Box<dyn FnOnce() + Send>;

    /// No threads, but a deed of another thread's may fall on the next look at the clock.
    #[derive(Default)]
    struct NoThreads(Mutex<Option<Deed>>);

    impl NoThreads {
        fn at_next_look(&self, deed: impl FnOnce() + Send + 'static) {
            *self.0.lock().unwrap() = Some(Box::new(deed));
        }
    }

    impl Host for NoThreads {
        fn take_over(
            &self,
            worker: Box<Worker>,
            _bound: Bound,
            _tell: &dyn Fn(),
        ) -> Result<(), Box<Worker>> {
            Err(worker)
        }

        fn rest_until(&self, _is_over: &dyn Fn() -> bool) {
            unreachable!("nothing blocks");
        }

        fn stack_size(&self) -> usize {
            2 << 20
        }

        fn now(&self) -> Duration {
            let deed = self.0.lock().unwrap().take();
            deed.into_iter().for_each(|deed| deed());
            Duration::ZERO
        }
    }

    /// A reactor in which these tasks' sockets are ready.
    #[derive(Debug, Default)]
    struct Sockets(Mutex<Vec<Waker>>);

    impl Reactor for Sockets {
        fn wait(&self, _goes_on: &dyn Fn() -> bool, _ready: &mut Vec<Waker>) {
            unreachable!("no thread parks");
        }

        fn look(&self, ready: &mut Vec<Waker>) {
            ready.append(&mut self.0.lock().unwrap());
        }

        fn notify(&self) {}

        fn close(&self) {}
    }

    /// Spawns tasks that note their names when they run.
    #[derive(Clone)]
    struct Notes {
        executor: Arc<Executor>,
        ran: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Notes {
        fn spawn(&self, name: &'static str, queue: QueueId) {
            self.spawn_and_then(name, queue, |_| {});
        }

        fn spawn_and_then(
            &self,
            name: &'static str,
            queue: QueueId,
            then: impl FnOnce(&Notes) + Send + 'static,
        ) {
            self.spawn_task(name, queue, then).detach();
        }

        fn spawn_task(
            &self,
            name: &'static str,
            queue: QueueId,
            then: impl FnOnce(&Notes) + Send + 'static,
        ) -> Task<()> {
            let notes = self.clone();
            let task = async move {
                notes.ran.lock().unwrap().push(name);
                then(&notes);
            };
            let origin = Origin::unnamed(Location::caller());
            let spawned = self.executor.spawn(task, queue, origin, Late::GivenBack);
            let Ok(half) = spawned else {
                unreachable!("the runtime is open");
            };
            Task::new(Half::Within(half))
        }

        /// Calls `spawn` on the seat of another worker.
        fn as_worker(&self, worker: Worker, spawn: impl FnOnce(&Notes)) -> Worker {
            let outer = seat::replace_worker(Some(Box::new(worker)));
            spawn(self);
            let worker = seat::replace_worker(outer);
            *worker.expect("the worker still sits there")
        }
    }

    #[test]
    fn beside_nice_threads_the_others_search_for_less_long() {
        let rounds = |builder: Builder| spin(&Plan::new(&builder).expect("it is valid")).rounds;
        let preset = || Builder::new().latency_first();
        let on_two_cores = |rounds| if cores() > 1 { rounds } else { 0 };
        let nice = |rounds| match os_thread::HAS_NICENESS {
            true => on_two_cores(rounds),
            false => on_two_cores(SPIN_ROUNDS),
        };
        assert_eq!(rounds(Builder::new()), nice(SPIN_ROUNDS_NICE));
        assert_eq!(rounds(preset().with_low_nice(0)), on_two_cores(SPIN_ROUNDS));
        assert_eq!(rounds(preset()), nice(SPIN_ROUNDS_BESIDE_NICE));
    }

    #[test]
    fn only_threads_that_the_system_has_made_nice_keep_high_ones_from_offering_their_core() {
        let offers = |builder: Builder| {
            let plan = Plan::new(&builder).expect("it is valid");
            spin(&plan).offers_core
        };
        assert!(offers(Builder::new().with_standby(0)));
        let wishes = Builder::new().with_low_nice(19);
        assert_eq!(offers(wishes), !os_thread::HAS_NICENESS);
    }

    /// The workers of a runtime without threads and without a standby, and the notes of its tasks.
    fn workers(high: usize, low: usize, stealing: Stealing) -> ([Worker; 3], Notes) {
        let builder = Builder::new().with_high_num(high).with_low_num(low);
        let builder = builder.with_stealing(stealing).with_standby(0);
        let made =
            builder.without_threads(Arc::<NoThreads>::default(), fastrand::Rng::with_seed(1));
        let (executor, workers) = made.expect("the settings make sense");
        let workers = <[Worker; 3]>::try_from(workers).expect("three workers");
        let ran = Arc::default();
        (workers, Notes { executor, ran })
    }

    /// Two high workers and a low one that look once more before they rest.
    fn searching_workers(nearby: Nearby) -> ([Worker; 3], Arc<NoThreads>, Notes) {
        let builder = Builder::new().with_high_num(2).with_low_num(1);
        let builder = builder.with_stealing(Stealing::None).with_standby(0);
        let host = Arc::<NoThreads>::default();
        let surroundings = Surroundings {
            host: host.clone(),
            spin: Spin {
                rounds: 1,
                offers_core: false,
            },
            nearby,
            rng: fastrand::Rng::with_seed(1),
        };
        let plan = Plan::new(&builder).expect("the settings make sense");
        let (executor, parts) = plan.executor(&builder, surroundings);
        let workers = parts
            .into_iter()
            .map(|parts| Worker::new(executor.clone(), parts));
        let workers = <[Worker; 3]>::try_from(workers.collect::<Vec<_>>());
        let ran = Arc::default();
        (
            workers.expect("three workers"),
            host,
            Notes { executor, ran },
        )
    }

    /// Steps until the worker that sits here finds nothing more, and tells the order of the tasks.
    fn order_to_the_end(notes: &Notes) -> Vec<&'static str> {
        while step() == Step::Ran {}
        seat::replace_worker(None);
        notes.executor.close();
        notes.executor.unregister();
        notes.ran.lock().unwrap().clone()
    }

    #[test]
    fn a_high_worker_looks_in_the_order_given_above_next() {
        const HIGH: QueueId = QueueId::HIGH;
        const LOW: QueueId = QueueId::LOW;
        let ([own, high, low], notes) = workers(2, 1, Stealing::HighFromLow);
        let _entered = seat::enter(notes.executor.clone());

        // The first low task comes from the channel, and leaves three in the worker's low part.
        notes.spawn_and_then("low channel", LOW, |notes| {
            notes.spawn("own low deque", LOW);
            notes.spawn("then behind it", LOW);
            notes.spawn("then the last", LOW);
        });
        let own = notes.as_worker(own, |_| assert_eq!(step(), Step::Ran));

        // From outside, and from others. The second of two stays in a next-slot.
        notes.spawn_and_then("home channel", HIGH, |notes| {
            notes.spawn("home deque", HIGH);
            notes.spawn("next-slot", HIGH);
        });
        let _high = notes.as_worker(high, |notes| {
            notes.spawn("another's home deque", HIGH);
            notes.spawn("out of reach", HIGH);
        });
        let _low = notes.as_worker(low, |notes| {
            notes.spawn("another's low deque", LOW);
            notes.spawn("out of reach", LOW);
        });
        notes.spawn("low channel again", LOW);

        seat::replace_worker(Some(Box::new(own)));
        let expected = [
            "low channel",
            "home channel",
            "next-slot",
            "home deque",
            "another's home deque",
            "own low deque",
            "then behind it",
            "then the last",
            "another's low deque",
            "low channel again",
        ];
        assert_eq!(order_to_the_end(&notes), expected);
    }

    /// They were on their way while other workers looked for them.
    #[test]
    fn a_thief_hands_on_the_raised_tasks_of_its_loot_before_it_runs_the_first() {
        const LOW: QueueId = QueueId::LOW;
        let ([_high, thief, victim], notes) = workers(1, 2, Stealing::None);
        let _entered = seat::enter(notes.executor.clone());
        let mut raised = None;
        let _victim = notes.as_worker(victim, |notes| {
            notes.spawn("first", LOW);
            raised = Some(notes.spawn_task("raised", LOW, |_| {}));
            for name in ["third", "out of reach", "out of reach", "out of reach"] {
                notes.spawn(name, LOW);
            }
        });
        let raised = raised.expect("it was spawned");
        raised.escalate();
        raised.detach();

        seat::replace_worker(Some(Box::new(thief)));
        assert_eq!(step(), Step::Ran);
        assert!(notes.ran.lock().unwrap().is_empty());
        assert_eq!(notes.executor.queue(QueueId::HIGH).channel_len(), 1);
        assert_eq!(step(), Step::Ran);
        assert_eq!(*notes.ran.lock().unwrap(), ["first"]);
        let order = order_to_the_end(&notes);
        assert!(!order.contains(&"raised"), "{order:?}");
    }

    #[test]
    fn a_low_worker_looks_in_the_order_given_above_next() {
        const HIGH: QueueId = QueueId::HIGH;
        const LOW: QueueId = QueueId::LOW;
        let ([high, own, low], notes) = workers(1, 2, Stealing::Both);
        let _entered = seat::enter(notes.executor.clone());

        // The first high task comes from the channel. It leaves two tasks of each queue with the
        // worker: the second of them in the next-slot.
        notes.spawn_and_then("high channel", HIGH, |notes| {
            notes.spawn("home deque", LOW);
            notes.spawn("next-slot", LOW);
            notes.spawn("own high deque", HIGH);
            notes.spawn("high next-slot", HIGH);
        });
        let own = notes.as_worker(own, |_| assert_eq!(step(), Step::Ran));

        notes.spawn("home channel", LOW);
        let _low = notes.as_worker(low, |notes| {
            notes.spawn("another's home deque", LOW);
            notes.spawn("out of reach", LOW);
        });
        let _high = notes.as_worker(high, |notes| {
            notes.spawn("another's high deque", HIGH);
            notes.spawn("out of reach", HIGH);
        });
        notes.spawn("high channel again", HIGH);

        seat::replace_worker(Some(Box::new(own)));
        let expected = [
            "high channel",
            "high next-slot",
            "own high deque",
            "next-slot",
            "home deque",
            "home channel",
            "another's home deque",
            "another's high deque",
            "high channel again",
        ];
        assert_eq!(order_to_the_end(&notes), expected);
    }

    /// A high worker, a standby and a nice low worker, the thread of the test being as nice.
    fn workers_beside_a_nice_one() -> ([Worker; 3], Notes) {
        let builder = Builder::new().with_high_num(1).with_low_num(1);
        let builder = builder.with_standby(1).with_low_nice(1);
        let made =
            builder.without_threads(Arc::<NoThreads>::default(), fastrand::Rng::with_seed(1));
        let (executor, workers) = made.expect("the settings make sense");
        let workers = <[Worker; 3]>::try_from(workers).expect("three workers");
        os_thread::set_niceness(1).expect("a thread may become nice");
        let ran = Arc::default();
        (workers, Notes { executor, ran })
    }

    /// How many high tasks lie in the channel, where there is niceness: in its lock a nice thread
    /// would hold up all others.
    fn in_channel(notes: &Notes, high_tasks: usize) -> usize {
        let queue = notes.executor.queue(QueueId::HIGH);
        assert_eq!((queue.len(), queue.has_work()), (high_tasks, true));
        match os_thread::HAS_NICENESS {
            true => queue.channel_len(),
            false => 0,
        }
    }

    #[test]
    fn the_high_tasks_of_a_nice_worker_lie_where_high_ones_find_them_without_a_lock() {
        let ([high, standby, low], notes) = workers_beside_a_nice_one();
        let _entered = seat::enter(notes.executor.clone());
        let _low = notes.as_worker(low, |notes| {
            let names = ["first", "second", "third"];
            names
                .iter()
                .for_each(|name| notes.spawn(name, QueueId::HIGH));
        });
        assert_eq!(in_channel(&notes, 3), 0);

        let _standby = notes.as_worker(standby, |_| assert_eq!(step(), Step::Ran));
        seat::replace_worker(Some(Box::new(high)));
        let ran = order_to_the_end(&notes);
        assert_eq!(ran.len(), 3);
        assert_eq!(ran[0], "first");
    }

    #[test]
    fn the_high_tasks_of_a_nice_worker_have_their_turn_beside_a_channel_that_is_never_empty() {
        let ([mut high, _standby, low], notes) = workers_beside_a_nice_one();
        let _entered = seat::enter(notes.executor.clone());
        let _low = notes.as_worker(low, |notes| notes.spawn("from low", QueueId::HIGH));
        assert_eq!(in_channel(&notes, 1), 0);
        for _ in 0..122 {
            notes.spawn("from outside", QueueId::HIGH);
            high = notes.as_worker(high, |_| assert_eq!(step(), Step::Ran));
        }
        assert!(notes.ran.lock().unwrap().contains(&"from low"));
        seat::replace_worker(Some(Box::new(high)));
        assert_eq!(order_to_the_end(&notes).len(), 123);
    }

    #[test]
    fn the_end_of_a_runtime_drops_the_high_tasks_of_a_nice_worker() {
        let ([_high, _standby, low], notes) = workers_beside_a_nice_one();
        let _entered = seat::enter(notes.executor.clone());
        let mut left = None;
        let low = notes.as_worker(low, |notes| {
            left = Some(notes.spawn_task("from low", QueueId::HIGH, |_| {}));
        });
        let tasks = low.close().into_iter();
        tasks.for_each(|task| notes.executor.cut_off(task));
        assert!(left.is_some_and(|task| task.is_finished()));
        assert!(notes.ran.lock().unwrap().is_empty());
        notes.executor.close();
        notes.executor.unregister();
    }

    /// A task relies on the only searcher, which has looked everywhere already and then naps.
    #[test]
    fn a_searcher_that_naps_leaves_work_that_came_meanwhile_to_a_parked_worker() {
        let ([searcher, parked, _low], notes) = workers(2, 1, Stealing::None);
        let _entered = seat::enter(notes.executor.clone());
        let is_awake = || notes.executor.parking_lot.is_awake(WorkerId(1));

        let parked = notes.as_worker(parked, |_| {
            assert_eq!(seat::with_worker(Worker::begin_parking), Some(MayPark::Yes));
        });
        let searcher = notes.as_worker(searcher, |_| assert_eq!(step(), Step::Rest));
        notes.spawn("from outside", QueueId::HIGH);
        assert!(!is_awake(), "the spawn relies on the searcher");
        let _searcher = notes.as_worker(searcher, |_| {
            seat::with_worker(Worker::begin_nap);
        });
        assert!(
            is_awake(),
            "no worker looks for the task before the nap is over"
        );
        let _sleeper = notes.as_worker(parked, |notes| {
            seat::with_worker(Worker::end_parking);
            assert_eq!(step(), Step::Ran);
            assert_eq!(*notes.ran.lock().unwrap(), ["from outside"]);
        });
        notes.executor.close();
        notes.executor.unregister();
    }

    /// The raise relies on the only searcher, which then finds a task that may take long. Both fall
    /// between two looks of its search.
    #[test]
    fn a_searcher_that_finds_other_work_leaves_a_raised_task_to_a_parked_worker() {
        let ([searcher, parked, _low], host, notes) = searching_workers(Nearby::indifferent());
        let _entered = seat::enter(notes.executor.clone());

        let raised = notes.spawn_task("raised", QueueId::LOW, |_| {});
        let parked = notes.as_worker(parked, |_| {
            assert_eq!(seat::with_worker(Worker::begin_parking), Some(MayPark::Yes));
        });
        let others = notes.clone();
        host.at_next_look(move || {
            raised.escalate();
            raised.detach();
            others.spawn("long", QueueId::HIGH);
        });
        let _searcher = notes.as_worker(searcher, |notes| {
            assert_eq!(step(), Step::Ran);
            assert_eq!(*notes.ran.lock().unwrap(), ["long"]);
        });
        assert!(notes.executor.parking_lot.is_awake(WorkerId(1)));
        let _sleeper = notes.as_worker(parked, |notes| {
            seat::with_worker(Worker::end_parking);
            while step() == Step::Ran {}
            assert_eq!(*notes.ran.lock().unwrap(), ["long", "raised"]);
        });
        notes.executor.close();
        notes.executor.unregister();
    }

    /// A search that goes on begins with a look at the clock. There a task comes that ends it.
    #[test]
    fn a_worker_whose_work_comes_from_the_reactor_goes_there_and_does_not_search_on() {
        let ([searcher, ..], host, notes) = searching_workers(Nearby::indifferent());
        let _entered = seat::enter(notes.executor.clone());
        let sockets = Arc::<Sockets>::default();
        notes.executor.set_reactor(sockets.clone());
        let comes_during_the_search = |name| {
            let notes = notes.clone();
            host.at_next_look(move || notes.spawn(name, QueueId::HIGH));
        };

        let _searcher = notes.as_worker(searcher, |notes| {
            comes_during_the_search("found");
            assert_eq!(step(), Step::Ran);
            sockets.0.lock().unwrap().push(Waker::noop().clone());
            assert_eq!(step(), Step::Ran, "the worker wakes a task that is ready");
            comes_during_the_search("left alone");
            assert_eq!(step(), Step::Rest);
            assert_eq!(*notes.ran.lock().unwrap(), ["found"]);
            // Eight rests that end without news from the reactor.
            (0..8).for_each(|_| wake_all(Vec::new()));
            assert_eq!(step(), Step::Ran);
            assert_eq!(*notes.ran.lock().unwrap(), ["found", "left alone"]);
        });
        notes.executor.close();
        notes.executor.unregister();
    }

    #[test]
    fn a_worker_that_waits_in_the_reactor_next_looks_there_first_only_after_a_nap() {
        let ([searcher, ..], _, notes) = searching_workers(Nearby::indifferent());
        let _entered = seat::enter(notes.executor.clone());
        let sockets = Arc::<Sockets>::default();
        notes.executor.set_reactor(sockets.clone());
        let is_ready = || sockets.0.lock().unwrap().push(Waker::noop().clone());

        let _searcher = notes.as_worker(searcher, |_| {
            is_ready();
            assert_eq!(step(), Step::Ran, "its work comes from the reactor");
            is_ready();
            assert_eq!(step(), Step::Rest);
            seat::with_worker(Worker::begin_nap);
            seat::with_worker(Worker::end_nap);
            assert_eq!(step(), Step::Ran, "a nap is no wait in the reactor");
        });
        notes.executor.close();
        notes.executor.unregister();
    }

    /// Each piece of high work unparks a worker here, unless a searcher brings it.
    #[test]
    fn a_searcher_tells_of_the_tasks_that_it_has_woken_when_its_search_ends() {
        let ([searcher, parked, _low], _, notes) = searching_workers(Nearby::preferred(3, 0));
        let _entered = seat::enter(notes.executor.clone());
        let is_awake = || notes.executor.parking_lot.is_awake(WorkerId(1));

        let begin_parking = || seat::with_worker(Worker::begin_parking);
        let _parked = notes.as_worker(parked, |_| {
            assert_eq!(begin_parking(), Some(MayPark::Yes));
        });
        let _searcher = notes.as_worker(searcher, |notes| {
            assert_eq!(begin_parking(), Some(MayPark::Yes));
            seat::with_worker(Worker::end_parking);
            let woken = ["one", "another", "a third"];
            woken
                .into_iter()
                .for_each(|name| notes.spawn(name, QueueId::HIGH));
            assert!(!is_awake(), "the worker has its core and still wakes tasks");
            assert_eq!(step(), Step::Ran);
            assert!(
                is_awake(),
                "tasks lie behind the first, which may take long"
            );
        });
        notes.executor.close();
        notes.executor.unregister();
    }
}
