//! Which task runs first?
//!
//! A worker is held in a poll while the others are queued; the order in which they then run is
//! the answer. What is bounded is bounded in polls, which are counted, and not in time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Placement};
use laneway::{Priority, QueueId, Runtime, Stealing, Task, TaskId, join, join_all, spawn_task};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// The bound on the wait of a queue that lives on stealing, in polls of the worker that serves
/// it, as `Builder::with_high_num` states it.
const UNSTAFFED_WAIT: u64 = 64;

#[test]
fn a_task_is_low_unless_something_else_is_said() {
    assert_eq!(Priority::default(), Priority::Low);
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let task = spawn_task!(async {});
        assert_eq!(task.priority(), Priority::Low);
        task.await;
    });
    let queues = rt.metrics().queues;
    assert_eq!((queues[0].spawned, queues[1].spawned), (0, 1));
}

#[test]
fn a_worker_that_serves_both_queues_takes_high_tasks_first() {
    for local_queues in [true, false] {
        let rt = one_worker_for_both(local_queues);
        let order = Order::default();
        let held = Held::worker(&rt, Priority::High);
        let tasks: Vec<Task<()>> = (0..10)
            .flat_map(|n| [(Priority::Low, 'l', n), (Priority::High, 'h', n)])
            .map(|(priority, kind, n)| rt.spawn(order.note(&format!("{kind}{n}")), priority))
            .collect();
        held.release();
        join_all(tasks);

        let expected: Vec<String> = ['h', 'l']
            .into_iter()
            .flat_map(|kind| (0..10).map(move |n| format!("{kind}{n}")))
            .collect();
        assert_eq!(order.taken(), expected, "local queues: {local_queues}");
    }
}

#[test]
fn what_a_task_spawns_is_ordered_the_same_way() {
    for parent in [Priority::Low, Priority::High] {
        for local_queues in [true, false] {
            let rt = one_worker_for_both(local_queues);
            let order = Order::default();
            let noted = order.clone();
            let children = rt.spawn(
                async move {
                    let spawn = |n: usize, kind: char, priority| {
                        spawn_task!(noted.note(&format!("{kind}{n}")), priority)
                    };
                    (0..5)
                        .flat_map(|n| [spawn(n, 'l', Priority::Low), spawn(n, 'h', Priority::High)])
                        .collect::<Vec<_>>()
                },
                parent,
            );
            join_all(rt.block_on(children));

            let taken = order.taken();
            let kinds: String = taken.iter().map(|name| &name[..1]).collect();
            assert_eq!(
                kinds, "hhhhhlllll",
                "spawned by a {parent:?} task: {taken:?}"
            );
        }
    }
}

#[test]
fn a_high_worker_returns_to_high_tasks_between_any_two_polls_of_stolen_work() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_standby(0)
        .build()
        .unwrap();
    let order = Order::default();
    let (on_low, on_high) = hold_both_by_low_polls(&rt);

    let noted = order.clone();
    let first_low = async move {
        noted.push("l1");
        let child = spawn_task!(noted.note("l1's low child"));
        let urgent = spawn_task!(noted.note("l1's high child"), Priority::High);
        (child, urgent)
    };
    let first_low = rt.spawn(first_low, Priority::Low);
    let mut tasks = vec![rt.spawn(order.note("l2"), Priority::Low)];
    tasks.push(rt.spawn(order.note("h1"), Priority::High));
    tasks.push(rt.spawn(order.note("h2"), Priority::High));
    on_high.release();
    let (child, urgent) = rt.block_on(first_low);
    tasks.extend([child, urgent]);
    join_all(tasks);
    on_low.release();

    let taken = order.taken();
    assert_eq!(taken[..4], ["h1", "h2", "l1", "l1's high child"]);
    // The child goes first, unless the poll that spawned it was so long that the watchdog has put
    // it behind the other.
    let mut rest = taken[4..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, ["l1's low child", "l2"]);
}

#[test]
fn low_tasks_without_workers_wait_64_polls_at_most() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(0)
        .with_standby(0);
    assert_wait_is_bounded(&rt.build().unwrap(), Priority::High, Priority::Low);
}

#[test]
fn high_tasks_without_workers_wait_64_polls_at_most() {
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    assert_wait_is_bounded(&rt.build().unwrap(), Priority::Low, Priority::High);
}

#[test]
fn low_tasks_do_not_starve_behind_high_ones_that_their_worker_has_taken() {
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    assert_wait_is_bounded(&rt.build().unwrap(), Priority::High, Priority::Low);
}

#[test]
fn the_wait_is_bounded_without_local_queues_too() {
    let plain = || Runtime::builder().with_local_queues(false);
    let high_only = plain().with_high_num(1).with_low_num(0).with_standby(0);
    assert_wait_is_bounded(&high_only.build().unwrap(), Priority::High, Priority::Low);
    let low_only = plain().with_high_num(0).with_low_num(1);
    assert_wait_is_bounded(&low_only.build().unwrap(), Priority::Low, Priority::High);
}

/// One worker, three tasks of `flood` that never wait for anything, and again and again a task
/// of `rare`, whose wait is counted in polls of the flood.
fn assert_wait_is_bounded(rt: &Runtime, flood: Priority, rare: Priority) {
    const ROUNDS: usize = 50;
    let polls = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let background: Vec<Task<()>> = (0..2)
        .map(|_| {
            let (polls, stop) = (polls.clone(), stop.clone());
            rt.spawn(
                async move {
                    while !stop.load(Ordering::Relaxed) {
                        polls.fetch_add(1, Ordering::Relaxed);
                        yield_now().await;
                    }
                },
                flood,
            )
        })
        .collect();
    // Part of the flood itself, so that the count starts where the spawn is.
    let (counted, stopped) = (polls.clone(), stop.clone());
    let spawner = async move {
        let mut waits = Vec::new();
        for _ in 0..ROUNDS {
            let seen = counted.clone();
            let ran = spawn_task!(async move { seen.load(Ordering::Relaxed) }, rare);
            let spawned = counted.load(Ordering::Relaxed);
            while !ran.is_finished() {
                let waited = counted.fetch_add(1, Ordering::Relaxed) - spawned;
                assert!(
                    waited < 100_000,
                    "a {rare:?} task starves behind {flood:?} ones"
                );
                yield_now().await;
            }
            waits.push(ran.await - spawned);
        }
        stopped.store(true, Ordering::Relaxed);
        waits
    };
    let waits = rt.block_on(rt.spawn(spawner, flood));
    join_all(background);

    assert_eq!(waits.len(), ROUNDS);
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= UNSTAFFED_WAIT, "waited {waits:?} polls");
}

#[test]
fn a_low_task_that_a_high_worker_keeps_is_not_starved_while_a_low_worker_rests() {
    assert_kept_task_is_not_starved(Stealing::HighFromLow, 1);
}

#[test]
fn a_low_task_that_a_high_worker_keeps_is_not_starved_while_all_are_busy_with_high_tasks() {
    assert_kept_task_is_not_starved(Stealing::Both, 3);
}

/// A low task that the high worker has stolen spawns another, which that worker keeps, and some
/// high ones that are never at rest.
fn assert_kept_task_is_not_starved(stealing: Stealing, flood: usize) {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(stealing)
        .build()
        .unwrap();
    let (on_low, on_high) = hold_both_by_low_polls(&rt);
    let parent = rt.spawn(
        async move {
            let child = Arc::new(spawn_task!(async {}));
            let never_at_rest = |child: Arc<Task<()>>| async move {
                let mut polls = 0_u64;
                while !child.is_finished() {
                    polls += 1;
                    assert!(polls < 1_000_000, "the low task starves behind high ones");
                    yield_now().await;
                }
            };
            let spawn = |_| spawn_task!(never_at_rest(child.clone()), Priority::High);
            (0..flood).map(spawn).collect::<Vec<_>>()
        },
        Priority::Low,
    );
    on_high.release();
    let flood = rt.block_on(parent);
    // From here on the low worker is free.
    on_low.release();
    join_all(flood);
}

#[test]
fn escalation_moves_a_task_that_lies_in_the_low_queue() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let held = Held::worker(&rt, Priority::Low);
    let signal = Signal::default();
    let (polled, polls) = mpsc::channel();
    let future = signal.wait_and_tell(polled);
    let task = rt.spawn(future, Priority::Low);

    // It lies in the low queue already, whose worker is held.
    task.escalate();
    assert_eq!(task.priority(), Priority::High);
    assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), "laneway-high-0");
    // It was known to be high when it was taken, and raised what it awaits: one poll is enough.
    join_all((0..100).map(|_| rt.spawn(async {}, Priority::High)));
    assert!(polls.try_recv().is_err(), "it was polled once more");
    held.release();

    signal.set();
    rt.block_on(task);
    assert_eq!(polls.try_iter().collect::<Vec<_>>(), ["laneway-high-0"]);
    assert!(rt.shutdown(DEADLINE).is_clean());
    let queues = rt.metrics().queues;
    // Counted where it was spawned; polled where it was.
    assert_eq!((queues[1].spawned, queues[1].completed), (2, 2));
    assert_eq!((queues[0].polls, queues[1].polls), (102, 1));
}

#[test]
fn a_pending_task_is_woken_by_its_escalation_once() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let signal = Signal::default();
    let (polled, polls) = mpsc::channel();
    let task = rt.spawn(signal.wait_and_tell(polled), Priority::Low);
    assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), "laneway-low-0");
    task.escalate();
    task.escalate();
    assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), "laneway-high-0");
    join_all((0..100).map(|_| rt.spawn(async {}, Priority::High)));
    assert!(polls.try_recv().is_err(), "the second one woke it too");
    signal.set();
    rt.block_on(task);
    assert_eq!(polls.try_iter().collect::<Vec<_>>(), ["laneway-high-0"]);
}

#[test]
fn escalation_leaves_high_tasks_and_those_of_further_queues_where_they_are() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_queue("disk", 1, &[])
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let disk = rt.queue("disk").unwrap();
    for (queue, thread) in [(QueueId::HIGH, "laneway-high-0"), (disk, "laneway-disk-0")] {
        let signal = Signal::default();
        let (polled, polls) = mpsc::channel();
        let task = rt.spawn(signal.wait_and_tell(polled), queue);
        assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), thread);
        let before = task.priority();
        task.escalate();
        assert_eq!(task.priority(), before);
        signal.set();
        rt.block_on(task);
        assert_eq!(polls.try_iter().collect::<Vec<_>>(), [thread]);
    }
}

#[test]
fn a_low_task_that_a_high_one_awaits_is_raised() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let signal = Signal::default();
    let (polled, polls) = mpsc::channel();
    let low = rt.spawn(signal.wait_and_tell(polled), Priority::Low);
    assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), "laneway-low-0");

    let (awaiting, awaited) = mpsc::channel();
    let high = rt.spawn(
        async move {
            let mut low = low;
            poll_fn(|cx| {
                let polled = std::pin::Pin::new(&mut low).poll(cx);
                let _ = awaiting.send(());
                polled
            })
            .await;
        },
        Priority::High,
    );
    awaited.recv_timeout(DEADLINE).unwrap();
    // To raise in turn what it awaits.
    assert_eq!(polls.recv_timeout(DEADLINE).unwrap(), "laneway-high-0");
    signal.set();
    rt.block_on(high);
    assert_eq!(polls.try_iter().collect::<Vec<_>>(), ["laneway-high-0"]);
}

#[test]
fn a_high_task_does_not_wait_behind_the_low_poll_that_spawned_it() {
    let placements = Arc::new(Placements::default());
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(0)
        .with_observer(placements.clone())
        .build()
        .unwrap();
    let parent = rt.spawn(
        async {
            let (ran, wait) = mpsc::channel();
            let urgent = spawn_task!(async move { ran.send(()).unwrap() }, Priority::High);
            let id = urgent.id();
            // This poll does not end before the other worker has run the high task.
            wait.recv_timeout(DEADLINE)
                .expect("the high task waits behind the low poll");
            urgent.await;
            id
        },
        Priority::Low,
    );
    let urgent = rt.block_on(parent);
    // Straight where the other looks: it was not the watchdog that brought it there.
    assert_eq!(placements.of(urgent), [Placement::Channel]);
}

#[test]
fn a_high_task_that_a_low_poll_wakes_does_not_wait_behind_it() {
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(0)
        .build()
        .unwrap();
    let signal = Signal::default();
    let (polled, polls) = mpsc::channel();
    let high = rt.spawn(signal.wait_and_tell(polled), Priority::High);
    polls.recv_timeout(DEADLINE).unwrap();
    let low = rt.spawn(
        async move {
            signal.set();
            polls
                .recv_timeout(DEADLINE)
                .expect("the high task waits behind the low poll");
        },
        Priority::Low,
    );
    join!(high, low);
}

/// One high worker and nothing else, so that it serves both queues.
fn one_worker_for_both(local_queues: bool) -> Runtime {
    Runtime::builder()
        .with_high_num(1)
        .with_low_num(0)
        .with_standby(0)
        .with_local_queues(local_queues)
        .build()
        .unwrap()
}

/// Two low polls at once: one holds the low worker, the other the high one.
fn hold_both_by_low_polls(rt: &Runtime) -> (Held, Held) {
    let first = Held::worker(rt, Priority::Low);
    let second = Held::worker(rt, Priority::Low);
    let (on_low, on_high) = match first.thread.as_str() {
        "laneway-low-0" => (first, second),
        _ => (second, first),
    };
    assert_eq!(on_high.thread, "laneway-high-0");
    (on_low, on_high)
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A worker that is in the middle of a poll until it is released.
struct Held {
    thread: String,
    release: Sender<()>,
    poll: Task<()>,
}

impl Held {
    fn worker(rt: &Runtime, priority: Priority) -> Held {
        let (started, thread) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let poll = rt.spawn(
            async move {
                started.send(thread_name()).unwrap();
                released.recv_timeout(DEADLINE).expect("it is released");
            },
            priority,
        );
        Held {
            thread: thread.recv_timeout(DEADLINE).expect("a worker is free"),
            release,
            poll,
        }
    }

    fn release(self) {
        self.release.send(()).unwrap();
        self.poll.detach();
    }
}

/// The order in which things happened.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<String>>>);

impl Order {
    fn push(&self, name: impl Into<String>) {
        self.0.lock().unwrap().push(name.into());
    }

    fn note(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
        let (order, name) = (self.clone(), name.to_owned());
        async move { order.push(name) }
    }

    fn taken(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Set once, by anybody; wakes the one who waits for it.
#[derive(Clone, Default)]
struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        // After the lock is released: the woken task takes it.
        waker.expect("somebody waits").wake();
    }

    /// Waits for the signal and tells the thread of each poll.
    fn wait_and_tell(&self, polled: Sender<String>) -> impl Future<Output = ()> + Send + use<> {
        let signal = self.clone();
        poll_fn(move |cx| {
            let mut state = signal.0.lock().unwrap();
            state.1 = Some(cx.waker().clone());
            let _ = polled.send(thread_name());
            match state.0 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }
}

/// Where each task was put.
#[derive(Default)]
struct Placements(Mutex<Vec<(TaskId, Placement)>>);

impl Observer for Placements {
    fn on_event(&self, event: Event) {
        if let Event::Scheduled { task, to, .. } = event {
            self.0.lock().unwrap().push((task, to));
        }
    }
}

impl Placements {
    fn of(&self, task: TaskId) -> Vec<Placement> {
        let all = self.0.lock().unwrap();
        let of_task = all.iter().filter(|(id, _)| *id == task);
        of_task.map(|&(_, placement)| placement).collect()
    }
}
