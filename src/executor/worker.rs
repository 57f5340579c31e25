//! One step of a consumer thread: find a task, run it, or rest.
//!
//! A [`Worker`] is a place in the runtime, not a thread: it has a home queue, a route, and local
//! queues. It is seated on a thread, which calls [`step`] in a loop; when a task blocks that
//! thread, another thread takes the worker over. A simulation calls `step` as well, so it schedules
//! as a runtime does.
//!
//! A worker moves tasks and runs them. It never looks into a task, and it never blocks: when there
//! is nothing to do it says so, and rests: it is *parked* until another thread unparks it, or
//! *naps* and comes back by itself. A worker that is not parked is *awake*; one that naps counts as
//! awake. The *reactor* tells which sockets are ready; one of the parked workers waits there, *on
//! the lookout*. Read `seat.rs` next.

mod inner_polls;
mod sifter;

use std::iter;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::Waker;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::cancel;
use super::executor::Executor;
use super::queue::{LocalQueue, Pushed, Queue, Stolen};
use super::route::{Look, Route};
use super::runnable::{Meta, Runnable};
use super::thread_locals::{NOTE, Note};
use super::{seat, telling};
use crate::ending::Phase;
use crate::ground::ids::{CrewId, ExecutorId, QueueId, TaskId, WorkerId};
use crate::ground::poll;
use crate::ground::task_numbers::WorkersNumbers;
use crate::ground::telemetry::event::{Event, Placement, Source};
use crate::ground::telemetry::observers::anyone_observes;
use crate::ground::telemetry::polling::Polled;
use crate::ground::telemetry::tally::{Tally, Writer};
use crate::ground::waker::{Sought, wake_shielded};
use crate::idle::{Claim, Enrolled, Linger, OtherSearchers, Outlook, Pace, Standing, Thief};

use sifter::{Sifted, Sifter};

pub(crate) use inner_polls::{InnerPolls, run_joined};

/// After this many steps a busy worker looks into the reactor. As many as between two turns of home
/// (`route.rs`), so that the look falls on a step at which the worker asks for what is overdue
/// anyway.
const LOOK_INTO_REACTOR_EVERY: u64 = 61;

/// A consumer's place: the route that it takes tasks by, and the tasks that it holds.
// On cache lines of its own: another worker's beside it would change at every step.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Worker {
    pub(crate) executor: Arc<Executor>,
    /// The executor's number, kept here to be at hand.
    pub(super) executor_id: ExecutorId,
    pub(crate) id: WorkerId,
    tally: Arc<CachePadded<Tally>>,
    crew: CrewId,
    route: Route,
    /// Its own part of each queue on its route, in the route's order. Empty where local queues
    /// are off.
    locals: Box<[LocalQueue]>,
    /// The high tasks that it schedules, if its thread is nice and it serves no high queue
    /// (`queue.rs`).
    outbox: Option<Box<LocalQueue>>,
    /// The task that it runs, or ran last.
    pub(super) current: Current,
    enrolled: Enrolled,
    // Its memories of its last finds and rests (`idle/`). By these it waits for more tasks: before
    // it takes from a channel, in a nap, or in a longer search.
    pace: Pace,
    thief: Thief,
    linger: Linger,
    /// Its memory of whether its work comes from the reactor.
    outlook: Outlook,
    sifter: Sifter,
    /// The wakers of tasks for which something was ready at a look into the reactor.
    ready: Vec<Waker>,
    steps: u64,
    /// The first step at which a busy worker looks into the reactor again.
    next_look: u64,
    /// The next step at which something may be overdue.
    next_overdue: u64,
    /// Where to begin stealing.
    rng: fastrand::Rng,
    /// For the tasks that it spawns.
    pub(super) numbers: WorkersNumbers,
}

/// A worker's notes of the task that it runs, or ran last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Current {
    /// The queue that the task was taken from, and that queue's position on the route.
    queue: QueueId,
    at: usize,
    /// Whether the task is a high one, which it also is if it was raised in the low queue.
    pub(super) is_high: bool,
    /// The kind of place that it was taken from.
    source: Source,
    /// A snapshot, from the beginning of this step or of a poll within it, of two counters of
    /// `ground/waker/pending.rs`: of raises, and of vain looks for a waiting task.
    pub(super) sought: Sought,
}

impl Current {
    /// The notes of a worker that has run nothing yet.
    fn at_home(route: &Route) -> Current {
        Current {
            queue: route.home,
            at: 0,
            is_high: false,
            source: Source::Channel,
            sought: Sought::default(),
        }
    }
}

/// The parts of a worker.
#[derive(Debug)]
pub(crate) struct WorkerParts {
    pub(crate) id: WorkerId,
    pub(crate) crew: CrewId,
    pub(crate) route: Route,
    pub(crate) locals: Box<[LocalQueue]>,
    pub(crate) outbox: Option<Box<LocalQueue>>,
    pub(crate) seed: u64,
}

/// The result of a step, which tells the thread how to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
// A whole word, so that a result with it stays in registers (T24).
#[repr(usize)]
pub(crate) enum Step {
    /// It ran a task, or instead woke or moved tasks that wait: step again.
    Ran,
    /// There is nothing to run: [`Worker::begin_parking`], or [`Worker::begin_nap`].
    Rest,
    /// While this thread was blocked in a task, another took its place.
    Replaced,
    /// The runtime has shut down: [`Worker::close`].
    Close,
}

/// How a task is put into a local queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It runs next: this worker has just spawned or woken it.
    Next,
    /// It runs after all others: it yielded.
    Last,
}

/// Whether a worker that has begun to park stays parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum MayPark {
    Yes,
    /// Something turned up: step again.
    No,
}

/// One step of the worker that sits on the current thread: takes a task and polls it once.
pub(crate) fn step() -> Step {
    step_with(run)
}

// `always`: as `take`.
#[inline(always)]
fn step_with(run: impl FnOnce(Runnable)) -> Step {
    match take() {
        Ok(runnable) => {
            run(runnable);
            Step::Ran
        }
        Err(step) => step,
    }
}

/// Takes the next task of the worker that sits on the current thread, or gives the result of a step
/// without one.
// `always`: since polls within a poll are a second caller, the compiler would make this a call, on
// the path of every task.
#[inline(always)]
fn take() -> Result<Runnable, Step> {
    match seat::with_worker(Worker::next) {
        Some(Ok(runnable)) => Ok(runnable),
        Some(Err(step)) => {
            // A step that found raised tasks, or something ready in the reactor, takes no task.
            sifter::hand_on();
            wake_ready();
            Err(step)
        }
        None => Err(Step::Replaced),
    }
}

/// Wakes the tasks for which something was ready at the worker's last look into the reactor. Not
/// within `with_worker`, since wakers may run code of the user's, which has to find the worker.
fn wake_ready() {
    let some = |worker: &mut Worker| (!worker.ready.is_empty()).then(|| worker.take_ready());
    if let Some(ready) = seat::with_worker(some).flatten() {
        poll::between_polls(|| wake_all(ready));
    }
}

/// Calls these wakers of tasks for which something was ready in the reactor, and gives the list
/// back to the worker that sits here, for the next time. After a rest without news it is empty.
pub(crate) fn wake_all(mut ready: Vec<Waker>) {
    let are_some = !ready.is_empty();
    ready.drain(..).for_each(wake_shielded);
    seat::with_worker(|worker| {
        worker.outlook.looked(are_some);
        worker.ready = ready;
    });
}

/// Polls a task. No lock or borrow is held: it may do anything, even block this thread.
#[inline]
fn run(runnable: Runnable) {
    if anyone_observes() {
        run_observed(runnable);
    } else {
        run_or_abort(runnable, Note::Taken);
    }
}

/// Runs a task that has just been taken, unless it is to be aborted. Its future finds `note` (see
/// `thread_locals.rs`).
#[inline]
fn run_or_abort(runnable: Runnable, note: Note) {
    // Not by `set`, which is compiled into a call.
    NOTE.with(|told| told.set(note));
    match runnable.metadata().is_aborted() {
        false => drop(runnable.run()),
        true => cancel::abort(runnable),
    }
}

#[cold]
fn run_observed(runnable: Runnable) {
    let task = runnable.metadata().id;
    let here = seat::with_worker(|worker| (worker.id, worker.current.queue, worker.current.source));
    let (worker, queue, from) = here.expect("the worker has just taken the task");
    telling::emit(|| Event::Taken {
        task,
        queue,
        worker,
        from,
    });
    let executor = runnable.metadata().executor;
    poll::observed((executor, task), || {
        run_or_abort(runnable, Note::TakenObserved);
    });
    // No poll has begun of a task that was dropped or aborted before.
    if let Note::Ended(end) = NOTE.get() {
        telling::emit(|| Event::PollEnded { task, worker, end });
    }
}

impl Worker {
    pub(crate) fn new(executor: Arc<Executor>, parts: WorkerParts) -> Worker {
        let tally = executor.tally_of(parts.id).clone();
        tally.alive.start(executor.host.now());
        Worker {
            tally,
            executor_id: executor.id,
            pace: Pace::new(executor.spin),
            thief: Thief::new(),
            linger: Linger::new(),
            executor,
            id: parts.id,
            crew: parts.crew,
            current: Current::at_home(&parts.route),
            route: parts.route,
            locals: parts.locals,
            outbox: parts.outbox,
            enrolled: Enrolled::No,
            sifter: Sifter::default(),
            ready: Vec::new(),
            outlook: Outlook::default(),
            steps: 0,
            next_look: 0,
            next_overdue: 0,
            rng: fastrand::Rng::with_seed(parts.seed),
            numbers: WorkersNumbers::default(),
        }
    }

    #[inline]
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn takes_high_tasks_alone(&self) -> bool {
        *self.route.queues == [QueueId::HIGH]
    }

    #[allow(dead_code, reason = "asked where a machine is modelled")]
    pub(crate) fn is_searching(&self) -> bool {
        self.enrolled == Enrolled::Yes
    }

    // Finding a task.

    /// Takes the task to run now, or says why there is none. A worker looks, in this order:
    ///
    /// 1. every 61st step: in the home channel, and the step after, in its own part of the home
    ///    queue. Every 64th step: in its own part of one of the other queues on its route, in turn,
    ///    or everywhere in a queue that has no workers at home. While the worker goes on with a
    ///    single task of a queue, that queue's turn begins with its channel, and then with the
    ///    deques of other workers. At home in the high queue, it looks every other time in the
    ///    outboxes of nice workers before it looks in the channel;
    /// 2. in its own part of the queues that outrank home: so a low worker runs the high tasks that
    ///    it has taken before it goes on with low ones;
    /// 3. in its home next-slot, three times in a row at most, and in its home deque;
    /// 4. in the home channel: for a fair share, or for everything if there are 16 tasks or more;
    /// 5. if its route has queues that do not outrank home: in the deques of other workers for
    ///    tasks of home, so that none waits anywhere while this worker goes on with other work;
    /// 6. in its own part of those queues;
    /// 7. as a searcher: in the home channel once more, then in the deques of other workers, from a
    ///    random one on, for tasks of home and then of the rest of its route;
    /// 8. in the channels of the rest of its route: for one task, or for everything as above.
    ///
    /// Before all this, a worker that has news of a raised task looks for it where low tasks lie
    /// (`sifter.rs`). Its own part of a queue is the next-slot and the deque that it has there. The
    /// first look is [`Route::overdue`], the second and third are [`held`](Worker::held), the
    /// fourth to sixth the route's `at_hand`, the others its `farther`, which are looked at again
    /// and again for a while. The tests `a_high_worker_looks_in_the_order_given_above_next` and
    /// `a_low_worker_looks_in_the_order_given_above_next` in `runtime/start.rs` hold the list to
    /// what a worker does.
    ///
    /// Before it searches, and at some steps of the first kind, it looks whether something is ready
    /// in the reactor: see `idle/lookout.rs`.
    // `always`: as `take`.
    #[inline(always)]
    fn next(&mut self) -> Result<Runnable, Step> {
        if self.executor.phase() == Phase::Closed {
            return Err(Step::Close);
        }
        let step = self.steps + 1;
        self.steps = step;
        // Before the look at a task's priority. A task that is raised between the two is seen to be
        // high, or its raise is counted after this look and seen at the next step.
        self.current.sought = self.executor.pending.sought();
        if self.is_to_sift() && self.sift_in_turn() == Sifted::FoundSome {
            return Err(Step::Ran);
        }
        let overdue = match step < self.next_overdue {
            true => None,
            false => self.overdue()?,
        };
        let taken = overdue.or_else(|| self.held());
        let taken = taken.or_else(|| self.look_along(|route| &route.at_hand));
        if taken.is_none() {
            self.look_outside()?;
        }
        let runnable = taken
            .or_else(|| self.search())
            .ok_or_else(|| self.sift_or_rest())?;
        let runnable = match self.sifter.has_unsifted_loot {
            true => self.sift_loot(runnable)?,
            false => runnable,
        };
        self.begin(runnable.metadata());
        Ok(runnable)
    }

    /// Begins with a task that was taken.
    // `always`: since joined tasks are a second caller, the compiler would make this a call, on the
    // path of every task.
    #[inline(always)]
    fn begin(&mut self, task: &Meta) {
        self.current.is_high = task.queue_by_loans() == QueueId::HIGH;
        self.leave_searchers();
        self.begin_poll(task);
    }

    /// Looks into the reactor, or does without: where the worker waits there next, and no work is
    /// in sight, it rests at once, which is an `Err` as well (T37).
    fn look_outside(&mut self) -> Result<(), Step> {
        match self.goes_to_reactor() && !self.work_in_sight() {
            true => Err(self.sift_or_rest()),
            false => self.look_into_reactor(),
        }
    }

    /// Looks whether something is ready in the reactor, unless another worker waits there. `Err`:
    /// something is; this step ends, so that the caller can wake the tasks that wait for it.
    #[inline]
    fn look_into_reactor(&mut self) -> Result<(), Step> {
        self.executor.parking_lot.lookout.look(&mut self.ready);
        match self.ready.is_empty() {
            true => Ok(()),
            false => Err(Step::Ran),
        }
    }

    /// Takes the worker's list for wakers away, with those of its last look into the reactor.
    /// [`wake_all`] gives it back.
    pub(crate) fn take_ready(&mut self) -> Vec<Waker> {
        mem::take(&mut self.ready)
    }

    /// At certain steps, takes a task that would otherwise wait too long.
    #[inline(never)]
    fn overdue(&mut self) -> Result<Option<Runnable>, Step> {
        if self.steps >= self.next_look {
            self.next_look = self.steps + LOOK_INTO_REACTOR_EVERY;
            // The step is taken again when those tasks have been woken.
            self.look_into_reactor().inspect_err(|_| self.steps -= 1)?;
        }
        self.tidy_outbox();
        let (step, at) = (self.steps, self.current.at);
        self.next_overdue = self.route.next_overdue(step);
        let overdue = self.route.overdue(step, at, self.has_spare(at));
        let mut overdue = overdue.into_iter().flatten();
        Ok(overdue.find_map(|look| self.look(look)))
    }

    /// Takes from the local queues that go before all else.
    #[inline]
    fn held(&mut self) -> Option<Runnable> {
        let above = (0..self.route.above.len()).find_map(|i| self.pop_local(self.route.above[i]));
        above.or_else(|| self.pop_local(0))
    }

    /// Looks at some places of the route, one after the other.
    #[inline]
    fn look_along(&mut self, places: impl Fn(&Route) -> &[Look]) -> Option<Runnable> {
        (0..places(&self.route).len()).find_map(|i| self.look(places(&self.route)[i]))
    }

    /// Takes a task from one place, if there is one, and notes where. Most looks are in vain, and
    /// those cost no call (T7).
    // `always`: since there are several lists of places, the compiler would make this a call.
    #[inline(always)]
    fn look(&mut self, look: Look) -> Option<Runnable> {
        match look {
            Look::Local(at) => self.pop_local(at),
            Look::Channel(at) if self.queue(at).channel_len() == 0 => None,
            Look::Channel(at) => self.take_from_channel(at),
            Look::Others(at) if !self.queue(at).others_have_spare(self.id) => None,
            Look::Others(at) => self.steal(at),
            Look::Outboxes(at) if !self.queue(at).others_have_spare(self.id) => None,
            Look::Outboxes(at) => self.take_from_outboxes(at),
        }
    }

    fn queue(&self, position: usize) -> &Queue {
        self.executor.queue(self.route.queues[position])
    }

    #[inline]
    fn pop_local(&mut self, position: usize) -> Option<Runnable> {
        let runnable = self.locals.get_mut(position)?.pop()?;
        self.turn_to(position, Source::Local);
        Some(runnable)
    }

    /// Looks for something to steal, again and again for a short while.
    fn search(&mut self) -> Option<Runnable> {
        if self.enrolled == Enrolled::No {
            self.enrolled = self.executor.parking_lot.start_searching(self.crew);
        }
        // Not let in: enough others search.
        if self.enrolled == Enrolled::No {
            return None;
        }
        self.look_around().or_else(|| self.search_on())
    }

    /// The first round of a search is part of finding work. Only from here on does the time count
    /// as searching.
    #[inline(never)]
    fn search_on(&mut self) -> Option<Runnable> {
        let spin = self.executor.spin;
        if spin.rounds == 0 || self.goes_to_reactor() {
            return None;
        }
        self.tally().searching.start(self.now());
        let (mut linger, from) = (self.linger, self.current.source);
        let found = linger.look_again(spin, from, || self.look_around());
        self.linger = linger;
        self.tally().searching.stop(self.now());
        found
    }

    /// Whether the worker leaves off its search and waits in the reactor: no other does, and its
    /// work comes from there (T27).
    fn goes_to_reactor(&self) -> bool {
        let lookout = &self.executor.parking_lot.lookout;
        self.outlook.is_good() && lookout.reactor_if_vacant().is_some()
    }

    fn look_around(&mut self) -> Option<Runnable> {
        self.look_along(|route| &route.farther)
    }

    /// Turns to the queue at this place of the route, where a task was found.
    #[inline]
    fn turn_to(&mut self, position: usize, source: Source) {
        self.current.source = source;
        self.current.at = position;
        let before = mem::replace(&mut self.current.queue, self.route.queues[position]);
        if before != self.current.queue {
            self.turn_away_from(before);
        }
    }

    /// Called when the worker goes on with another queue than `before`.
    #[cold]
    fn turn_away_from(&mut self, before: QueueId) {
        self.demote_next_of(before);
        // Another worker is to wait in the reactor while this one is away: see `idle/lookout.rs`.
        if self.is_away_in(self.current.queue) && !self.is_away_in(before) {
            self.executor.man_lookout();
        }
    }

    /// Moves the task in the next-slot of a queue to the deque: it is not about to run any more,
    /// and other workers may have it.
    fn demote_next_of(&mut self, queue: QueueId) {
        let position = self.route.position(queue);
        let local = position.and_then(|position| self.locals.get_mut(position));
        if let Some(pushed) = local.and_then(LocalQueue::demote_next) {
            self.announce_pushed(pushed, queue);
        }
    }

    /// Whether a worker that runs a task of this queue may keep work at home waiting.
    fn is_away_in(&self, queue: QueueId) -> bool {
        self.route.home.outranks(queue)
    }

    /// Turns the worker to its home queue, since it is about to rest. Tasks of home that it wakes
    /// after a wait on the lookout then go into its own local queue (see `local_for`).
    fn go_home(&mut self) {
        if self.is_away_in(self.current.queue) {
            self.turn_to(0, self.current.source);
        }
    }

    /// Tells other workers of a task that was pushed into this worker's local queue, if they have
    /// to be told.
    #[inline]
    fn announce_pushed(&self, pushed: Pushed, queue: QueueId) {
        match pushed {
            Pushed::NextSlot | Pushed::BehindMany => {}
            Pushed::FirstInDeque => self.announce(queue),
            // The other workers were told of the tasks before it, which may be gone by now. While
            // all workers are busy, none has to be told again: see `idle/parking.rs`.
            Pushed::BehindOthers if self.executor.all_busy(queue) => {}
            Pushed::BehindOthers => self.announce(queue),
        }
    }

    /// Tells other workers of tasks that have just come into this worker's deque. A searcher leaves
    /// that to [`leave_searchers`](Worker::leave_searchers): one that wakes many tasks after a wait
    /// in the reactor unparks one worker for all of them (T36).
    fn announce(&self, queue: QueueId) {
        if self.enrolled == Enrolled::Yes {
            return;
        }
        // Pairs with the census of `idle/parking.rs`: the push goes before the look for parked
        // workers.
        fence(Ordering::SeqCst);
        self.executor.unpark_helper(queue);
    }

    /// Tells other workers, and the thread that ends the runtime, of tasks that were put back into
    /// a channel: they may have looked in vain meanwhile.
    fn announce_put_back(&self, queue: QueueId) {
        if self.has_work(queue) {
            self.announce(queue);
            self.executor.ending.task_queued();
        }
    }

    /// Takes a share of a channel, or one task where local queues are off.
    #[inline(never)]
    fn take_from_channel(&mut self, position: usize) -> Option<Runnable> {
        let queue = self.executor.queue(self.route.queues[position]);
        let Some(local) = self.locals.get_mut(position) else {
            let sifted_at = queue.sifted_at();
            let runnable = queue.take()?;
            self.inherit(position, sifted_at);
            self.turn_to(position, Source::Channel);
            return Some(runnable);
        };
        // It may spin for 2 us. `None`: the channel is empty.
        let len = self.pace.gather(|| queue.channel_len())?;
        let sifted_at = queue.sifted_at();
        let share = match position {
            0 => queue.fair_share(len),
            _ => 1,
        };
        let runnable = queue.take_share(len, share, local)?;
        self.note_moved(position, sifted_at);
        self.turn_to(position, Source::Channel);
        Some(runnable)
    }

    /// Steals from the other workers that serve a queue, beginning with a random one.
    #[inline(never)]
    fn steal(&mut self, position: usize) -> Option<Runnable> {
        let local = self.locals.get_mut(position)?;
        let queue = self.executor.queue(self.route.queues[position]);
        let start = match queue.local_count() {
            0..=2 => 0,
            victims => self.rng.usize(..victims),
        };
        let stolen = queue.steal(self.id, start, local)?;
        if stolen.from_outbox {
            return Some(self.receive(position, stolen));
        }
        self.thief.stole(1 + local.spare());
        self.tally().steals.add(1, Writer::Only);
        self.note_moved(position, stolen.sifted_at);
        self.turn_to(position, Source::Worker(stolen.from));
        Some(stolen.runnable)
    }

    #[cold]
    fn take_from_outboxes(&mut self, position: usize) -> Option<Runnable> {
        let local = self.locals.get_mut(position)?;
        let queue = self.executor.queue(self.route.queues[position]);
        let sent = queue.steal_from_outboxes(local)?;
        Some(self.receive(position, sent))
    }

    /// Notes that tasks have come from an outbox, which is no theft.
    fn receive(&mut self, position: usize, sent: Stolen) -> Runnable {
        self.note_moved(position, sent.sifted_at);
        self.turn_to(position, Source::Channel);
        sent.runnable
    }

    /// Notes when the tasks were sifted last that came along with the one that was taken, since
    /// they may have been raised after that (`sifter.rs`), and tells other workers of them. While
    /// they were on their way they lay nowhere, and another worker may have looked in vain. A
    /// searcher tells when its search ends.
    fn note_moved(&mut self, position: usize, sifted_at: u32) {
        self.inherit(position, sifted_at);
        if self.enrolled == Enrolled::No && self.has_spare(position) {
            self.announce(self.route.queues[position]);
        }
    }

    /// Whether the worker's own deque of a queue holds something.
    fn has_spare(&self, at: usize) -> bool {
        self.locals.get(at).is_some_and(LocalQueue::has_spare)
    }

    /// Ends the search, if this was one: the worker has found work, or naps.
    #[inline]
    fn leave_searchers(&mut self) {
        if self.enrolled == Enrolled::Yes {
            self.leave_census();
        }
    }

    /// The last searcher unparks the next if there is work: the threads that brought it may have
    /// relied on this searcher (`idle/parking.rs`).
    #[inline(never)]
    fn leave_census(&mut self) {
        self.enrolled = Enrolled::No;
        if self.executor.parking_lot.stop_searching(self.crew) == OtherSearchers::None {
            let busy = self.route.queues.iter().filter(|&&id| self.has_work(id));
            busy.for_each(|&id| self.executor.unpark_helper(id));
            // A thread that has raised a task may have relied on this searcher, too.
            if self.has_news_of_raises() {
                self.executor.unpark_for_raised();
            }
        }
    }

    fn has_work(&self, id: QueueId) -> bool {
        self.executor.queue(id).has_work()
    }

    #[inline]
    fn begin_poll(&self, task: &Meta) {
        let tally = self.tally();
        tally.polling.begin(Polled {
            task: task.id,
            queue: self.current.queue,
            spawned_at: task.spawned_at,
        });
        tally.queue(self.current.queue).taken.add(1, Writer::Only);
    }

    /// Notes that the task which this worker has taken is not polled after all. Does nothing where
    /// it has taken another.
    pub(super) fn count_unpolled(&mut self, task: TaskId) {
        let tally = self.tally();
        let polled = tally.polling.get();
        if polled.is_some_and(|polled| polled.task == task) {
            let counts = tally.queue(self.current.queue);
            counts.unpolled.add(1, Writer::Only);
        }
    }

    // Scheduling a task from this worker's thread.

    /// Where [`push_locally`](Worker::push_locally) would put a task of this queue, if it took it.
    pub(super) fn placement(&mut self, id: QueueId, turn: Turn) -> Option<Placement> {
        let local = self.local_for(id)?;
        Some(match turn {
            Turn::Last if !local.runs_next_at_once() => Placement::Deque,
            Turn::Last | Turn::Next => Placement::NextSlot,
        })
    }

    /// Puts a task that this worker spawned or woke into a local queue, or gives it back to be put
    /// into its queue's channel.
    #[inline]
    pub(super) fn push_locally(
        &mut self,
        runnable: Runnable,
        id: QueueId,
        turn: Turn,
    ) -> Result<(), Runnable> {
        let Some(local) = self.local_for(id) else {
            return Err(runnable);
        };
        let pushed = match turn {
            Turn::Next => local.push_next(runnable),
            Turn::Last => local.push_last(runnable),
        };
        self.announce_pushed(pushed, id);
        Ok(())
    }

    /// The local queue for a task of queue `id`, unless it belongs in the channel.
    ///
    /// A task that outranks the running one goes where any idle worker sees it at once, rather
    /// than wait here for the end of a poll that matters less. A task of a queue that is neither
    /// the running one nor home goes there, too: here it would lie behind this worker's own work.
    #[inline]
    fn local_for(&mut self, id: QueueId) -> Option<&mut LocalQueue> {
        if id == self.current.queue {
            self.locals.get_mut(self.current.at)
        } else if id == self.route.home && !id.outranks(self.current.queue) {
            self.locals.first_mut()
        } else {
            None
        }
    }

    /// Puts a high task into the outbox, or gives it back where there is none. The caller tells
    /// other workers of it.
    pub(super) fn send(&mut self, runnable: Runnable) -> Result<(), Runnable> {
        let Some(outbox) = &mut self.outbox else {
            return Err(runnable);
        };
        outbox.push_back(runnable);
        // Pairs with the census of `idle/parking.rs`: the push goes before the look for parked
        // workers.
        fence(Ordering::SeqCst);
        Ok(())
    }

    fn tidy_outbox(&mut self) {
        self.outbox
            .iter_mut()
            .for_each(|outbox| outbox.tidy_outbox());
    }

    // Resting.

    fn now(&self) -> Duration {
        self.executor.host.now()
    }

    fn begin_rest(&mut self) {
        self.tally().parks.add(1, Writer::Only);
        self.tally().polling.end();
        self.tidy_outbox();
        self.go_home();
    }

    /// Enters the worker as parked, and takes it back if there turns out to be something to do.
    pub(crate) fn begin_parking(&mut self) -> MayPark {
        self.begin_rest();
        if self.linger.follows() {
            self.executor.parking_lot.follow_bringer(self.id);
        }
        let enrolled = mem::replace(&mut self.enrolled, Enrolled::No);
        let parking_lot = &self.executor.parking_lot;
        let others = parking_lot.begin_parking(self.crew, self.id, self.route.home, enrolled);
        let look_again = others == OtherSearchers::None;
        // After it was entered, with a fence: a thread that changes the phase and then unparks all
        // workers is either seen here or sees this worker. The same fence lets drain see the ends
        // of the worker's tasks (`ending/mod.rs`, "Why drain does not sleep for ever").
        let phase = self.executor.ending.worker_rests();
        if phase == Phase::Closed || look_again && self.work_in_sight() {
            self.cancel_parking();
            return MayPark::No;
        }
        let now = self.now();
        self.linger.parked(now);
        self.tally().parked.start(now);
        MayPark::Yes
    }

    /// Decides whether the worker, which has nothing to do, naps or parks: see `idle/thief.rs`. For
    /// a nap its thread calls [`begin_nap`](Worker::begin_nap) next.
    pub(crate) fn decide_to_nap(&mut self) -> bool {
        self.thief.decide_to_nap()
    }

    /// Stops looking for a while, without being entered as parked; metrics count a nap as a park
    /// all the same. A searcher unparks another worker first, if it was the last one and work has
    /// come since it looked: see `idle/parking.rs`.
    pub(crate) fn begin_nap(&mut self) {
        self.begin_rest();
        self.leave_searchers();
        // It does not wait in the reactor, so that it is to look there.
        self.outlook = Outlook::default();
        // The ends of the worker's tasks are counted before it looks at the phase: see "Why drain
        // does not sleep for ever" in `ending/mod.rs`. The next step sees the phase itself.
        fence(Ordering::SeqCst);
        self.executor.ending.worker_rests();
        self.tally().parked.start(self.now());
    }

    pub(crate) fn end_nap(&mut self) {
        self.pace.rested();
        self.tally().parked.stop(self.now());
    }

    fn work_in_sight(&self) -> bool {
        self.route.queues.iter().any(|&id| self.has_work(id)) || self.has_news_of_raises()
    }

    /// Takes the worker back from among the parked, unless another thread was faster. It counts as
    /// a searcher then, as a worker does that was unparked.
    pub(crate) fn cancel_parking(&mut self) {
        self.executor.parking_lot.cancel_parking(self.crew, self.id);
        self.enrolled = Enrolled::Yes;
    }

    /// The worker's claim to the lookout.
    pub(crate) fn lookout_claim(&self) -> Claim {
        Claim::new(self.id, Standing::of(self.route.home))
    }

    /// Goes on after another thread has unparked this worker, or because something is ready in the
    /// reactor.
    pub(crate) fn end_parking(&mut self) {
        if !self.executor.parking_lot.is_awake(self.id) {
            self.executor.parking_lot.cancel_parking(self.crew, self.id);
        }
        self.pace.rested();
        let now = self.now();
        let waking = self.executor.parking_lot.woken(self.id);
        (self.thief).unparked(self.linger.unparked(now, self.current.source, waking));
        self.tally().parked.stop(now);
        self.enrolled = Enrolled::Yes;
    }

    // Ending.

    /// Empties the local queues of a runtime that has shut down. Each task is to be cancelled,
    /// after the worker has left its seat.
    pub(crate) fn close(mut self) -> Vec<Runnable> {
        self.leave_searchers();
        self.tally().polling.end();
        self.tally().alive.stop(self.now());
        let mut left = Vec::new();
        let outbox = self.outbox.iter_mut().map(|outbox| &mut **outbox);
        for local in self.locals.iter_mut().chain(outbox) {
            left.extend(iter::from_fn(|| local.pop()));
        }
        left
    }
}
