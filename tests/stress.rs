//! Is anything lost, or run twice, among a million tasks?
//!
//! A million tasks are divided over 64 runtimes: four stealing policies, with 1, 2, 4 and 16
//! threads, each with local queues and without, parking and napping. So each runtime gets 15,625.
//! About half of them are spawned from outside and the rest from inside of tasks, on random
//! queues; at random they yield, wait for a thread that belongs to no runtime, panic, are
//! awaited, detached, dropped or cancelled. Afterwards every one is accounted for.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use laneway::observe::QueueMetrics;
use laneway::{Builder, Idle, IntoQueueName, QueueName, Runtime, Stealing, Task, spawn_task};

const MILLION: usize = 1_000_000;
const THREADS: [usize; 4] = [1, 2, 4, 16];
const POLICIES: usize = 4;
const IDLE: [Idle; 2] = [Idle::Park, Idle::Nap(Duration::from_micros(200))];
const LOCAL_QUEUES: [bool; 2] = [true, false];
const TASKS: usize = MILLION / (POLICIES * THREADS.len() * IDLE.len() * LOCAL_QUEUES.len());

/// Tasks that spawn others.
const PARENTS: usize = 1500;
const CHILDREN_EACH: usize = 4;
const ORPHANS: usize = TASKS - PARENTS * (1 + CHILDREN_EACH);

const QUEUES: [&str; 3] = ["high", "low", "further"];

#[test]
fn everybody_steals() {
    stress(Stealing::Both);
}

#[test]
fn high_steals_from_low() {
    stress(Stealing::HighFromLow);
}

#[test]
fn low_steals_from_high() {
    stress(Stealing::LowFromHigh);
}

#[test]
fn nobody_steals() {
    stress(Stealing::None);
}

fn stress(stealing: Stealing) {
    for threads in THREADS {
        for idle in IDLE {
            for local_queues in LOCAL_QUEUES {
                let case = Case {
                    stealing,
                    threads,
                    idle,
                    local_queues,
                };
                case.run();
            }
        }
    }
}

/// One configuration. Its `Debug` form is part of every failure's message.
#[derive(Clone, Copy, Debug)]
struct Case {
    stealing: Stealing,
    threads: usize,
    idle: Idle,
    local_queues: bool,
}

impl Case {
    fn builder(self) -> Builder {
        // One thread where the policy lets it serve both queues.
        let (high, low) = match (self.threads, self.stealing) {
            (1, Stealing::Both | Stealing::LowFromHigh) => (0, 1),
            (1, Stealing::HighFromLow) => (1, 0),
            (1, Stealing::None) => (1, 1),
            (threads, _) => (threads / 2, threads - threads / 2),
        };
        Runtime::builder()
            .with_high_num(high)
            .with_low_num(low)
            .with_stealing(self.stealing)
            .with_queue("further", 1, &["low"])
            .with_idle(self.idle)
            .with_local_queues(self.local_queues)
    }

    fn run(self) {
        let rt = self.builder().build().unwrap();
        let books = Arc::new(Books::new());
        thread::scope(|scope| {
            let waker_thread = scope.spawn(|| books.wake_until_closed());
            let parents = scope.spawn(|| spawn_parents(&rt, &books));
            spawn_orphans(&rt, &books);
            parents.join().unwrap();
            let report = rt.shutdown(Duration::from_secs(60));
            assert_eq!(report.cut_off, 0, "{self:?}: {report:?}");
            books.closed.store(true, Ordering::SeqCst);
            waker_thread.join().unwrap();
        });
        books.balance(&self, &rt.metrics().queues);
    }
}

/// Spawns the tasks that have no children from outside.
fn spawn_orphans(rt: &Runtime, books: &Arc<Books>) {
    let mut rng = Rng::with_seed(1);
    let mut kept = Vec::new();
    for id in 0..ORPHANS {
        let job = Job::new(books, id, &mut rng);
        let task = rt.spawn(job, queue(&mut rng));
        match Fate::random(&mut rng) {
            Fate::Awaited => kept.push(task),
            Fate::Detached => task.detach(),
            Fate::Dropped => drop(task),
            Fate::Cancelled => drop(laneway::block_on(task.cancel())),
        }
        if kept.len() == 100 {
            // Some are dropped late, when they have most likely ended.
            kept.truncate(90);
            let ended = laneway::try_join_all(kept.drain(..));
            assert!(
                ended
                    .iter()
                    .all(|end| !matches!(end, Err(error) if error.is_cancelled()))
            );
        }
    }
}

/// Spawns tasks that spawn others, and waits for all of them.
fn spawn_parents(rt: &Runtime, books: &Arc<Books>) {
    let mut rng = Rng::with_seed(2);
    let mut parents = Vec::new();
    for n in 0..PARENTS {
        let id = ORPHANS + n * (1 + CHILDREN_EACH);
        let parent = raise_children(books.clone(), id, rng.fork());
        parents.push(rt.spawn(parent, queue(&mut rng)));
    }
    laneway::join_all(parents);
}

/// A parent's life. Its own number is `id`, its children's are the following.
async fn raise_children(books: Arc<Books>, id: usize, mut rng: Rng) {
    let mut kept: Vec<Task<()>> = Vec::new();
    for child in 1..=CHILDREN_EACH {
        let job = Job::new(&books, id + child, &mut rng);
        let task = spawn_task!(job, queue(&mut rng));
        match Fate::random(&mut rng) {
            Fate::Awaited => kept.push(task),
            Fate::Detached => task.detach(),
            Fate::Dropped => drop(task),
            Fate::Cancelled => drop(task.cancel().await),
        }
    }
    for task in kept {
        if let Err(error) = task.fallible().await {
            assert!(error.is_panic(), "{error}");
        }
    }
    books.complete(id);
    books.drops.fetch_add(1, Ordering::Relaxed);
}

fn queue(rng: &mut Rng) -> QueueName<'static> {
    QUEUES[rng.usize(..QUEUES.len())].into_queue_name()
}

/// What becomes of a task's handle.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Awaited,
    Detached,
    Dropped,
    Cancelled,
}

impl Fate {
    fn random(rng: &mut Rng) -> Fate {
        match rng.u8(..16) {
            0..8 => Fate::Awaited,
            8..13 => Fate::Detached,
            13..15 => Fate::Dropped,
            _ => Fate::Cancelled,
        }
    }
}

/// What has happened to the tasks of one runtime.
struct Books {
    /// How often each task came to its end.
    ends: Box<[AtomicU8]>,
    completed: AtomicUsize,
    panicked: AtomicUsize,
    drops: AtomicUsize,
    polls: AtomicUsize,
    overlaps: AtomicUsize,
    /// Of those who wait for the outside thread.
    wakers: Mutex<Vec<Waker>>,
    closed: AtomicBool,
}

impl Books {
    fn new() -> Books {
        Books {
            ends: (0..TASKS).map(|_| AtomicU8::new(0)).collect(),
            completed: AtomicUsize::new(0),
            panicked: AtomicUsize::new(0),
            drops: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            overlaps: AtomicUsize::new(0),
            wakers: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn complete(&self, id: usize) {
        self.ends[id].fetch_add(1, Ordering::Relaxed);
        self.completed.fetch_add(1, Ordering::Relaxed);
    }

    fn panic(&self, id: usize) -> ! {
        self.ends[id].fetch_add(1, Ordering::Relaxed);
        self.panicked.fetch_add(1, Ordering::Relaxed);
        // Says nothing on the standard error.
        resume_unwind(Box::new(id))
    }

    /// Wakes whoever waits, in random order and some of them twice.
    fn wake_until_closed(&self) {
        let mut rng = Rng::with_seed(3);
        while !self.closed.load(Ordering::SeqCst) {
            let mut wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
            rng.shuffle(&mut wakers);
            for waker in wakers {
                if rng.bool() {
                    waker.wake_by_ref();
                }
                waker.wake();
            }
            thread::yield_now();
        }
    }

    fn balance(&self, case: &impl fmt::Debug, queues: &[QueueMetrics]) {
        let sum = |count: fn(&QueueMetrics) -> u64| -> usize {
            let sum: u64 = queues.iter().map(count).sum();
            sum.try_into().unwrap()
        };
        let get = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        assert_eq!(get(&self.overlaps), 0, "{case:?}: polls at the same time");
        let twice = self
            .ends
            .iter()
            .filter(|end| end.load(Ordering::SeqCst) > 1);
        assert_eq!(twice.count(), 0, "{case:?}: tasks that ended twice");
        assert_eq!(get(&self.drops), TASKS, "{case:?}: futures dropped");
        assert_eq!(sum(|queue| queue.spawned), TASKS, "{case:?}: spawned");
        assert_eq!(
            (sum(|queue| queue.completed), sum(|queue| queue.panicked)),
            (get(&self.completed), get(&self.panicked)),
            "{case:?}: completed and panicked"
        );
        assert_eq!(
            sum(|queue| queue.cancelled),
            TASKS - get(&self.completed) - get(&self.panicked),
            "{case:?}: cancelled"
        );
        assert!(
            get(&self.polls) <= sum(|queue| queue.polls),
            "{case:?}: polls"
        );
        assert_eq!(sum(|queue| queue.depth as u64), 0, "{case:?}: still queued");
        // That all kinds of ends did occur.
        assert!(get(&self.completed) > TASKS / 2, "{case:?}");
        assert!(get(&self.panicked) > TASKS / 64, "{case:?}");
    }
}

/// A future that keeps account of itself.
struct Job {
    books: Arc<Books>,
    id: usize,
    running: AtomicBool,
    /// What it does in the polls before its last.
    waits: Vec<Wait>,
    panics: bool,
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    Yield,
    Outside,
}

impl Job {
    fn new(books: &Arc<Books>, id: usize, rng: &mut Rng) -> Job {
        let waits = match rng.u8(..8) {
            0..4 => vec![],
            4..6 => vec![Wait::Yield; rng.usize(1..4)],
            6 => vec![Wait::Outside],
            _ => vec![Wait::Outside, Wait::Yield],
        };
        Job {
            books: books.clone(),
            id,
            running: AtomicBool::new(false),
            waits,
            panics: rng.u8(..16) == 0,
        }
    }
}

impl Future for Job {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.running.swap(true, Ordering::SeqCst) {
            self.books.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        self.books.polls.fetch_add(1, Ordering::Relaxed);
        let wait = self.waits.pop();
        match wait {
            Some(Wait::Yield) => cx.waker().wake_by_ref(),
            Some(Wait::Outside) => {
                let waker = cx.waker().clone();
                self.books.wakers.lock().unwrap().push(waker);
            }
            None if self.panics => self.books.panic(self.id),
            None => self.books.complete(self.id),
        }
        self.running.store(false, Ordering::SeqCst);
        match wait {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.books.drops.fetch_add(1, Ordering::Relaxed);
    }
}
