//! How many threads does a tree of tasks take that join each other, and which tasks does a join poll
//! itself?

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use common::soon;
use futures_lite::future::poll_once;
use laneway::sim::Sim;
use laneway::{Priority, Runtime, Stealing, join, join_all, spawn_task, try_join, yield_now};

const POLICIES: [Stealing; 4] = [
    Stealing::Both,
    Stealing::HighFromLow,
    Stealing::LowFromHigh,
    Stealing::None,
];

type Note = Pin<Box<dyn Future<Output = ()> + Send>>;
type Tree = Pin<Box<dyn Future<Output = u32> + Send>>;

/// A runtime of `high` and `low` workers, and how many threads it has started.
fn counted(high: usize, low: usize, stealing: Stealing) -> (Runtime, Arc<AtomicUsize>) {
    counted_with(high, low, stealing, 0)
}

fn counted_with(
    high: usize,
    low: usize,
    stealing: Stealing,
    standby: usize,
) -> (Runtime, Arc<AtomicUsize>) {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    let builder = Runtime::builder()
        .with_high_num(high)
        .with_low_num(low)
        .with_stealing(stealing)
        .with_standby(standby)
        .with_thread_start(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
    (builder.build().unwrap(), started)
}

/// A binary tree of tasks, each of which joins two of the next level. Gives the number of leaves.
fn tree(levels: u32, priorities: [Priority; 2]) -> Tree {
    Box::pin(async move {
        match levels {
            0 => 1,
            _ => {
                let a = spawn_task!(tree(levels - 1, priorities), priorities[0]);
                let b = spawn_task!(tree(levels - 1, priorities), priorities[1]);
                join!(a, b).into_iter().sum()
            }
        }
    })
}

/// As [`tree`], with more branches.
fn wide_tree(levels: u32, branches: usize) -> Tree {
    Box::pin(async move {
        match levels {
            0 => 1,
            _ => {
                let branch = |_| spawn_task!(wide_tree(levels - 1, branches));
                join_all((0..branches).map(branch)).into_iter().sum()
            }
        }
    })
}

#[test]
fn a_deep_tree_takes_threads_in_the_order_of_its_depth() {
    for round in 0..20 {
        let (rt, started) = counted(0, 2, Stealing::Both);
        let leaves = rt.block_on(rt.spawn(tree(10, [Priority::Low; 2]), Priority::Low));
        let started = started.load(Ordering::SeqCst);
        assert_eq!(leaves, 1024);
        assert!(started <= 40, "round {round}: {started} threads");
    }
}

#[test]
fn a_deep_tree_of_both_priorities_takes_threads_in_the_order_of_its_depth() {
    let orders = [
        [Priority::Low, Priority::High],
        [Priority::High, Priority::Low],
    ];
    for priorities in orders {
        for round in 0..10 {
            // A standby may not poll the low tasks that its own task joins: with one it may be
            // several times as many threads, and no more than the bound on stand-ins.
            for (standby, bound) in [(0, 200), (1, 3 + 512)] {
                let (rt, started) = counted_with(1, 1, Stealing::Both, standby);
                let leaves = rt.block_on(rt.spawn(tree(10, priorities), Priority::Low));
                let started = started.load(Ordering::SeqCst);
                assert_eq!(leaves, 1024);
                assert!(
                    started <= bound,
                    "{priorities:?}, round {round}, {standby} standbys: {started} threads"
                );
            }
        }
    }
}

#[test]
fn a_deep_tree_comes_to_its_end_under_every_policy() {
    for stealing in POLICIES {
        let (rt, _started) = counted(1, 1, stealing);
        let root = rt.spawn(tree(10, [Priority::Low, Priority::High]), Priority::Low);
        assert_eq!(rt.block_on(root), 1024, "{stealing:?}");
    }
}

#[test]
fn a_wide_tree_takes_threads_in_the_order_of_its_depth() {
    for round in 0..20 {
        let (rt, started) = counted(0, 2, Stealing::Both);
        let leaves = rt.block_on(rt.spawn(wide_tree(4, 7), Priority::Low));
        let started = started.load(Ordering::SeqCst);
        assert_eq!(leaves, 2401);
        assert!(started <= 40, "round {round}: {started} threads");
    }
}

#[test]
fn a_join_that_polls_its_tasks_itself_takes_no_other_thread() {
    let (rt, started) = counted(0, 1, Stealing::Both);
    let task = async {
        let here = thread::current().id();
        let tasks = (0..100).map(|_| spawn_task!(async { thread::current().id() }));
        let all_here = join_all(tasks).into_iter().all(|there| there == here);
        // The worker still sits here, so what is spawned now runs on this thread, too.
        all_here && spawn_task!(async { thread::current().id() }).await == here
    };
    assert!(soon(rt.spawn(task, Priority::Low)));
    assert_eq!(started.load(Ordering::SeqCst), 1);
}

#[test]
fn what_a_task_does_not_join_is_not_polled_within_it() {
    let (rt, _started) = counted(0, 1, Stealing::Both);
    let task = async {
        // Would block for ever within this poll.
        let blocks = || {
            let (sender, receiver) = mpsc::channel();
            (sender, spawn_task!(async move { receiver.recv().unwrap() }))
        };
        let (to_before, before) = blocks();
        let joined = spawn_task!(async { 1 });
        let (to_after, after) = blocks();
        let joined = join!(joined)[0];
        to_before.send(joined).unwrap();
        to_after.send(joined).unwrap();
        before.await + after.await
    };
    assert_eq!(soon(rt.spawn(task, Priority::Low)), 2);
}

#[test]
fn a_joined_task_that_waits_for_another_lets_it_run() {
    let (rt, _started) = counted(0, 1, Stealing::Both);
    let task = async {
        let is_set = Arc::new(AtomicBool::new(false));
        let sees = is_set.clone();
        let waits = spawn_task!(async move {
            while !sees.load(Ordering::SeqCst) {
                yield_now().await;
            }
        });
        spawn_task!(async move { is_set.store(true, Ordering::SeqCst) }).detach();
        join!(waits).len()
    };
    assert_eq!(soon(rt.spawn(task, Priority::Low)), 1);
}

/// Makes tasks that note their names in the order in which they run.
fn noting(order: &Arc<Mutex<Vec<&'static str>>>) -> impl Fn(&'static str) -> Note + use<> {
    let order = order.clone();
    move |name| {
        let order = order.clone();
        Box::pin(async move { order.lock().unwrap().push(name) })
    }
}

#[test]
fn a_joined_task_does_not_pass_high_ones_by() {
    // One worker, at home in the high queue.
    let (rt, _started) = counted(1, 0, Stealing::Both);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = noting(&order);
    let task = async move {
        let high = spawn_task!(note("high"), Priority::High);
        join!(spawn_task!(note("joined")));
        high.await;
    };
    soon(rt.spawn(task, Priority::Low));
    assert_eq!(*order.lock().unwrap(), ["high", "joined"]);
}

/// Nor does it after a high one among those that it joins: the joining task is low all the while.
#[test]
fn a_joined_task_behind_a_high_one_does_not_pass_others_by() {
    let (rt, _started) = counted(1, 0, Stealing::Both);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = noting(&order);
    let task = async move {
        let first = spawn_task!(note("joined high"), Priority::High);
        let high = spawn_task!(note("high"), Priority::High);
        join!(first, spawn_task!(note("joined low")));
        high.await;
    };
    soon(rt.spawn(task, Priority::Low));
    assert_eq!(
        *order.lock().unwrap(),
        ["joined high", "high", "joined low"]
    );
}

#[test]
fn a_worker_that_does_not_steal_polls_no_task_of_another_queue() {
    let (rt, _started) = counted(1, 1, Stealing::None);
    let task = || async {
        let here = thread::current().id();
        let high = spawn_task!(async { thread::current().id() }, Priority::High);
        join!(high)[0] != here
    };
    for _ in 0..100 {
        assert!(soon(rt.spawn(task(), Priority::Low)));
    }
}

#[test]
fn a_task_goes_on_as_before_after_it_has_polled_others() {
    let (rt, _started) = counted(1, 0, Stealing::Both);
    let task = async {
        // High ones run within a low poll, and one of them panics.
        let panics = spawn_task!(async { panic!("within") }, Priority::High);
        let results: Vec<Result<(), _>> = try_join!(panics);
        // A low task that awaits does not raise what it awaits.
        let mut low = spawn_task!(yield_now());
        assert!(poll_once(&mut low).await.is_none());
        assert_eq!(low.priority(), Priority::Low);
        low.await;
        results[0].as_ref().unwrap_err().is_panic()
    };
    assert!(soon(rt.spawn(task, Priority::Low)));
    let queues = rt.metrics().queues;
    assert_eq!((queues[0].panicked, queues[1].completed), (1, 2));
}

#[test]
fn a_simulation_tries_both_ways_of_a_join() {
    let polls_itself = |seed| {
        let run = Sim::seed(seed).high(0).low(1).run(async {
            let parent = spawn_task!(async {
                let child = spawn_task!(async { thread::current().id() });
                join!(child)[0] == thread::current().id()
            });
            parent.await
        });
        run.unwrap().output
    };
    let ways: Vec<bool> = (0..32).map(polls_itself).collect();
    assert!(ways.contains(&true) && ways.contains(&false), "{ways:?}");
    assert_eq!(ways, (0..32).map(polls_itself).collect::<Vec<bool>>());
}
