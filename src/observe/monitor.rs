//! The monitor: an observer that knows at any moment which tasks there are, and how long tasks
//! waited and were polled so far.
//!
//! The tasks are kept in shards by their numbers, so that workers seldom wait for each other; the
//! durations are counted without a lock, by each worker for itself.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::event_clock::EventClock;
use super::histogram::{Counting, Histogram};
use super::kept_name::kept_name;
use super::live_task::{LiveTask, TaskState, Wake, WokenBy};
use crate::ground::growth;
use crate::ground::ids::{QueueId, Spread, TaskId, WorkerId};
use crate::ground::poll::observed_task;
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::{Event, Observer, PollEnd, RuntimeShape};
use crate::time::now;

/// Lists the tasks of a runtime that have not ended, and counts for each queue how long tasks
/// waited in it and how long their polls took.
///
/// Give it to [`Builder::with_observer`](crate::Builder::with_observer), keep a second `Arc` of
/// it, and ask whenever there is a question. A monitor is for one runtime. [`Tee`](super::Tee)
/// lets it observe beside a [`Recorder`](super::Recorder).
///
/// Times are by [`time::now`](crate::time::now): in a [simulation](crate::sim) they are simulated,
/// and to be asked for by what runs in it.
///
/// # Cost
///
/// Some 120 ns for each poll, of which a look at the clock is 25: tasks that do nothing but
/// schedule take two to four times as long, polls of 10 µs do not notice. Events that follow each
/// other at once on one thread share a look, so that a poll may seem to begin with the end of the
/// one before, some 50 ns early. `benches/recorder` measures it. A live task takes some 200 bytes,
/// the histograms 20 kB for each worker and queue that it serves.
///
/// ```
/// use laneway::observe::Monitor;
/// use laneway::{Priority, QueueId, Runtime, join_all};
/// use std::sync::Arc;
///
/// let monitor = Arc::new(Monitor::new());
/// let rt = Runtime::builder().with_observer(monitor.clone()).build()?;
/// join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
///
/// let low = &monitor.queues()[QueueId::LOW.index()];
/// assert_eq!((low.queue.as_str(), low.wait.count()), ("low", 100));
/// assert!(low.wait.p50() <= low.wait.p99());
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub struct Monitor {
    clock: EventClock,
    watched: OnceLock<Watched>,
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

/// How long tasks of one queue waited, and how long their polls took. Made by
/// [`Monitor::queues`]; [`Monitor`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueTimes {
    /// The queue's name.
    pub queue: String,
    /// From each scheduling of a task to the start of its poll.
    pub wait: Histogram,
    /// From the start of each poll to its end. Polls that go on are not in it.
    pub poll: Histogram,
}

type Shard = HashMap<TaskId, KnownTask, BuildHasherDefault<Spread>>;

/// A power of two, many times the number of workers of most runtimes.
const SHARDS: usize = 64;

/// The facts that are known once the runtime has been built.
struct Watched {
    shape: RuntimeShape,
    workers: Box<[CachePadded<Timings>]>,
}

/// The counts of one worker, for each queue that it served.
struct Timings {
    waits: Box<[OnceLock<Counting>]>,
    polls: Box<[OnceLock<Counting>]>,
}

/// The facts that are known of a task.
struct KnownTask {
    name: Option<Box<str>>,
    spawned_at: &'static Location<'static>,
    queue: QueueId,
    spawned: Instant,
    polls: u64,
    /// Since when it lies in its queue.
    queued: Option<Instant>,
    running: Option<CurrentPoll>,
    /// The worker whose poll has ended without having told so yet: another one was faster to
    /// begin the next poll.
    late: Option<WorkerId>,
    /// When its last poll ended.
    left: Instant,
    last_wake: Option<(WokenBy, Instant)>,
    /// Whether the timer is about to wake it.
    fired: bool,
    timer_due: Option<Instant>,
}

/// A poll.
#[derive(Clone, Copy)]
struct CurrentPoll {
    worker: WorkerId,
    /// The queue that the task was taken from.
    queue: QueueId,
    since: Instant,
    /// Whether it blocks its thread, and the worker goes on without it.
    blocks: bool,
}

impl Monitor {
    /// Makes a monitor. [`Monitor`] has an example.
    #[must_use]
    pub fn new() -> Monitor {
        Monitor {
            clock: EventClock::new(),
            watched: OnceLock::new(),
            shards: (0..SHARDS).map(|_| CachePadded::default()).collect(),
        }
    }

    /// The tasks that have not ended, in the order of their numbers.
    ///
    /// They are looked at one after another while the runtime goes on. [`LiveTask`] has an
    /// example.
    #[must_use]
    pub fn tasks(&self) -> Vec<LiveTask> {
        let now = now();
        let mut tasks = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            tasks.extend(shard.iter().map(|(&id, entry)| entry.show(id, now)));
        }
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }

    /// The tasks that have waited for so long and of which nothing is known that will wake them:
    /// see [`LiveTask::is_suspicious`].
    ///
    /// ```
    /// use laneway::observe::Monitor;
    /// use laneway::sim::Sim;
    /// use laneway::spawn_task;
    /// use laneway::time::sleep;
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let monitor = Arc::new(Monitor::new());
    /// let looks_on = monitor.clone();
    /// Sim::seed(1).observer(monitor).run(async move {
    ///     let minute = Duration::from_secs(60);
    ///     let _forgotten = spawn_task!(name = "forgotten", std::future::pending::<()>());
    ///     let _sleeper = spawn_task!(name = "sleeper", sleep(3 * minute));
    ///     sleep(2 * minute).await;
    ///     let suspicious = looks_on.suspicious(minute);
    ///     assert_eq!(suspicious.len(), 1);
    ///     assert_eq!(suspicious[0].name.as_deref(), Some("forgotten"));
    /// })?;
    /// # Ok::<(), laneway::sim::Error>(())
    /// ```
    #[must_use]
    pub fn suspicious(&self, after: Duration) -> Vec<LiveTask> {
        let mut tasks = self.tasks();
        tasks.retain(|task| task.is_suspicious(after));
        tasks
    }

    /// The counts of each queue so far, in the order of [`QueueId::index`]. Empty if the monitor
    /// observes no runtime.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueTimes> {
        let Some(watched) = self.watched.get() else {
            return Vec::new();
        };
        let names = watched.shape.queues.iter().enumerate();
        names
            .map(|(index, name)| QueueTimes {
                queue: name.clone(),
                wait: watched.total(|worker| worker.waits[index].get()),
                poll: watched.total(|worker| worker.polls[index].get()),
            })
            .collect()
    }

    fn shard(&self, task: TaskId) -> MutexGuard<'_, Shard> {
        // Numbers are handed out one after another, so the low bits are spread evenly.
        lock(&self.shards[task.0 as usize % SHARDS])
    }

    /// Changes what is known of a task that has not ended.
    fn update<R>(&self, task: TaskId, change: impl FnOnce(&mut KnownTask) -> R) -> Option<R> {
        self.shard(task).get_mut(&task).map(change)
    }

    fn poll_started(&self, task: TaskId, worker: WorkerId, now: Instant) {
        let started = self.update(task, |entry| entry.start_poll(worker, now));
        let Some(PollStart {
            queue,
            waited,
            before,
        }) = started
        else {
            return;
        };
        if let Some(waited) = waited {
            self.count(worker, |counts| counts.waits.get(queue.index()), waited);
        }
        if let Some(before) = before {
            self.count_poll(before, now);
        }
    }

    fn poll_ended(&self, task: TaskId, worker: WorkerId, end: PollEnd, now: Instant) {
        let mut shard = self.shard(task);
        let ended = shard
            .get_mut(&task)
            .and_then(|entry| entry.end_poll(worker, now));
        if end.is_last() {
            forget(&mut shard, task);
        }
        drop(shard);
        if let Some(poll) = ended {
            self.count_poll(poll, now);
        }
    }

    fn count_poll(&self, poll: CurrentPoll, now: Instant) {
        let lasted = now.saturating_duration_since(poll.since);
        self.count(
            poll.worker,
            |counts| counts.polls.get(poll.queue.index()),
            lasted,
        );
    }

    fn count(
        &self,
        worker: WorkerId,
        place: impl FnOnce(&Timings) -> Option<&OnceLock<Counting>>,
        duration: Duration,
    ) {
        let watched = self.watched.get();
        // A second runtime, of which the log tells, may have more workers and queues.
        let worker = watched.and_then(|watched| watched.workers.get(worker.index()));
        if let Some(counting) = worker.and_then(|worker| place(worker)) {
            counting.get_or_init(Counting::default).add(duration);
        }
    }
}

fn forget(shard: &mut Shard, task: TaskId) {
    shard.remove(&task);
    growth::give_back(shard);
}

impl Observer for Monitor {
    fn on_start(&self, shape: &RuntimeShape) {
        let watched = Watched {
            shape: shape.clone(),
            workers: shape
                .homes
                .iter()
                .map(|_| Timings::new(shape.queues.len()))
                .collect(),
        };
        // The runtime logs what its observer panics with.
        assert!(
            self.watched.set(watched).is_ok(),
            "a monitor is for one runtime: make another for the second, since their tasks cannot \
             be told apart"
        );
    }

    fn on_event(&self, event: Event) {
        let now = self.clock.time_of(&event);
        match event {
            Event::Spawned {
                task,
                queue,
                spawned_at,
                ..
            } => {
                let entry = KnownTask::new(queue, spawned_at, now);
                self.shard(task).insert(task, entry);
            }
            Event::Scheduled {
                task, queue, by, ..
            } => {
                let waker = by.and_then(|_| observed_task()).map(|(_, task)| task);
                self.update(task, |entry| entry.schedule(queue, waker, now));
            }
            Event::PollStarted { task, worker } => self.poll_started(task, worker, now),
            Event::PollEnded { task, worker, end } => self.poll_ended(task, worker, end, now),
            Event::Cancelled { task, .. } => {
                let mut shard = self.shard(task);
                // One that is being polled tells its end itself.
                if shard
                    .get(&task)
                    .is_some_and(|entry| entry.running.is_none())
                {
                    forget(&mut shard, task);
                }
            }
            Event::TimerArmed { task, after_us, .. } => {
                let due = now.checked_add(Duration::from_micros(after_us));
                self.update(task, |entry| entry.timer_due = entry.timer_due.max(due));
            }
            Event::TimerFired { task } => {
                self.update(task, |entry| entry.fired = true);
            }
            Event::Replaced { .. } => {
                if let Some((_, task)) = observed_task() {
                    self.update(task, KnownTask::block);
                }
            }
            Event::Taken { .. }
            | Event::Escalated { .. }
            | Event::Parked { .. }
            | Event::Unparked { .. } => {}
        }
    }

    fn on_named(&self, task: TaskId, name: &str) {
        let name = kept_name(name);
        self.update(task, |entry| entry.name = Some(name));
    }
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor::new()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live: usize = self.shards.iter().map(|shard| lock(shard).len()).sum();
        f.debug_struct("Monitor")
            .field("live", &live)
            .finish_non_exhaustive()
    }
}

impl Watched {
    /// The sum of all workers' counts in one place.
    fn total<'a>(&'a self, place: impl Fn(&'a Timings) -> Option<&'a Counting>) -> Histogram {
        let mut total = Histogram::default();
        let counted = self.workers.iter().filter_map(|worker| place(worker));
        counted.for_each(|counting| counting.add_to(&mut total));
        total
    }
}

impl Timings {
    fn new(queues: usize) -> CachePadded<Timings> {
        let empty = || (0..queues).map(|_| OnceLock::new()).collect();
        CachePadded::new(Timings {
            waits: empty(),
            polls: empty(),
        })
    }
}

/// The facts that the start of a poll tells.
struct PollStart {
    queue: QueueId,
    /// How long the task lay in its queue.
    waited: Option<Duration>,
    /// The poll before, if this start tells first that it has ended.
    before: Option<CurrentPoll>,
}

impl KnownTask {
    fn new(queue: QueueId, spawned_at: &'static Location<'static>, now: Instant) -> KnownTask {
        KnownTask {
            name: None,
            spawned_at,
            queue,
            spawned: now,
            polls: 0,
            queued: Some(now),
            running: None,
            late: None,
            left: now,
            last_wake: None,
            fired: false,
            timer_due: None,
        }
    }

    fn schedule(&mut self, queue: QueueId, waker: Option<TaskId>, now: Instant) {
        self.queue = queue;
        self.queued = Some(now);
        let fired = std::mem::take(&mut self.fired);
        // The first scheduling is by the spawn.
        if self.polls > 0 {
            let by = match (fired, waker) {
                (true, _) => WokenBy::Timer,
                (false, Some(task)) => WokenBy::Poll(task),
                (false, None) => WokenBy::Outside,
            };
            self.last_wake = Some((by, now));
        }
    }

    fn start_poll(&mut self, worker: WorkerId, now: Instant) -> PollStart {
        self.polls += 1;
        let queued = self.queued.take();
        let running = CurrentPoll {
            worker,
            queue: self.queue,
            since: now,
            blocks: false,
        };
        let before = self.running.replace(running);
        self.late = before.map(|poll| poll.worker);
        PollStart {
            queue: self.queue,
            waited: queued.map(|since| now.saturating_duration_since(since)),
            before,
        }
    }

    /// Gives the poll that has ended, if that is news.
    fn end_poll(&mut self, worker: WorkerId, now: Instant) -> Option<CurrentPoll> {
        if self.late == Some(worker) {
            self.late = None;
            return None;
        }
        self.left = now;
        self.running.take()
    }

    fn block(&mut self) {
        if let Some(running) = &mut self.running {
            running.blocks = true;
        }
    }

    /// The task's state, and the time since when it holds.
    fn state(&self) -> (TaskState, Instant) {
        match (self.running, self.queued) {
            (Some(poll), _) if poll.blocks => (TaskState::Blocked(poll.worker), poll.since),
            (Some(poll), _) => (TaskState::Running(poll.worker), poll.since),
            (None, Some(since)) => (TaskState::Queued, since),
            (None, None) => (TaskState::Waiting, self.left),
        }
    }

    fn show(&self, id: TaskId, now: Instant) -> LiveTask {
        let (state, since) = self.state();
        let timer = self.timer_due.map(|due| due.saturating_duration_since(now));
        LiveTask {
            id,
            name: self.name.as_deref().map(str::to_owned),
            spawned_at: self.spawned_at,
            queue: self.queue,
            state,
            in_state: now.saturating_duration_since(since),
            age: now.saturating_duration_since(self.spawned),
            polls: self.polls,
            last_wake: self.last_wake.map(|(by, at)| Wake {
                by,
                ago: now.saturating_duration_since(at),
            }),
            timer: timer.filter(|left| !left.is_zero()),
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A poisoned lock is fine: an entry is whole between any two of its calls.
    unpoisoned(shard.lock())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::telemetry::Placement;

    const TASK: TaskId = TaskId(7);
    const A: WorkerId = WorkerId(0);
    const B: WorkerId = WorkerId(1);

    /// A monitor of two workers that was told this of a task, one after another.
    fn told(events: &[Event]) -> Monitor {
        let monitor = Monitor::new();
        monitor.on_start(&RuntimeShape {
            queues: vec!["high".to_owned(), "low".to_owned()],
            homes: vec![QueueId::LOW; 2],
            standbys: vec![],
        });
        monitor.on_event(Event::Spawned {
            task: TASK,
            queue: QueueId::LOW,
            by: None,
            spawned_at: Location::caller(),
        });
        events.iter().for_each(|&event| monitor.on_event(event));
        monitor
    }

    fn scheduled() -> Event {
        Event::Scheduled {
            task: TASK,
            queue: QueueId::LOW,
            by: None,
            to: Placement::Channel,
        }
    }

    fn started(worker: WorkerId) -> Event {
        Event::PollStarted { task: TASK, worker }
    }

    fn ended(worker: WorkerId, end: PollEnd) -> Event {
        Event::PollEnded {
            task: TASK,
            worker,
            end,
        }
    }

    #[track_caller]
    fn assert_state(monitor: &Monitor, state: TaskState, polls_counted: u64) {
        let tasks = monitor.tasks();
        assert_eq!(
            tasks.iter().map(|task| task.state).collect::<Vec<_>>(),
            [state]
        );
        assert_eq!(monitor.queues()[1].poll.count(), polls_counted);
    }

    // A task can be woken and polled elsewhere before the thread of the poll before has told that
    // it ended.
    #[test]
    fn a_poll_whose_end_is_told_late_does_not_end_the_next_one() {
        let monitor = told(&[scheduled(), started(A), scheduled(), started(B)]);
        assert_state(&monitor, TaskState::Running(B), 1);
        monitor.on_event(ended(A, PollEnd::Pending));
        assert_state(&monitor, TaskState::Running(B), 1);
        monitor.on_event(ended(B, PollEnd::Pending));
        assert_state(&monitor, TaskState::Waiting, 2);
    }

    #[test]
    fn a_wake_up_that_is_told_before_the_end_of_the_poll_counts() {
        let monitor = told(&[scheduled(), started(A), scheduled()]);
        assert_state(&monitor, TaskState::Running(A), 0);
        monitor.on_event(ended(A, PollEnd::Pending));
        assert_state(&monitor, TaskState::Queued, 1);
        monitor.on_event(started(A));
        assert_state(&monitor, TaskState::Running(A), 1);
        assert_eq!(monitor.queues()[1].wait.count(), 2);
    }

    #[test]
    fn the_same_worker_may_go_on_with_a_task_that_blocked_it() {
        let monitor = told(&[scheduled(), started(A), scheduled(), started(A)]);
        monitor.on_event(ended(A, PollEnd::Pending));
        assert_state(&monitor, TaskState::Running(A), 1);
        monitor.on_event(ended(A, PollEnd::Pending));
        assert_state(&monitor, TaskState::Waiting, 2);
    }

    // The log tells of the second runtime, once: not of each of its events.
    #[test]
    fn a_second_runtime_may_have_more_workers_and_queues() {
        let monitor = told(&[]);
        let (task, further) = (TaskId(8), QueueId(2));
        let of_the_second = [
            Event::Spawned {
                task,
                queue: further,
                by: None,
                spawned_at: Location::caller(),
            },
            Event::Scheduled {
                task,
                queue: further,
                by: None,
                to: Placement::Channel,
            },
        ];
        of_the_second
            .into_iter()
            .for_each(|event| monitor.on_event(event));
        for worker in [B, WorkerId(5)] {
            monitor.on_event(Event::PollStarted { task, worker });
            let end = PollEnd::Pending;
            monitor.on_event(Event::PollEnded { task, worker, end });
        }
        assert_eq!(monitor.queues().len(), 2);
        assert_eq!(monitor.tasks().len(), 2);
    }

    #[test]
    fn what_is_told_of_a_task_after_its_end_is_ignored() {
        let monitor = told(&[scheduled(), started(A), scheduled(), started(B)]);
        monitor.on_event(ended(B, PollEnd::Ready));
        monitor.on_event(ended(A, PollEnd::Pending));
        monitor.on_event(scheduled());
        assert_eq!(monitor.tasks(), []);
        assert_eq!(monitor.queues()[1].poll.count(), 2);
    }
}
