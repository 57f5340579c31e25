//! Who runs another queue's tasks, and who never does?
//!
//! The workers of one queue are held in polls, tasks are put into it, and the names of the
//! threads that ran them are the answer. That nobody came is shown with the other queue's worker
//! awake and looking around all the while, not by waiting.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use laneway::{Priority, QueueId, Runtime, Stealing, Task, join_all, spawn_task};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

const POLICIES: [Stealing; 4] = [
    Stealing::Both,
    Stealing::HighFromLow,
    Stealing::LowFromHigh,
    Stealing::None,
];

const QUEUES: [Priority; 2] = [Priority::High, Priority::Low];

/// Tasks that are put where they may be stolen.
const BAIT: usize = 20;

/// Whether the other queue's worker may take tasks of `queue`.
fn may_be_stolen(stealing: Stealing, queue: Priority) -> bool {
    match queue {
        Priority::High => matches!(stealing, Stealing::Both | Stealing::LowFromHigh),
        Priority::Low => matches!(stealing, Stealing::Both | Stealing::HighFromLow),
    }
}

#[test]
fn tasks_in_a_channel_go_to_the_other_worker_where_the_policy_allows() {
    each_policy_and_queue(|rt, queue, stolen| {
        let held = Held::at_home(rt, queue);
        let before = position(rt, queue);
        let bait: Vec<Task<String>> = (0..BAIT)
            .map(|_| rt.spawn(async { thread_name() }, queue))
            .collect();
        if stolen {
            // Before anything was ever spawned on the thief's own queue.
            assert_eq!(names(join_all(bait)), [home_of(other(queue))]);
            let queues = rt.metrics().queues;
            assert_eq!(queues[index(other(queue))].spawned, 0);
            assert_eq!(
                position(rt, queue).since(before),
                (BAIT as u64, BAIT as u64)
            );
            held.release();
        } else {
            keep_awake(rt, other(queue));
            assert!(bait.iter().all(|task| !task.is_finished()));
            assert_eq!(position(rt, queue).since(before), (0, 0));
            assert_eq!(rt.metrics().queues[index(queue)].depth, BAIT);
            held.release();
            assert_eq!(names(join_all(bait)), [home_of(queue)]);
            assert_eq!(position(rt, queue).since(before), (BAIT as u64, 0));
        }
    });
}

#[test]
fn tasks_in_a_workers_deque_go_to_the_other_worker_where_the_policy_allows() {
    each_policy_and_queue(|rt, queue, stolen| {
        let (ran, runs) = mpsc::channel();
        let (spawned, all_spawned) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let (home, thief) = (home_of(queue), home_of(other(queue)));
        // At home for certain: the thief is in a poll of its own meanwhile.
        let thief_held = Held::at_home(rt, other(queue));
        let parent = rt.spawn(
            async move {
                assert_eq!(thread_name(), home);
                for _ in 0..BAIT {
                    let ran = ran.clone();
                    spawn_task!(async move { ran.send(thread_name()).unwrap() }, queue).detach();
                }
                drop(ran);
                spawned.send(()).unwrap();
                // Not even a yield: what is in this worker's deque only others can take.
                released.recv_timeout(DEADLINE).expect("it is released");
            },
            queue,
        );
        all_spawned.recv_timeout(DEADLINE).unwrap();
        let before = position(rt, queue);
        thief_held.release();
        if stolen {
            let ran_by: Vec<String> = (0..BAIT)
                .map(|_| runs.recv_timeout(DEADLINE).expect("all are stolen"))
                .collect();
            assert_eq!(names(ran_by), [thief]);
            assert_eq!(
                position(rt, queue).since(before),
                (BAIT as u64, BAIT as u64)
            );
            release.send(()).unwrap();
        } else {
            keep_awake(rt, other(queue));
            assert!(runs.try_recv().is_err());
            assert_eq!(position(rt, queue).since(before), (0, 0));
            release.send(()).unwrap();
            let ran_by: Vec<String> = (0..BAIT)
                .map(|_| runs.recv_timeout(DEADLINE).expect("all run in the end"))
                .collect();
            assert_eq!(names(ran_by), [home_of(queue)]);
            assert_eq!(position(rt, queue).since(before), (BAIT as u64, 0));
        }
        rt.block_on(parent);
    });
}

#[test]
fn workers_of_the_same_queue_share_it_whatever_the_policy() {
    for stealing in POLICIES {
        for queue in QUEUES {
            let rt = Runtime::builder()
                .with_high_num(2)
                .with_low_num(2)
                .with_stealing(stealing)
                .build()
                .unwrap();
            let parent = rt.spawn(
                async move {
                    let (ran, runs) = mpsc::channel();
                    for _ in 0..BAIT {
                        let ran = ran.clone();
                        spawn_task!(async move { ran.send(thread_name()).unwrap() }, queue)
                            .detach();
                    }
                    // This worker does nothing more until others have run all of them.
                    let by: Vec<String> = (0..BAIT)
                        .map(|_| runs.recv_timeout(DEADLINE).expect("a colleague takes them"))
                        .collect();
                    (thread_name(), by)
                },
                queue,
            );
            let (parent, by) = rt.block_on(parent);
            assert!(!by.contains(&parent), "{parent} was blocked: {by:?}");
            if stealing == Stealing::None {
                let colleague = match parent.strip_suffix('0') {
                    Some(place) => format!("{place}1"),
                    None => home_of(queue).to_owned(),
                };
                assert_eq!(names(by), [colleague]);
            }
        }
    }
}

#[test]
fn a_reserved_high_worker_steals_from_nobody() {
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_reserved_high(1)
        .with_low_num(1)
        .build()
        .unwrap();
    // Two low polls at once hold the two workers that may take them.
    let held = [
        Held::worker(&rt, Priority::Low),
        Held::worker(&rt, Priority::Low),
    ];
    let holding = names(held.iter().map(|held| held.thread.clone()));
    assert_eq!(holding, ["laneway-high-1", "laneway-low-0"]);

    let bait: Vec<Task<String>> = (0..BAIT)
        .map(|_| rt.spawn(async { thread_name() }, Priority::Low))
        .collect();
    let pings = keep_awake(&rt, Priority::High);
    assert_eq!(names(pings), ["laneway-high-0"]);
    assert!(bait.iter().all(|task| !task.is_finished()));

    held.into_iter().for_each(Held::release);
    let ran_by = names(join_all(bait));
    assert!(!ran_by.contains(&"laneway-high-0".to_owned()), "{ran_by:?}");
    assert_eq!(rt.metrics().workers[0].stolen, 0);
}

#[test]
fn a_storm_of_low_tasks_leaves_reserved_workers_alone() {
    let rt = Runtime::builder()
        .with_high_num(3)
        .with_reserved_high(2)
        .with_low_num(1)
        .build()
        .unwrap();
    let parents = (0..20).map(|_| {
        rt.spawn(
            async {
                let children: Vec<_> = (0..100).map(|_| spawn_task!(async {})).collect();
                for child in children {
                    child.await;
                }
            },
            Priority::Low,
        )
    });
    join_all(parents);
    let metrics = rt.metrics();
    assert_eq!(metrics.queues[1].completed, 20 * 101);
    assert_eq!((metrics.workers[0].polls, metrics.workers[1].polls), (0, 0));
}

#[test]
fn what_workers_stole_is_what_was_stolen_from_the_queues() {
    for stealing in POLICIES {
        let rt = Runtime::builder()
            .with_high_num(2)
            .with_low_num(2)
            .with_stealing(stealing)
            .build()
            .unwrap();
        join_all((0..1_000).map(|n| rt.spawn(async {}, QUEUES[n % 2])));
        let metrics = rt.metrics();
        let by_queue: Vec<u64> = metrics.queues.iter().map(|queue| queue.stolen).collect();
        let by_worker: u64 = metrics.workers.iter().map(|worker| worker.stolen).sum();
        assert_eq!(by_queue.iter().sum::<u64>(), by_worker);
        for queue in QUEUES {
            if !may_be_stolen(stealing, queue) {
                assert_eq!(by_queue[index(queue)], 0, "{stealing:?}, {queue:?}");
            }
        }
    }
}

#[test]
fn the_watchdog_rescues_a_task_behind_a_stuck_poll() {
    for queue in QUEUES {
        let rt = Runtime::builder()
            .with_high_num(2)
            .with_low_num(2)
            .with_stealing(Stealing::None)
            .build()
            .unwrap();
        // Many in a row: the watchdog dozes and must be woken each time.
        for _ in 0..5 {
            rt.block_on(rt.spawn(parent_that_waits_for_its_child(queue), queue));
        }
    }
}

#[test]
fn the_watchdog_rescues_a_task_for_a_thief() {
    for queue in QUEUES {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(1)
            .with_stealing(Stealing::Both)
            .build()
            .unwrap();
        rt.block_on(rt.spawn(parent_that_waits_for_its_child(queue), queue));
    }
}

#[test]
fn without_local_queues_there_is_nothing_to_rescue() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(2)
        .with_local_queues(false)
        .build()
        .unwrap();
    rt.block_on(rt.spawn(
        parent_that_waits_for_its_child(Priority::Low),
        Priority::Low,
    ));
}

/// Spawns a child, which goes to this worker's next-slot, and does not end its poll before the
/// child has run.
async fn parent_that_waits_for_its_child(queue: Priority) {
    let (ran, wait) = mpsc::channel();
    let child = spawn_task!(async move { ran.send(thread_name()).unwrap() }, queue);
    let ran_by = wait
        .recv_timeout(DEADLINE)
        .expect("the child is rescued from behind its parent's poll");
    assert_ne!(ran_by, thread_name());
    child.await;
}

/// Calls `check` with one high and one low worker, for each policy and each queue.
fn each_policy_and_queue(check: impl Fn(&Runtime, Priority, bool)) {
    for stealing in POLICIES {
        for queue in QUEUES {
            let rt = Runtime::builder()
                .with_high_num(1)
                .with_low_num(1)
                .with_stealing(stealing)
                .with_standby(0)
                .build()
                .unwrap();
            check(&rt, queue, may_be_stolen(stealing, queue));
        }
    }
}

/// Makes the workers of `queue` take a task, look for more and rest, again and again. Tells who
/// ran them.
fn keep_awake(rt: &Runtime, queue: Priority) -> Vec<String> {
    (0..200)
        .map(|_| rt.block_on(rt.spawn(async { thread_name() }, queue)))
        .collect()
}

fn other(queue: Priority) -> Priority {
    match queue {
        Priority::High => Priority::Low,
        Priority::Low => Priority::High,
    }
}

fn index(queue: Priority) -> usize {
    match queue {
        Priority::High => QueueId::HIGH.index(),
        Priority::Low => QueueId::LOW.index(),
    }
}

fn home_of(queue: Priority) -> &'static str {
    match queue {
        Priority::High => "laneway-high-0",
        Priority::Low => "laneway-low-0",
    }
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Each name once, in order.
fn names(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let each_once: BTreeSet<String> = names.into_iter().collect();
    each_once.into_iter().collect()
}

/// A queue's counters.
#[derive(Clone, Copy)]
struct Position {
    polls: u64,
    stolen: u64,
}

fn position(rt: &Runtime, queue: Priority) -> Position {
    let queue = &rt.metrics().queues[index(queue)];
    Position {
        polls: queue.polls,
        stolen: queue.stolen,
    }
}

impl Position {
    /// Polls since then, and how many of them were stolen.
    fn since(self, before: Position) -> (u64, u64) {
        (self.polls - before.polls, self.stolen - before.stolen)
    }
}

/// A worker that is in the middle of a poll until it is released.
struct Held {
    thread: String,
    release: Sender<()>,
    poll: Task<()>,
}

impl Held {
    fn worker(rt: &Runtime, queue: Priority) -> Held {
        let (started, thread) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let poll = rt.spawn(
            async move {
                started.send(thread_name()).unwrap();
                released.recv_timeout(DEADLINE).expect("it is released");
            },
            queue,
        );
        Held {
            thread: thread.recv_timeout(DEADLINE).expect("a worker is free"),
            release,
            poll,
        }
    }

    /// Holds the worker at home in `queue`, where there is one of each.
    fn at_home(rt: &Runtime, queue: Priority) -> Held {
        let first = Held::worker(rt, queue);
        if first.thread == home_of(queue) {
            return first;
        }
        // A thief was faster; while it is held the next one can only be taken at home.
        let second = Held::worker(rt, queue);
        assert_eq!(second.thread, home_of(queue));
        first.release();
        second
    }

    fn release(self) {
        self.release.send(()).unwrap();
        self.poll.detach();
    }
}
