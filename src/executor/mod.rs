//! The core: tasks, queues, workers, and how workers sleep.
//!
//! A task's life, with the functions that take each edge:
//!
//! ```text
//!              (1) spawn
//!                 │
//!                 ▼
//!            ┌─────────┐   (2) worker::step    ┌─────────┐
//!            │ queued  │ ────────────────────▶ │ running │
//!            └─────────┘                       └─────────┘
//!              ▲  │  ▲     (3) woken while       │  │  │
//!              │  │  │         it ran            │  │  │
//!              │  │  └───────────────────────────┘  │  │
//!   (5) its    │  │ (7) cancelled        (4) pending│  │ (6) ready
//!   waker      │  ▼                                 ▼  │     or panicked
//!              │ ┌───────┐   (7) cancelled  ┌─────────┐│
//!              │ │ ended │ ◀────────────────│ waiting ││
//!              │ └───────┘                  └─────────┘│
//!              │     ▲                          │      │
//!              └─────┼──────────────────────────┘      │
//!                    └─────────────────────────────────┘
//! ```
//!
//! 1. [`Executor::spawn`] makes the task (`task.rs`) and queues it (`seat.rs`).
//! 2. [`worker::step`] takes it, along the worker's route (`route.rs`), and polls it once.
//! 3. It was woken during its own poll: it goes to the back of the worker's deque.
//! 4. It waits. The first time, its waker is entered in `pending.rs` for shutdown to find.
//! 5. Its waker calls `seat::schedule`, which queues it at the priority that it has *then*. A low
//!    task becomes a high one when [`Task::escalate`] is called, or when a high task awaits it;
//!    if it waits, it is woken for it.
//! 6. Its future is dropped, its outcome stored, its awaiter woken.
//! 7. Its handle was dropped, or the runtime has shut down: it is queued if it waited, and whoever
//!    takes it drops the future instead of polling it: a worker, or at the end of a runtime the
//!    thread that ends it. If that happens while it runs, its future is dropped after the poll.
//!
//! Read on in this order: `task.rs`, `queue.rs`, `worker.rs`, `idle.rs`, then `runtime.rs` above
//! this folder. `route.rs` holds the policy, `event.rs` what observers see, `join_error.rs` what
//! awaiters see, `seat.rs` the thread-local connection between a thread and its worker; `nearby.rs`
//! knows which sleeping worker is near, `pace.rs` when a worker lets tasks gather; `names.rs` keeps
//! the names of tasks that have one; `ending.rs` is about the end of a runtime, `cut_off.rs` keeps
//! what shutdown cancelled; `pending.rs` keeps what waits, `watchers.rs` who is told of shutdown;
//! `shield.rs` stops panics of the user's code, `tally.rs` counts, `stopwatch.rs` adds up time;
//! `polling.rs` shows what a worker polls, `long_poll.rs` is the report of a poll that takes too
//! long.
//!
//! The core owns no threads and does no I/O. It asks its [`Host`] for the time where a worker
//! parks, gets up, or searches for long. `Ending::drain` alone reads a clock, to wait for
//! shutdown's deadline.

mod cut_off;
mod ending;
mod event;
mod idle;
mod join_error;
mod long_poll;
mod names;
mod nearby;
mod pace;
mod pending;
mod polling;
mod queue;
mod route;
pub(crate) mod seat;
mod shield;
mod stopwatch;
mod tally;
mod task;
mod watchers;
pub(crate) mod worker;

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

pub use cut_off::CutOffTask;
pub use event::{
    Event, LostPanic, Observer, Placement, PollEnd, RuntimeShape, Source, TaskId, WorkerId,
};
pub use join_error::JoinError;
pub use long_poll::{LongPoll, LongPollStage};
pub use route::{QueueId, Stealing};
pub use task::{FallibleTask, Priority, Task};

pub(crate) use ending::Phase;
pub(crate) use idle::{CrewId, Sleepers};
pub(crate) use nearby::Nearby;
pub(crate) use pending::Spread;
pub(crate) use polling::Polled;
pub(crate) use queue::{LocalQueue, Queue, Stealable};
pub(crate) use route::Route;
pub(crate) use shield::{drop_shielded, log_error, log_warning, message, shielded};
pub(crate) use tally::Tally;
pub(crate) use task::{Origin, Outcome, Runnable, cancel, refuse, trusting};
pub(crate) use worker::{Worker, WorkerParts};

use cut_off::CutOff;
use ending::Ending;
use pending::Pending;
use watchers::Watchers;

use crate::sync::unpoisoned;

/// What all threads of one runtime share.
pub(crate) struct Executor {
    pub(crate) id: ExecutorId,
    queues: Box<[Queue]>,
    pub(crate) sleepers: Sleepers,
    pub(crate) pending: Pending,
    /// Who is told when shutdown begins.
    pub(crate) watchers: Watchers,
    /// The queue that each worker is at home in.
    homes: Box<[QueueId]>,
    /// What each worker has counted, and at the end what everybody else has.
    tallies: Box<[CachePadded<Tally>]>,
    pub(crate) ending: Ending,
    /// What shutdown has cancelled.
    cut_off: Mutex<CutOff>,
    next_task_id: CachePadded<AtomicU64>,
    observer: Option<Arc<dyn Observer>>,
    /// For each queue, how long a poll may take before it is reported.
    long_polls: Box<[Duration]>,
    pub(crate) spin: Spin,
    /// Provides the threads that workers sit on.
    pub(crate) host: Arc<dyn Host>,
}

/// What an executor is made of.
pub(crate) struct ExecutorParts {
    pub(crate) queues: Box<[Queue]>,
    pub(crate) sleepers: Sleepers,
    pub(crate) homes: Box<[QueueId]>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) long_polls: Box<[Duration]>,
    pub(crate) spin: Spin,
    pub(crate) host: Arc<dyn Host>,
}

/// Provides threads for workers.
pub(crate) trait Host: Send + Sync {
    /// Lets another thread take over a worker whose thread is about to block. Gives the worker
    /// back if there is none to be had.
    fn take_over(&self, worker: Box<Worker>) -> Result<(), (Box<Worker>, io::Error)>;

    /// The time since the runtime was made.
    fn now(&self) -> Duration;

    /// What a thread that blocks parks on, if it is not to park as threads do.
    fn parker(&self) -> Option<Arc<dyn Park>> {
        None
    }
}

/// Lets one thread, always the same, wait for others.
pub(crate) trait Park: Send + Sync {
    /// Waits for an [`unpark`](Park::unpark) since the last `park`. May come back without one.
    fn park(&self);

    fn unpark(&self);
}

/// How a searching worker looks again and again before it lies down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spin {
    /// How often.
    pub(crate) rounds: u32,
    /// Whether it offers its core to other threads now and then. They may be the ones that are
    /// about to bring work; but threads of another niceness would keep the core.
    pub(crate) offers_core: bool,
}

/// An executor's number, unique within the process. A task knows its executor by it: one number
/// costs less than a counted reference, which the cores would fight over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutorId(u32);

thread_local! {
    /// Whether this thread is in the middle of cancelling the tasks of some runtime.
    static CANCELS: Cell<bool> = const { Cell::new(false) };
}

/// The executors that exist, for those who have a task's waker and nothing else. Written when a
/// runtime starts and ends; read by wake-ups from threads that belong to no runtime.
static EXECUTORS: RwLock<Option<HashMap<ExecutorId, Arc<Executor>>>> = RwLock::new(None);

impl Executor {
    /// Makes an executor and enters it among those that exist.
    pub(crate) fn register(parts: ExecutorParts) -> Arc<Executor> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let executor = Arc::new(Executor {
            id: ExecutorId(NEXT.fetch_add(1, Ordering::Relaxed)),
            tallies: (0..=parts.homes.len())
                .map(|_| CachePadded::new(Tally::new(parts.queues.len())))
                .collect(),
            queues: parts.queues,
            sleepers: parts.sleepers,
            pending: Pending::new(parts.homes.len()),
            watchers: Watchers::default(),
            homes: parts.homes,
            ending: Ending::new(),
            cut_off: Mutex::default(),
            next_task_id: CachePadded::new(AtomicU64::new(0)),
            observer: parts.observer,
            long_polls: parts.long_polls,
            spin: parts.spin,
            host: parts.host,
        });
        let mut executors = EXECUTORS.write().expect(EXECUTORS_UNPOISONED);
        let taken = executors
            .get_or_insert_default()
            .insert(executor.id, executor.clone());
        assert!(taken.is_none(), "2^32 runtimes were made in this process");
        drop(executors);
        executor.observe(|observer| observer.on_start(&executor.shape()));
        executor
    }

    fn shape(&self) -> RuntimeShape {
        let names = self.queues.iter().map(|queue| queue.name().to_owned());
        RuntimeShape {
            queues: names.collect(),
            homes: self.homes.to_vec(),
        }
    }

    /// Takes the executor off the list. What is woken from now on finds it gone.
    pub(crate) fn unregister(&self) {
        let mut executors = EXECUTORS.write().expect(EXECUTORS_UNPOISONED);
        let removed = executors.as_mut().and_then(|list| list.remove(&self.id));
        // Unlock first: if this was the last reference, tasks are dropped with it.
        drop(executors);
        drop(removed);
    }

    pub(crate) fn find(id: ExecutorId) -> Option<Arc<Executor>> {
        let executors = EXECUTORS.read().expect(EXECUTORS_UNPOISONED);
        executors.as_ref()?.get(&id).cloned()
    }

    // Spawning and scheduling.

    /// Edge 1 of the life cycle. Takes the future, unless the runtime takes nothing new. (By
    /// reference: to hand futures in and back by value costs 15 ns a spawn.)
    ///
    /// The phase is as [`enqueue`](Executor::enqueue) gives it: if it is `Closed`, call
    /// [`cancel_rest`](Executor::cancel_rest), within no borrow.
    #[inline]
    pub(crate) fn spawn<F>(
        &self,
        future: &mut Option<F>,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> Option<(Task<F::Output>, Phase)>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if self.phase() != Phase::Open {
            return None;
        }
        let registered = seat::register_spawn(self, queue);
        // Counted first, so that who drains waits for the task, or is seen here. A worker need not
        // look again: the task that it runs is counted.
        if registered.by.is_none() && self.phase() != Phase::Open {
            seat::take_back_spawn(self, queue);
            return None;
        }
        let (runnable, task) = self.make_task(registered, future.take()?, queue, origin);
        Some((task, seat::schedule_new(self, registered.by, runnable)))
    }

    /// Makes a task that is cancelled before it begins, for a runtime that takes nothing new.
    pub(crate) fn spawn_cancelled<F>(
        &self,
        future: F,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let registered = seat::register_refused(self, queue);
        let (runnable, task) = self.make_task(registered, future, queue, origin);
        refuse(runnable);
        task
    }

    #[inline]
    fn make_task<F>(
        &self,
        seat::Registered { task, by }: seat::Registered,
        future: F,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> (Runnable, Task<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.emit_with(|| Event::Spawned {
            task,
            queue,
            by,
            spawned_at: origin.spawned_at,
        });
        if let Some(name) = origin.name {
            self.enter_name(task, name);
        }
        task::new(future, task, self.id, queue, origin)
    }

    #[cold]
    fn enter_name(&self, task: TaskId, name: &Arc<str>) {
        names::enter((self.id, task), name.clone());
        self.observe(|observer| observer.on_named(task, name));
    }

    /// Puts a task into its queue's channel and wakes somebody for it. Cancels it instead if the
    /// runtime has ended.
    #[inline]
    pub(crate) fn inject(&self, runnable: Runnable) {
        if self.enqueue(runnable) == Phase::Closed {
            self.cancel_rest();
        }
    }

    /// Puts a task into its queue's channel and wakes somebody for it. If the phase is `Closed`
    /// afterwards, the workers may have looked there for the last time: call
    /// [`cancel_rest`](Executor::cancel_rest).
    #[inline]
    #[must_use]
    pub(crate) fn enqueue(&self, runnable: Runnable) -> Phase {
        let task = runnable.metadata().id;
        let queue = runnable.metadata().queue();
        if self.is_observed() {
            seat::emit_injected(self, task, queue);
        }
        self.queue(queue).push(runnable);
        self.wake_one(queue);
        self.phase()
    }

    #[inline]
    pub(crate) fn wake_one(&self, id: QueueId) {
        self.sleepers.wake_one(self.queue(id).crews(), id);
    }

    /// Sets aside numbers for so many tasks.
    pub(crate) fn reserve_task_ids(&self, count: u64) -> Range<u64> {
        let start = self.next_task_id.fetch_add(count, Ordering::Relaxed);
        start..start + count
    }

    // Looking things up.

    #[inline]
    pub(crate) fn queue(&self, id: QueueId) -> &Queue {
        &self.queues[id.index()]
    }

    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// The queue at this place in the list, if there are so many.
    #[inline]
    pub(crate) fn queue_numbered(&self, number: usize) -> Option<QueueId> {
        let id = QueueId(number as u16);
        (number < self.queues.len()).then_some(id)
    }

    /// The queue of this name.
    pub(crate) fn queue_named(&self, name: &str) -> Option<QueueId> {
        let index = self.queues.iter().position(|queue| queue.name() == name)?;
        u16::try_from(index).ok().map(QueueId)
    }

    /// The name of a task that exists, if it was given one.
    pub(crate) fn name_of(&self, task: TaskId) -> Option<Arc<str>> {
        names::get((self.id, task))
    }

    /// How long a poll of a task in this queue may take before it is reported.
    pub(crate) fn long_poll(&self, id: QueueId) -> Duration {
        self.long_polls[id.index()]
    }

    #[inline]
    pub(crate) fn tally_of(&self, worker: WorkerId) -> &Tally {
        &self.tallies[worker.index()]
    }

    /// What threads that are no workers count.
    #[inline]
    pub(crate) fn outside_tally(&self) -> &Tally {
        self.tallies
            .last()
            .expect("there is one more tally than workers")
    }

    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.tallies.iter().map(|tally| &**tally)
    }

    /// Each worker's home queue and tally.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (QueueId, &Tally)> {
        self.homes.iter().copied().zip(self.tallies())
    }

    // Observing.

    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// Calls the observer, if there is one, and stops its panics here.
    pub(crate) fn observe(&self, call: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.observer {
            shielded("the runtime's observer", || call(&**observer));
        }
    }

    pub(crate) fn emit(&self, event: Event) {
        self.observe(|observer| observer.on_event(event));
    }

    #[inline]
    pub(crate) fn emit_with(&self, event: impl FnOnce() -> Event) {
        if self.is_observed() {
            self.emit(event());
        }
    }

    // Ending.

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        self.ending.phase()
    }

    /// Moves on to a later phase and lets every worker see it.
    fn advance(&self, phase: Phase) {
        self.ending.advance(phase);
        self.sleepers.wake_all();
    }

    /// Tasks that were spawned and have not ended.
    pub(crate) fn live(&self) -> u64 {
        // The ends first: a task that is counted as ended is then counted as spawned too.
        let ended: u64 = self.tallies().map(Tally::ended).sum();
        let spawned: u64 = self.tallies().map(Tally::spawned).sum();
        spawned - ended
    }

    /// Stops taking tasks, and waits until those that are there have ended or `deadline` has
    /// come. No deadline: as long as it takes.
    pub(crate) fn drain(&self, deadline: Option<Instant>) {
        self.advance(Phase::Draining);
        self.watchers.wake_all();
        self.ending.drain(deadline, || self.live());
    }

    /// Cancels everything: what waits for a wake-up, what is queued, and what is running as soon
    /// as its poll ends. Comes back when all futures but the running ones have been dropped, by
    /// whichever thread.
    pub(crate) fn close(&self) {
        self.advance(Phase::Closed);
        // In the middle of dropping a future, of this runtime or another, whoever we would wait
        // for may be waiting for us.
        if !CANCELS.get() {
            self.ending.cancel_after_others(|| self.cancel_all());
        }
        self.cancel_rest();
        self.ending.notify();
    }

    /// Called by a thread after its last poll for a worker: what that poll left waiting is
    /// cancelled if the runtime has ended.
    pub(crate) fn thread_leaves(&self) {
        if self.phase() == Phase::Closed {
            self.pending.close();
            self.cancel_rest();
        }
    }

    /// Cancels what lies in the channels, or leaves it to the thread that is at it.
    pub(crate) fn cancel_rest(&self) {
        let anything_left = || self.queues.iter().any(|queue| queue.channel_len() > 0);
        self.ending.cancel_rest(anything_left, || self.cancel_all());
    }

    fn cancel_all(&self) {
        let outer = CANCELS.replace(true);
        self.pending.close();
        for queue in &self.queues {
            while let Some(runnable) = queue.take() {
                self.cut_off(runnable);
            }
        }
        CANCELS.set(outer);
    }

    /// Cancels a task and notes what was cut off.
    pub(crate) fn cut_off(&self, runnable: Runnable) {
        if let Some(task) = cancel(runnable) {
            let cut_off = self.cut_off.lock();
            unpoisoned(cut_off).add(task);
        }
    }

    pub(crate) fn cut_off_so_far(&self) -> CutOff {
        let cut_off = self.cut_off.lock();
        unpoisoned(cut_off).clone()
    }
}

const EXECUTORS_UNPOISONED: &str = "nothing panics while the list of executors is locked";

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("id", &self.id)
            .field("phase", &self.phase())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
