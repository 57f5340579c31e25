//! How long a runtime takes for some workloads. `cargo chapter N bench` asks a reader's step and
//! Laneway, and shows the two beside each other.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{env, hint, mem};

use crate::tools::{pause, yield_now};
use crate::{Priority, Runtime};

/// The environment variable by which a step's test is asked to measure instead of to check.
const ASK: &str = "LANEWAY_MEASURE";

/// How many rounds of a workload count. One more goes before them, in which the runtime starts.
const ROUNDS: usize = 9;

/// How many tasks are spawned in a round.
const TASKS: u32 = 10_000;

/// How many tasks yield, and how many times each of them does.
const YIELDERS: u32 = 100;

/// How many high tasks come in a round, one after another.
const URGENT: usize = 20;

/// How long a poll of a busy low task lasts.
const BUSY: Duration = Duration::from_millis(1);

/// Something for a runtime to do.
struct Workload {
    /// The chapter from which on a step can do it.
    chapter: u32,
    /// The thing that takes the time.
    name: &'static str,
    /// Does it all once, and gives the time that one such thing took.
    round: fn() -> Duration,
}

fn workloads<R: Runtime>() -> [Workload; 5] {
    let workload = |chapter, name, round| Workload {
        chapter,
        name,
        round,
    };
    [
        workload(2, "a task that main spawns", spawned_by_main::<R>),
        workload(2, "a task that a task spawns", spawned_by_a_task::<R>),
        workload(2, "a yield", yields::<R>),
        workload(2, "a task that awaits another", chain::<R>),
        workload(4, "a high task's wait for low ones", urgent::<R>),
    ]
}

/// Whether this process is to measure.
pub(crate) fn is_asked() -> bool {
    env::var_os(ASK).is_some()
}

/// Measures a runtime up to a chapter, and prints a line for each workload: the median, the least
/// and the most of all rounds in nanoseconds, and its name.
pub fn measure<R: Runtime>(up_to: u32) {
    let all = workloads::<R>().into_iter();
    for workload in all.filter(|workload| workload.chapter <= up_to) {
        let times = sorted((0..=ROUNDS).map(|_| (workload.round)()).skip(1));
        let [median, least, most] = [ROUNDS / 2, 0, ROUNDS - 1].map(|place| times[place]);
        let [median, least, most] = [median, least, most].map(|time| time.as_nanos());
        println!("{median} {least} {most} {}", workload.name);
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times
}

async fn all<T>(tasks: Vec<impl Future<Output = T>>) {
    for task in tasks {
        task.await;
    }
}

fn spawned_by_main<R: Runtime>() -> Duration {
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS).map(|_| R::spawn(async {})).collect();
    R::block_on(all(tasks));
    start.elapsed() / TASKS
}

fn spawned_by_a_task<R: Runtime>() -> Duration {
    let start = Instant::now();
    R::block_on(R::spawn(async {
        let tasks: Vec<_> = (0..TASKS).map(|_| R::spawn(async {})).collect();
        all(tasks).await;
    }));
    start.elapsed() / TASKS
}

fn yields<R: Runtime>() -> Duration {
    let start = Instant::now();
    let yielder = |_| {
        R::spawn(async {
            for _ in 0..YIELDERS {
                yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..YIELDERS).map(yielder).collect();
    R::block_on(all(tasks));
    start.elapsed() / (YIELDERS * YIELDERS)
}

/// Each task awaits the one before it. The first lets them wait until all are there.
fn chain<R: Runtime>() -> Duration {
    let start = Instant::now();
    let first = Latch::default();
    let mut task = R::spawn(first.clone());
    for _ in 1..TASKS {
        task = R::spawn(task);
    }
    first.open();
    R::block_on(task);
    start.elapsed() / TASKS
}

/// Low tasks compute on all consumers, a poll after another, while high ones come.
fn urgent<R: Runtime>() -> Duration {
    let ended = Arc::new(AtomicBool::new(false));
    let low = (0..2 * R::consumers()).map(|_| R::spawn_at(busy(ended.clone()), Priority::Low));
    let low: Vec<_> = low.collect();
    let waits = sorted((0..URGENT).map(|_| {
        // A consumer that has just run a high task looks for the next one. Let it go on to a low one.
        pause(3 * BUSY);
        let spawned = Instant::now();
        R::block_on(R::spawn_at(
            async move { spawned.elapsed() },
            Priority::High,
        ))
    }));
    ended.store(true, Ordering::Relaxed);
    R::block_on(all(low));
    waits[URGENT / 2]
}

async fn busy(ended: Arc<AtomicBool>) {
    while !ended.load(Ordering::Relaxed) {
        let start = Instant::now();
        while start.elapsed() < BUSY {
            hint::spin_loop();
        }
        yield_now().await;
    }
}

/// Pending until it is opened.
#[derive(Clone, Default)]
struct Latch(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Shut,
    Awaited(Waker),
    Open,
}

impl Latch {
    fn open(&self) {
        let state = mem::replace(&mut *self.0.lock().unwrap(), State::Open);
        // The lock is free again: the waker may poll the latch.
        if let State::Awaited(waker) = state {
            waker.wake();
        }
    }
}

impl Future for Latch {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if let State::Open = *state {
            return Poll::Ready(());
        }
        *state = State::Awaited(cx.waker().clone());
        Poll::Pending
    }
}
