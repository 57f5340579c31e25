//! Do the rules hold under a thousand schedules?
//!
//! The stress tests of the core once more, small, and each under a thousand seeds of the
//! simulator, which orders polls as threads rarely do. An auditor reads every event and holds it
//! against the life cycle that `src/executor/mod.rs` draws; the programs count what became of
//! their tasks. Workers, policy and local queues change from seed to seed.

mod common;

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use fastrand::Rng;
use laneway::blocking::unblock;
use laneway::observe::{Event, Observer, Placement, PollEnd, Source, WorkerId};
use laneway::sim::{Sim, work};
use laneway::time::{armed, now, sleep, timeout};
use laneway::{
    Priority, QueueId, Stealing, Task, TaskGroup, TaskId, block_on, join_all, spawn_task,
    try_join_all, yield_now,
};

use common::{DropCounter, DropToken};

const SEEDS: u64 = 1_000;

/// Runs a program under a thousand seeds and audits each run.
#[track_caller]
fn stress<F>(program: impl Fn(u64) -> F)
where
    F: Future<Output = ()> + Send,
{
    for seed in 0..SEEDS {
        let shape = Shape::of(seed);
        let auditor = Arc::new(Auditor::new(shape));
        let sim = shape.sim(seed).observer(auditor.clone());
        if let Err(failure) = sim.explore(1, || program(seed)) {
            panic!("{shape:?}: {failure}");
        }
        auditor.conclude();
    }
}

/// Who works in a simulation.
#[derive(Clone, Copy, Debug)]
struct Shape {
    high: usize,
    low: usize,
    stealing: Stealing,
    local_queues: bool,
}

impl Shape {
    fn of(seed: u64) -> Shape {
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let policies = [
            Stealing::Both,
            Stealing::HighFromLow,
            Stealing::LowFromHigh,
            Stealing::None,
        ];
        let stealing = policies[rng.usize(..policies.len())];
        // A queue may be without workers where the policy lets others serve it.
        let high = match stealing {
            Stealing::Both | Stealing::LowFromHigh => rng.usize(0..=2),
            Stealing::HighFromLow | Stealing::None => rng.usize(1..=2),
        };
        let low = match stealing {
            Stealing::Both if high > 0 => rng.usize(0..=2),
            Stealing::HighFromLow => rng.usize(0..=2),
            _ => rng.usize(1..=2),
        };
        Shape {
            high,
            low,
            stealing,
            local_queues: rng.u8(..4) > 0,
        }
    }

    fn sim(self, seed: u64) -> Sim {
        Sim::seed(seed)
            .high(self.high)
            .low(self.low)
            .stealing(self.stealing)
            .local_queues(self.local_queues)
    }

    fn home_of(self, worker: WorkerId) -> Priority {
        match worker.index() < self.high {
            true => Priority::High,
            false => Priority::Low,
        }
    }

    fn may_take(self, worker: WorkerId, is_low: bool) -> bool {
        match self.home_of(worker) {
            Priority::High => {
                !is_low || matches!(self.stealing, Stealing::Both | Stealing::HighFromLow)
            }
            Priority::Low => {
                is_low || matches!(self.stealing, Stealing::Both | Stealing::LowFromHigh)
            }
        }
    }
}

/// The number of the low queue, which all runtimes have in common.
static LOW: LazyLock<QueueId> = LazyLock::new(|| {
    let rt = laneway::Runtime::builder().build().unwrap();
    rt.queue("low").unwrap()
});

/// Holds every event against the life cycle.
struct Auditor {
    shape: Shape,
    low: QueueId,
    books: Mutex<Books>,
    findings: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Books {
    tasks: HashMap<TaskId, Stage>,
    asleep: HashMap<WorkerId, bool>,
    raised: HashSet<TaskId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Spawned,
    Queued,
    Taken,
    Running,
    /// It runs, and has been queued again meanwhile.
    RunningQueued,
    Waiting,
    Ended,
}

impl Auditor {
    fn new(shape: Shape) -> Auditor {
        Auditor {
            shape,
            low: *LOW,
            books: Mutex::default(),
            findings: Mutex::default(),
        }
    }

    fn audit(&self, books: &mut Books, event: Event) -> Result<(), String> {
        let expect = |right: bool, words: &str| match right {
            true => Ok(()),
            false => Err(format!("{words}: {event:?}")),
        };
        let stage = |books: &Books, task: TaskId| books.tasks.get(&task).copied();
        match event {
            Event::Spawned { task, .. } => {
                expect(
                    books.tasks.insert(task, Stage::Spawned).is_none(),
                    "spawned twice",
                )?;
            }
            Event::Escalated { task, .. } => _ = books.raised.insert(task),
            Event::Scheduled {
                task,
                queue,
                by,
                to,
            } => {
                let moved = queue != self.low && to == Placement::Channel;
                let next = match stage(books, task) {
                    Some(Stage::Spawned | Stage::Waiting) => Stage::Queued,
                    // It was raised in the low queue, which it leaves once.
                    Some(Stage::Queued) if moved && books.raised.remove(&task) => Stage::Queued,
                    Some(Stage::Running) => Stage::RunningQueued,
                    other => return Err(format!("scheduled while {other:?}: {event:?}")),
                };
                books.tasks.insert(task, next);
                let local = to != Placement::Channel;
                expect(!local || by.is_some(), "kept by nobody")?;
                expect(
                    !local || self.shape.local_queues,
                    "kept without local queues",
                )?;
            }
            Event::Taken {
                task,
                queue,
                worker,
                from,
            } => {
                expect(stage(books, task) == Some(Stage::Queued), "taken unqueued")?;
                expect(
                    self.shape.may_take(worker, queue == self.low),
                    "taken against the policy",
                )?;
                expect(from != Source::Worker(worker), "stolen from itself")?;
                books.tasks.insert(task, Stage::Taken);
            }
            Event::PollStarted { task, worker } => {
                expect(stage(books, task) == Some(Stage::Taken), "polled untaken")?;
                expect(
                    books.asleep.get(&worker) != Some(&true),
                    "polled by a sleeper",
                )?;
                books.tasks.insert(task, Stage::Running);
            }
            Event::PollEnded { task, end, .. } => {
                let next = match (stage(books, task), end) {
                    (Some(Stage::RunningQueued), PollEnd::Yielded) => Stage::Queued,
                    (Some(Stage::Running), PollEnd::Pending) => Stage::Waiting,
                    // Cancelled in its own poll: nobody will run it again.
                    (Some(Stage::Running | Stage::RunningQueued), end) if end.is_last() => {
                        Stage::Ended
                    }
                    other => return Err(format!("ended from {other:?}: {event:?}")),
                };
                books.tasks.insert(task, next);
            }
            Event::Parked { worker } => {
                expect(
                    books.asleep.insert(worker, true) != Some(true),
                    "parked twice",
                )?;
            }
            Event::Unparked { worker } => {
                expect(
                    books.asleep.insert(worker, false) == Some(true),
                    "unparked while awake",
                )?;
            }
            _ => {}
        }
        Ok(())
    }

    /// After a run: nothing was found, and something was seen.
    #[track_caller]
    fn conclude(&self) {
        let findings = self.findings.lock().unwrap();
        assert!(findings.is_empty(), "{:?}: {findings:#?}", self.shape);
        assert!(!self.books.lock().unwrap().tasks.is_empty());
    }
}

impl Observer for Auditor {
    fn on_event(&self, event: Event) {
        let mut books = self.books.lock().unwrap();
        if let Err(finding) = self.audit(&mut books, event) {
            self.findings.lock().unwrap().push(finding);
        }
    }
}

/// What becomes of the tasks of one program.
#[derive(Clone, Default)]
struct Account {
    completed: Arc<AtomicUsize>,
    panicked: Arc<AtomicUsize>,
    drops: DropCounter,
}

impl Account {
    /// A task that yields, waits to be woken by another, sleeps, ends or panics.
    async fn job(self, mut rng: Rng, bed: Bed, token: DropToken) {
        let _token = token;
        for _ in 0..rng.usize(..4) {
            match rng.u8(..8) {
                0..4 => yield_now().await,
                4..6 => bed.lie_down().await,
                6 => sleep(Duration::from_micros(rng.u64(..1_000))).await,
                _ => work(Duration::from_micros(rng.u64(..1_000))),
            }
        }
        if rng.u8(..8) == 0 {
            self.panicked.fetch_add(1, Ordering::Relaxed);
            resume_unwind(Box::new("as planned"));
        }
        self.completed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where tasks wait until another wakes them, some of them twice.
#[derive(Clone, Default)]
struct Bed {
    wakers: Arc<Mutex<Vec<Waker>>>,
    closed: Arc<AtomicBool>,
}

impl Bed {
    async fn lie_down(&self) {
        let mut lain = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut lain, true) {
                return Poll::Ready(());
            }
            self.wakers.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn wake_until_closed(self, mut rng: Rng) {
        while !self.closed.load(Ordering::Relaxed) {
            let mut wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
            rng.shuffle(&mut wakers);
            for waker in wakers {
                if rng.bool() {
                    waker.wake_by_ref();
                }
                waker.wake();
            }
            // Others may need the time to pass.
            sleep(Duration::from_micros(100)).await;
        }
    }
}

fn priority(rng: &mut Rng) -> Priority {
    match rng.bool() {
        true => Priority::High,
        false => Priority::Low,
    }
}

#[test]
fn every_task_is_accounted_for() {
    const TASKS: usize = 24;
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let account = Account::default();
        let bed = Bed::default();
        let waker = spawn_task!(
            bed.clone().wake_until_closed(rng.fork()),
            priority(&mut rng)
        );
        let mut kept = Vec::new();
        let mut cancelled = 0;
        for _ in 0..TASKS {
            let job = account
                .clone()
                .job(rng.fork(), bed.clone(), account.drops.token());
            let task = spawn_task!(job, priority(&mut rng));
            match rng.u8(..16) {
                0..8 => kept.push(task),
                8..13 => task.detach(),
                13..15 => drop(task),
                _ => cancelled += usize::from(task.cancel().await.is_none()),
            }
        }
        for result in try_join_all(kept) {
            assert!(!result.is_err_and(|error| error.is_cancelled()));
        }
        // The detached ones end too.
        while account.drops.count() < TASKS {
            sleep(Duration::from_micros(100)).await;
        }
        bed.closed.store(true, Ordering::Relaxed);
        waker.await;
        let ended =
            account.completed.load(Ordering::Relaxed) + account.panicked.load(Ordering::Relaxed);
        assert!(
            ended <= TASKS && ended + cancelled >= TASKS / 2,
            "{ended} ended"
        );
        assert_eq!(account.drops.count(), TASKS);
    });
}

#[test]
fn joins_nest_whatever_comes_first() {
    /// A tree of joins, in which every node may panic and every join sees it.
    fn tree(depth: usize, mut rng: Rng) -> Task<usize> {
        let priority = priority(&mut rng);
        spawn_task!(
            async move {
                if depth == 0 {
                    return 1;
                }
                let subtrees = [tree(depth - 1, rng.fork()), tree(depth - 1, rng.fork())];
                let sum: usize = try_join_all(subtrees).into_iter().flatten().sum();
                if rng.u8(..8) == 0 {
                    resume_unwind(Box::new("as planned"));
                }
                if rng.bool() {
                    yield_now().await;
                }
                sum
            },
            priority
        )
    }
    let leaves = AtomicUsize::new(0);
    stress(|seed| {
        let leaves = &leaves;
        async move {
            let result = tree(3, Rng::with_seed(seed)).fallible().await;
            leaves.fetch_add(result.unwrap_or(0), Ordering::Relaxed);
        }
    });
    // Which nodes panic follows from the seed, not from the schedule.
    let expected: usize = (0..SEEDS)
        .map(|seed| expected_leaves(3, Rng::with_seed(seed)).unwrap_or(0))
        .sum();
    assert_eq!(leaves.into_inner(), expected);

    fn expected_leaves(depth: usize, mut rng: Rng) -> Option<usize> {
        let _ = priority(&mut rng);
        if depth == 0 {
            return Some(1);
        }
        let subtrees = [rng.fork(), rng.fork()].map(|rng| expected_leaves(depth - 1, rng));
        let sum = subtrees.into_iter().flatten().sum();
        (rng.u8(..8) != 0).then_some(sum)
    }
}

#[test]
fn blocked_tasks_are_woken_whoever_blocked_last() {
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let channels: Vec<_> = (0..6).map(|_| async_channel::bounded::<usize>(1)).collect();
        // Each waits for the one before, and they begin in any order.
        let mut order: Vec<usize> = (1..6).collect();
        rng.shuffle(&mut order);
        let tasks = order.into_iter().map(|n| {
            let (from, to) = (channels[n - 1].1.clone(), channels[n].0.clone());
            spawn_task!(
                async move {
                    let value = block_on(from.recv()).unwrap();
                    to.send(value + 1).await.unwrap();
                },
                priority(&mut rng)
            )
        });
        let tasks: Vec<_> = tasks.collect();
        channels[0].0.send(0).await.unwrap();
        join_all(tasks);
        assert_eq!(channels[5].1.recv().await, Ok(5));
    });
}

#[test]
fn cancels_meet_wake_ups_and_ends() {
    const TASKS: usize = 12;
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let account = Account::default();
        let bed = Bed::default();
        let waker = spawn_task!(bed.clone().wake_until_closed(rng.fork()));
        let tasks = (0..TASKS).map(|_| {
            let job = account
                .clone()
                .job(rng.fork(), bed.clone(), account.drops.token());
            spawn_task!(job, priority(&mut rng))
        });
        let tasks: Vec<_> = tasks.collect();
        let mut none = 0;
        for task in tasks {
            for _ in 0..rng.usize(..3) {
                yield_now().await;
            }
            let before = account.drops.count();
            none += usize::from(task.cancel().await.is_none());
            assert!(account.drops.count() > 0 && account.drops.count() >= before);
        }
        assert_eq!(account.drops.count(), TASKS);
        // Whoever gave an output had completed. (One that is cancelled in the middle of its last
        // poll completes too, and gives none.)
        assert!(account.completed.load(Ordering::Relaxed) >= TASKS - none);
        bed.closed.store(true, Ordering::Relaxed);
        waker.await;
    });
}

#[test]
fn groups_give_every_member_once() {
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let (mut group, account) = (TaskGroup::new(), Account::default());
        let bed = Bed::default();
        let waker = spawn_task!(bed.clone().wake_until_closed(rng.fork()));
        let (mut spawned, mut ok, mut panicked) = (0, 0, 0);
        for _ in 0..4 {
            for _ in 0..rng.usize(..5) {
                let job = account
                    .clone()
                    .job(rng.fork(), bed.clone(), account.drops.token());
                group.spawn(job, priority(&mut rng));
                spawned += 1;
            }
            for _ in 0..rng.usize(..4) {
                match group.join_next().await {
                    Some(Ok(())) => ok += 1,
                    Some(Err(error)) => panicked += usize::from(error.is_panic()),
                    None => assert!(group.is_empty()),
                }
            }
        }
        let left = group.len();
        assert_eq!(ok + panicked + left, spawned);
        if rng.bool() {
            group.cancel_all().await;
            assert!(group.is_empty());
        } else {
            let rest = group.join_all().await;
            assert_eq!(rest.len(), left);
            ok += rest.iter().filter(|result| result.is_ok()).count();
            assert_eq!(ok, account.completed.load(Ordering::Relaxed));
        }
        assert_eq!(account.drops.count(), spawned);
        bed.closed.store(true, Ordering::Relaxed);
        waker.await;
    });
}

#[test]
fn an_end_in_the_middle_drops_every_future_once() {
    let (mut begun, mut dropped) = (0, 0);
    for seed in 0..SEEDS {
        let account = Account::default();
        let counts = account.clone();
        let auditor = Arc::new(Auditor::new(Shape::of(seed)));
        let sim = Shape::of(seed).sim(seed).observer(auditor.clone());
        let run = sim.run(async move {
            let mut rng = Rng::with_seed(seed);
            let bed = Bed::default();
            let tasks = rng.usize(1..20);
            for _ in 0..tasks {
                let job = account
                    .clone()
                    .job(rng.fork(), bed.clone(), account.drops.token());
                spawn_task!(job, priority(&mut rng)).detach();
            }
            let blocks = account.drops.token();
            spawn_task!(async move {
                block_on(std::future::pending::<()>());
                drop(blocks);
            })
            .detach();
            for _ in 0..rng.usize(..20) {
                yield_now().await;
            }
            tasks + 1
        });
        let tasks = run.unwrap().output;
        assert_eq!(counts.drops.count(), tasks, "seed {seed}");
        begun += tasks;
        dropped += counts.drops.count() - counts.completed.load(Ordering::Relaxed);
        auditor.conclude();
    }
    assert!(
        dropped > begun / 10,
        "ends came early: {dropped} of {begun}"
    );
}

#[test]
fn sleeps_end_on_time_and_leave_nothing() {
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let started = now();
        let tasks = (0..10).map(|_| {
            // Whole ticks are met exactly; what ends within a tick ends with it.
            let nap = Duration::from_micros(100 * rng.u64(1..100));
            let limit = Duration::from_micros(100 * rng.u64(1..100) - 50);
            spawn_task!(
                async move {
                    let result = timeout(limit, sleep(nap)).await;
                    let limit = limit + Duration::from_micros(50);
                    assert_eq!(now() - started, nap.min(limit));
                    assert_eq!(result.is_ok(), nap <= limit);
                },
                priority(&mut rng)
            )
        });
        for mut task in tasks.collect::<Vec<_>>() {
            if rng.u8(..4) == 0 {
                // Awaited for one poll and dropped.
                let _ = futures_lite::future::poll_once(&mut task).await;
            } else {
                task.await;
            }
        }
        while armed() > 0 {
            yield_now().await;
        }
    });
}

#[test]
fn closures_run_or_are_dropped() {
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), DropCounter::new());
        let mut awaited = 0;
        for _ in 0..10 {
            let (ran, token) = (ran.clone(), drops.token());
            let closure = unblock(move || {
                ran.fetch_add(1, Ordering::Relaxed);
                drop(token);
            });
            match rng.u8(..4) {
                0 => drop(closure),
                1 => closure.detach(),
                2 => spawn_task!(closure).detach(),
                _ => {
                    spawn_task!(closure, priority(&mut rng)).await;
                    awaited += 1;
                }
            }
        }
        // First in, first out: what was given before has run, or been dropped, when this has.
        spawn_task!(unblock(|| ())).await;
        assert!(ran.load(Ordering::Relaxed) >= awaited);
        assert_eq!(drops.count(), 10);
    });
}

#[test]
fn no_queue_starves() {
    stress(|seed| async move {
        let mut rng = Rng::with_seed(seed);
        let done = Arc::new(AtomicBool::new(false));
        let flood = (0..4).map(|_| {
            let done = done.clone();
            let priority = priority(&mut rng);
            spawn_task!(
                async move {
                    let mut polls = 0;
                    while !done.load(Ordering::Relaxed) {
                        yield_now().await;
                        polls += 1;
                        assert!(polls < 10_000, "a task waits behind {polls} polls");
                    }
                },
                priority
            )
        });
        let flood: Vec<_> = flood.collect();
        for n in 0..3 {
            let rare = spawn_task!(async move { n }, priority(&mut rng));
            assert_eq!(rare.await, n);
        }
        done.store(true, Ordering::Relaxed);
        join_all(flood);
    });
}

#[test]
fn no_worker_sleeps_while_there_is_work_for_it() {
    const MS: Duration = Duration::from_millis(1);
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let (high, low) = (rng.usize(0..=2), rng.usize(1..=2));
        let sim = Sim::seed(seed).high(high).low(low);
        let run = sim.run(async move {
            // Let everybody fall asleep first, sometimes.
            if rng.bool() {
                sleep(MS).await;
            }
            let started = now();
            // One queue, so that nobody is woken for the sake of the other.
            let priority = priority(&mut rng);
            let parent = async move {
                let children = (0..12).map(|_| spawn_task!(async { work(MS) }, priority));
                children.collect::<Vec<_>>()
            };
            for child in spawn_task!(parent, priority).await {
                child.await;
            }
            now() - started
        });
        let workers = u32::try_from(high + low).unwrap();
        assert_eq!(
            run.unwrap().output,
            12 * MS / workers,
            "{workers} workers, seed {seed}"
        );
    }
}
