//! The part of a runtime that all its threads share.
//!
//! An [`Executor`] spawns tasks, puts them into queues, and ends them when the runtime ends. It
//! owns no threads and does no I/O. It reads no clock: its [`Host`] tells the time, and [`Ending`]
//! waits for shutdown's deadline. Read `host.rs` next.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, fence};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::cancel;
use super::host::Host;
use super::outcome::TaskHalf;
use super::queue::Queue;
use super::runnable::{Origin, Runnable};
use super::seat;
use super::telling;
use super::tracked::{self, Spawnable};
use super::worker::Turn;
use crate::ending::{Ending, Phase};
use crate::ground::ids::{ExecutorId, QueueId, TaskId, WorkerId};
use crate::ground::os_thread;
use crate::ground::poll;
use crate::ground::sync::{Ordering, start_thread, unpoisoned};
use crate::ground::task_numbers::TaskNumbers;
use crate::ground::telemetry::cut_off::CutOffs;
use crate::ground::telemetry::event::{Event, Observer, Placement, RuntimeShape};
use crate::ground::telemetry::names;
use crate::ground::telemetry::observers::Observers;
use crate::ground::telemetry::tally::{QueueTally, Tally};
use crate::ground::waker::{Pending, Watchers};
use crate::idle::{ParkingLot, Reactor, Spin};

/// The part of a runtime that all its threads share.
pub(crate) struct Executor {
    pub(crate) id: ExecutorId,
    queues: Box<[Queue]>,
    pub(crate) parking_lot: ParkingLot,
    pub(super) pending: Pending,
    /// The tasks that are told when shutdown begins.
    pub(crate) watchers: Watchers,
    /// The names of the queues, and which worker is at home where.
    pub(crate) shape: RuntimeShape,
    /// Whether a high task may have to wait for the end of a low poll.
    pub(crate) high_waits: bool,
    /// The counts of each worker, and at the end those of all other threads.
    tallies: Box<[Arc<CachePadded<Tally>>]>,
    pub(crate) ending: Ending,
    /// The tasks that shutdown has cancelled.
    pub(crate) cut_offs: CutOffs,
    pub(super) task_numbers: TaskNumbers,
    pub(crate) observers: Observers,
    /// For each queue, how long a poll may take before it is reported.
    long_polls: Box<[Duration]>,
    pub(super) spin: Spin,
    /// Provides the threads that workers sit on.
    pub(crate) host: Arc<dyn Host>,
}

/// The fate of a future that a thread outside spawns while shutdown begins. The thread has counted
/// the spawn, and then sees that it came too late. Either way the future counts as a task that was
/// spawned and cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// It becomes a cancelled task.
    Cancelled,
    /// It is given back.
    GivenBack,
}

/// The parts of an executor.
pub(crate) struct ExecutorParts {
    pub(crate) queues: Box<[Queue]>,
    pub(crate) parking_lot: ParkingLot,
    pub(crate) shape: RuntimeShape,
    pub(crate) high_waits: bool,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) long_polls: Box<[Duration]>,
    pub(crate) spin: Spin,
    pub(crate) host: Arc<dyn Host>,
}

/// The executors that exist. Written when a runtime starts and ends; read by threads that hold a
/// task's waker or handle, and belong to no runtime or to another than the task.
static EXECUTORS: RwLock<Option<HashMap<ExecutorId, Arc<Executor>>>> = RwLock::new(None);

impl Executor {
    /// Makes an executor and enters it among those that exist.
    pub(crate) fn register(parts: ExecutorParts) -> Arc<Executor> {
        let executor = Arc::new(Executor::new(parts));
        let mut executors = unpoisoned(EXECUTORS.write());
        let taken = executors
            .get_or_insert_default()
            .insert(executor.id, executor.clone());
        assert!(taken.is_none(), "2^32 runtimes were made in this process");
        drop(executors);
        executor.observe(|observer| observer.on_start(&executor.shape));
        executor
    }

    fn new(parts: ExecutorParts) -> Executor {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let workers = parts.shape.homes.len();
        Executor {
            id: ExecutorId(NEXT.fetch_add(1, Ordering::Relaxed)),
            tallies: (0..=workers)
                .map(|_| Arc::new(CachePadded::new(Tally::new(parts.queues.len()))))
                .collect(),
            queues: parts.queues,
            parking_lot: parts.parking_lot,
            pending: Pending::new(workers),
            watchers: Watchers::default(),
            shape: parts.shape,
            high_waits: parts.high_waits,
            ending: Ending::new(),
            cut_offs: CutOffs::default(),
            task_numbers: TaskNumbers::new(),
            observers: Observers::new(parts.observer),
            long_polls: parts.long_polls,
            spin: parts.spin,
            host: parts.host,
        }
    }

    /// Takes the executor off the list. A task that is woken from now on finds it gone.
    pub(crate) fn unregister(&self) {
        let mut executors = unpoisoned(EXECUTORS.write());
        let removed = executors.as_mut().and_then(|list| list.remove(&self.id));
        // Unlock first: if this was the last reference, an observer is dropped with it.
        drop(executors);
        drop(removed);
    }

    /// How many executors there are.
    pub(crate) fn count() -> usize {
        unpoisoned(EXECUTORS.read())
            .as_ref()
            .map_or(0, HashMap::len)
    }

    /// The executor of this number. To be [let go](Executor::let_go).
    pub(super) fn find(id: ExecutorId) -> Option<Arc<Executor>> {
        unpoisoned(EXECUTORS.read()).as_ref()?.get(&id).cloned()
    }

    /// Drops a reference that [`find`](Executor::find) gave. If the runtime has ended meanwhile and
    /// this is the last one, the executor is dropped by a thread of its own: observers, hooks and
    /// wakers of the user's end with it, and the caller may be a waker, under any lock.
    pub(super) fn let_go(executor: Arc<Executor>) {
        if let Some(last) = Arc::into_inner(executor) {
            last.drop_elsewhere();
        }
    }

    #[cold]
    fn drop_elsewhere(self) {
        // Where the system refuses a thread, it is dropped here after all.
        let _refused = start_thread("laneway-last-drop".to_owned(), move || drop(self));
    }

    // Spawning and scheduling.

    /// Edge 1 of the life cycle. Gives the task, or gives the future back if the runtime takes
    /// nothing new. Where only a second look, after the task was counted, shows that it takes
    /// nothing new, `late` decides whether the future comes back or becomes a cancelled task.
    #[inline]
    pub(crate) fn spawn<F: Spawnable>(
        &self,
        future: F,
        queue: QueueId,
        origin: Origin<'_>,
        late: Late,
    ) -> Result<TaskHalf<F::Output>, F> {
        if self.phase() != Phase::Open {
            return Err(future);
        }
        let newcomer = seat::count_spawn(self, queue);
        // Counted first, so that a thread that drains waits for the task, or its phase is seen
        // here. A worker need not look again: drain waits for the task that the worker runs.
        if !newcomer.by_worker && self.phase() != Phase::Open {
            let task = match late {
                Late::Cancelled => Ok(self.make_cancelled(newcomer.task, future, queue, origin)),
                Late::GivenBack => Err(future),
            };
            // Last: a shutdown that waits for it is over with this.
            seat::count_late(self, queue);
            return task;
        }
        let (runnable, task) = self.make_task(newcomer.task, future, queue, origin);
        if let Err(runnable) = seat::offer_worker_here(self.id, runnable, queue, Turn::Next) {
            self.inject(runnable);
        }
        Ok(task)
    }

    /// Makes a counted task that is cancelled before it begins, for a runtime that takes nothing
    /// new.
    #[cold]
    pub(crate) fn make_cancelled<F: Spawnable>(
        &self,
        task: TaskId,
        future: F,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> TaskHalf<F::Output> {
        let (runnable, task) = self.make_task(task, future, queue, origin);
        cancel::refuse(runnable);
        task
    }

    #[inline]
    fn make_task<F: Spawnable>(
        &self,
        task: TaskId,
        future: F,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> (Runnable, TaskHalf<F::Output>) {
        self.emit(|| Event::Spawned {
            task,
            queue,
            by: seat::worker_of(self.id),
            spawned_at: origin.spawned_at,
        });
        if let Some(name) = origin.name {
            self.enter_name(task, name);
        }
        tracked::halves(future, task, self.id, queue, origin)
    }

    #[cold]
    fn enter_name(&self, task: TaskId, name: &Arc<str>) {
        names::enter((self.id, task), name.clone());
        self.observe(|observer| observer.on_named(task, name));
    }

    /// Puts a task into its queue's channel, or into the outbox that a nice worker has instead, and
    /// unparks a worker for it, or wakes the thread that ends the runtime. Of the user's code it
    /// runs the observer alone, since the caller may be a waker, under any lock.
    pub(crate) fn inject(&self, runnable: Runnable) {
        let task = runnable.metadata().id;
        let raises = self.pending.sought().raises();
        let queue = runnable.metadata().queue();
        if self.observers.has_any() {
            let by = seat::worker_of(self.id);
            telling::scheduled(self, (task, queue), by, Placement::Channel);
        }
        if let Err(runnable) = self.send(runnable, queue) {
            self.queue(queue).push(runnable);
            self.look_again_for_raised(queue, raises);
        }
        self.unpark_one(queue);
        self.ending.task_queued();
    }

    /// Puts a task into the outbox of the nice worker that sits here. Gives it back where it is no
    /// high task, and where there is no such worker.
    #[inline]
    fn send(&self, runnable: Runnable, queue: QueueId) -> Result<(), Runnable> {
        match queue == QueueId::HIGH && os_thread::is_nice() {
            true => seat::offer_outbox_here(self.id, runnable),
            false => Err(runnable),
        }
    }

    /// Called after tasks were pushed into a queue's channel. `raises` were counted when their
    /// priorities were looked at: a worker that has sifted since then has not seen these tasks.
    #[inline]
    pub(super) fn look_again_for_raised(&self, pushed_to: QueueId, raises: u32) {
        if self.pending.sought().raises() != raises && pushed_to == QueueId::LOW {
            self.look_for_raised();
        }
    }

    /// Unparks a worker for work that has become visible in a queue, if one has to be.
    #[inline]
    pub(crate) fn unpark_one(&self, id: QueueId) {
        self.parking_lot.unpark_one(self.queue(id).crews(), id);
    }

    /// The same where a worker that is at work in that queue has brought the work.
    #[inline]
    pub(super) fn unpark_helper(&self, id: QueueId) {
        self.parking_lot.unpark_helper(self.queue(id).crews(), id);
    }

    /// Whether every worker that might be unparked for a queue is at work.
    pub(super) fn all_busy(&self, id: QueueId) -> bool {
        self.parking_lot.all_busy(self.queue(id).crews())
    }

    /// Makes workers sift the low queue for a task that was raised and may lie there. Those that
    /// are awake do so at their next step. If the low queue holds a task, one is unparked for it,
    /// as for high work.
    #[cold]
    pub(super) fn look_for_raised(&self) {
        self.pending.note_raise();
        // Pairs with the census of `idle/parking.rs`: the count goes before the look for parked
        // workers.
        fence(Ordering::SeqCst);
        self.unpark_for_raised();
    }

    /// Unparks a worker for tasks that were raised in the low queue, if one has to be.
    pub(super) fn unpark_for_raised(&self) {
        // In a next-slot, too, which one worker alone would look into.
        if self.queue(QueueId::LOW).len() > 0 {
            self.unpark_one(QueueId::HIGH);
        }
    }

    /// Gives the runtime a reactor, unless it has one, and returns the one that it has then.
    #[allow(dead_code, reason = "reactors belong to `net`, which is a feature")]
    pub(crate) fn set_reactor(&self, reactor: Arc<dyn Reactor>) -> &Arc<dyn Reactor> {
        let reactor = self.parking_lot.lookout.set_reactor(reactor);
        // After it was set: a thread that closes the runtime meanwhile is seen here, or closes it.
        fence(Ordering::SeqCst);
        if self.phase() == Phase::Closed {
            reactor.close();
        }
        self.man_lookout();
        reactor
    }

    /// Sends a parked worker to a vacant lookout, and says whether there were both. The worker goes
    /// on as a searcher, finds nothing, and takes the lookout when it parks again.
    #[inline]
    pub(crate) fn man_lookout(&self) -> bool {
        self.parking_lot.lookout.reactor_if_vacant().is_some() && self.unpark_for_lookout()
    }

    #[cold]
    fn unpark_for_lookout(&self) -> bool {
        // From the back: the standby before those that it stands by for.
        self.queues.iter().any(|queue| {
            let mut crews = queue.crews().iter().rev();
            crews.any(|&crew| self.parking_lot.unpark_any(crew))
        })
    }

    // Looking things up.

    #[inline]
    pub(crate) fn queue(&self, id: QueueId) -> &Queue {
        &self.queues[id.index()]
    }

    #[inline]
    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// How long a poll of a task in this queue may take before it is reported.
    pub(crate) fn long_poll(&self, id: QueueId) -> Duration {
        self.long_polls[id.index()]
    }

    #[inline]
    pub(super) fn tally_of(&self, worker: WorkerId) -> &Arc<CachePadded<Tally>> {
        &self.tallies[worker.index()]
    }

    /// The counts of a queue by threads outside: those that are no workers of this runtime.
    #[inline]
    pub(super) fn outside_tally(&self, queue: QueueId) -> &QueueTally {
        // Behind those of the workers.
        self.tallies[self.shape.homes.len()].queue(queue)
    }

    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.tallies.iter().map(|tally| &***tally)
    }

    /// Each worker's home queue and tally.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (QueueId, &Tally)> {
        self.shape.homes.iter().copied().zip(self.tallies())
    }

    // Observing.

    /// Calls the observers, if there are any, and stops their panics here.
    pub(crate) fn observe(&self, call: impl FnMut(&dyn Observer)) {
        if self.observers.has_any() {
            poll::calling_observers_of(self.id, || self.observers.call(call));
        }
    }

    #[inline]
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        if self.observers.has_any() {
            let event = event();
            self.observe(|observer| observer.on_event(event));
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
        self.parking_lot.unpark_all();
    }

    /// How many tasks were spawned and have not ended.
    pub(super) fn live(&self) -> u64 {
        // The ends first: a task that is counted as ended is then counted as spawned too.
        let ended: u64 = self.tallies().map(Tally::ended).sum();
        let spawned: u64 = self.tallies().map(Tally::spawned).sum();
        spawned - ended
    }

    /// Stops taking tasks, and waits until no more are left than are excused or `deadline` has
    /// come. Without a deadline it waits for as long as it takes.
    pub(crate) fn drain(&self, deadline: Option<Instant>) {
        self.advance(Phase::Draining);
        self.watchers.wake_all();
        self.ending.drain(deadline, || self.is_drained());
    }

    /// Whether no more tasks are left than are excused.
    pub(crate) fn is_drained(&self) -> bool {
        self.live() <= self.ending.excused()
    }

    /// Whether more tasks are left than are excused, and no thread drops one of them meanwhile.
    pub(crate) fn is_left_alone(&self) -> bool {
        !self.is_drained() && self.cut_offs.under_way() <= self.ending.excused()
    }

    /// Cancels all tasks: those that wait for a wake-up, those that are queued, and those that are
    /// running, as soon as their polls end.
    pub(crate) fn close(&self) {
        self.advance(Phase::Closed);
        if let Some(reactor) = self.parking_lot.lookout.reactor() {
            reactor.close();
        }
        self.cancel_queued();
        self.ending.notify();
    }

    /// Waits until the futures of all tasks but the excused have been dropped, here or by the
    /// worker that runs them, or `deadline` has come. Only after [`close`](Executor::close).
    pub(crate) fn finish(&self, deadline: Option<Instant>) {
        // In this order: a task is among those that are being cut off before its end is counted.
        let is_over = || self.is_drained() && self.cut_offs.under_way() <= self.ending.excused();
        let is_queued = || self.queues.iter().any(|queue| queue.channel_len() > 0);
        self.ending
            .finish(deadline, is_over, is_queued, || self.cancel_queued());
    }

    /// Called by a thread after its last poll for a worker, or in the middle of a poll that waits
    /// for others. A worker still sits here only where the runtime has closed: the tasks that it
    /// holds are cancelled then, and a task that the thread's last poll left waiting.
    pub(crate) fn thread_leaves(&self) {
        // Off the seat first: tasks that the futures wake when they are dropped must not be put
        // into the queues that are being emptied.
        let left = seat::replace_worker(None).map(|worker| worker.close());
        debug_assert!(left.is_none() || self.phase() == Phase::Closed);
        let left = left.into_iter().flatten();
        left.for_each(|runnable| self.cut_off(runnable));
        if self.phase() == Phase::Closed {
            self.cancel_queued();
            // The ends of its tasks are counted: a thread that waits for them looks again.
            self.ending.notify();
        }
    }

    /// Cancels the tasks that wait for a wake-up, and those in the channels, the deques, and the
    /// next-slots of workers that are stuck.
    fn cancel_queued(&self) {
        self.pending.close();
        for queue in &self.queues {
            while let Some(runnable) = queue.take_any() {
                self.cut_off(runnable);
            }
        }
    }

    /// Cancels a task and notes it for the report of the shutdown.
    pub(crate) fn cut_off(&self, runnable: Runnable) {
        self.cut_offs.note(|| cancel::cut_off(runnable));
        // Another thread that ends the runtime may wait for the note.
        self.ending.notify();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("id", &self.id)
            .field("phase", &self.phase())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
