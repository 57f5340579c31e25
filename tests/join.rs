//! Does `join!` wait for all, in order, and on a worker without costing a worker?

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use laneway::{Priority, Runtime, Stealing, Task, join, join_all, spawn_task};

mod common;
use common::{DropCounter, Gate, eventually};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

const POLICIES: [Stealing; 4] = [
    Stealing::Both,
    Stealing::HighFromLow,
    Stealing::LowFromHigh,
    Stealing::None,
];

const QUEUES: [Priority; 2] = [Priority::High, Priority::Low];

#[test]
fn outputs_are_in_the_order_of_the_arguments() {
    // Each order of completion of three tasks.
    for completion in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let rt = one_and_one("order");
        let gates = [(); 3].map(|()| Gate::new());
        let [a, b, c] = [0, 1, 2].map(|n| {
            let gate = gates[n].wait();
            rt.spawn(
                async move {
                    gate.await;
                    n
                },
                [Priority::Low, Priority::High, Priority::Low][n],
            )
        });
        gates.iter().for_each(|gate| gate.eventually_polled(1));
        let opener = thread::spawn({
            let gates = gates.clone();
            move || {
                for n in completion {
                    gates[n].open();
                    // Dropped with the task's future: that one has ended.
                    eventually("a task ends", || gates[n].drops() == 1);
                }
            }
        });
        assert_eq!(
            join!(a, b, c),
            [0, 1, 2],
            "completed in order {completion:?}"
        );
        opener.join().unwrap();
    }
}

#[test]
fn all_kinds_of_outputs_and_futures_are_joined() {
    async fn named() -> String {
        "an async fn".to_owned()
    }
    let rt = one_and_one("kinds");
    let block = rt.spawn(async { "an async block".to_owned() }, Priority::High);
    let value = rt.spawn(std::future::ready("a value".to_owned()), Priority::Low);
    let boxed: Pin<Box<dyn Future<Output = String> + Send>> = Box::pin(named());
    let outputs: Vec<String> = join!(
        rt.spawn(named(), Priority::Low),
        block,
        value,
        rt.spawn(boxed, Priority::High)
    );
    assert_eq!(
        outputs,
        ["an async fn", "an async block", "a value", "an async fn"]
    );

    let units: Vec<()> = join!(rt.spawn(async {}, Priority::Low));
    assert_eq!(units.len(), 1);
    let moved: Vec<Box<[u8]>> = join!(rt.spawn(async { vec![7; 3].into() }, Priority::Low));
    assert_eq!(*moved[0], [7, 7, 7]);
}

#[test]
fn one_argument_many_and_a_trailing_comma() {
    let rt = one_and_one("count");
    let task = |n: u32| rt.spawn(async move { n }, Priority::Low);
    assert_eq!(join!(task(1)), [1]);
    assert_eq!(join!(task(1),), [1]);
    assert_eq!(join!(task(1), task(2),), [1, 2]);
    #[rustfmt::skip]
    let many = join!(
        task(0), task(1), task(2), task(3), task(4), task(5), task(6), task(7), task(8), task(9),
        task(10), task(11), task(12), task(13), task(14), task(15), task(16), task(17), task(18),
    );
    assert_eq!(many, (0..19).collect::<Vec<u32>>());
}

#[test]
fn a_collection_may_be_empty_or_large() {
    let rt = one_and_one("all");
    assert_eq!(join_all(Vec::<Task<u8>>::new()), [0_u8; 0]);
    let squares = (0..10_000_u64).map(|n| {
        let priority = [Priority::High, Priority::Low][(n % 2) as usize];
        rt.spawn(async move { n * n }, priority)
    });
    let expected: Vec<u64> = (0..10_000).map(|n| n * n).collect();
    assert_eq!(join_all(squares), expected);
    let queues = rt.metrics().queues;
    assert_eq!((queues[0].completed, queues[1].completed), (5_000, 5_000));
}

#[test]
fn plain_threads_join_on_the_process_wide_runtime() {
    let threads: Vec<_> = (0..4_u32)
        .map(|n| {
            thread::spawn(move || {
                let a = spawn_task!(async move { n });
                let b = spawn_task!(async move { n + 100 }, Priority::High);
                join!(a, b)
            })
        })
        .collect();
    for (n, thread) in (0..).zip(threads) {
        assert_eq!(thread.join().unwrap(), [n, n + 100]);
    }
}

#[test]
fn join_works_inside_of_block_on() {
    let rt = one_and_one("inside");
    let joined = rt.block_on(async {
        let a = spawn_task!(async { 1 });
        let b = spawn_task!(async { 2 }, Priority::High);
        let joined = join!(a, b);
        // The thread is still in the runtime afterwards.
        spawn_task!(async { 3 }).await + joined.iter().sum::<i32>()
    });
    assert_eq!(joined, 6);
    let spawned: u64 = rt.metrics().queues.iter().map(|queue| queue.spawned).sum();
    assert_eq!(spawned, 3);
}

#[test]
fn tasks_of_several_runtimes_are_joined_together() {
    let (one, two) = (one_and_one("one"), one_and_one("two"));
    let name = || async { thread::current().name().unwrap().to_owned() };
    let a = one.spawn(name(), Priority::Low);
    let b = two.spawn(name(), Priority::High);
    let names = join!(a, b);
    assert!(
        names[0].starts_with("one-") && names[1].starts_with("two-"),
        "{names:?}"
    );
}

#[test]
fn every_worker_may_join_at_once() {
    for stealing in POLICIES {
        let rt = Runtime::builder()
            .with_high_num(2)
            .with_low_num(2)
            .with_stealing(stealing)
            .with_thread_name("atonce")
            .build()
            .unwrap();
        let all_hold_a_worker = Arc::new(Barrier::new(4));
        let parents = (0..4_u32).map(|n| {
            let barrier = all_hold_a_worker.clone();
            // So that whoever takes which, none is left that the last free worker may not take.
            let queue = match stealing {
                Stealing::HighFromLow => Priority::Low,
                Stealing::LowFromHigh => Priority::High,
                Stealing::Both | Stealing::None => QUEUES[(n % 2) as usize],
            };
            rt.spawn(
                async move {
                    // Four polls at the barrier are four workers.
                    barrier.wait();
                    let a = spawn_task!(async move { n }, queue);
                    let b = spawn_task!(async move { 10 * n });
                    join!(a, b).iter().sum::<u32>()
                },
                queue,
            )
        });
        let parents: Vec<_> = parents.collect();
        assert_eq!(join_all(parents), [0, 11, 22, 33], "{stealing:?}");
    }
}

#[test]
fn joins_nest_six_levels_deep_on_one_and_one_threads() {
    for stealing in POLICIES {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(1)
            .with_stealing(stealing)
            .with_thread_name("nested")
            .build()
            .unwrap();
        for root in [Priority::High, Priority::Low] {
            let leaves = rt.block_on(rt.spawn(tree(6), root));
            assert_eq!(leaves, 64, "{stealing:?}, a {root:?} root");
        }
        let metrics = rt.metrics();
        let completed: u64 = metrics.queues.iter().map(|queue| queue.completed).sum();
        assert_eq!(completed, 2 * 127);
    }
}

#[test]
fn joins_nest_without_local_queues() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_local_queues(false)
        .with_thread_name("plain")
        .build()
        .unwrap();
    assert_eq!(rt.block_on(rt.spawn(tree(5), Priority::Low)), 32);
}

/// A binary tree of tasks, each of which blocks its thread on the next level: a high and a low
/// one. Gives the number of leaves.
fn tree(levels: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move {
        match levels {
            0 => 1,
            _ => {
                let low = spawn_task!(tree(levels - 1));
                let high = spawn_task!(tree(levels - 1), Priority::High);
                join!(low, high).iter().sum()
            }
        }
    })
}

#[test]
fn what_waits_on_a_worker_goes_on_while_its_thread_is_in_a_join() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .build()
        .unwrap();
    // The only worker's task joins a task that ends after 100 others, spawned before and after.
    let parent = rt.spawn(
        async {
            let gate = Gate::new();
            let last = gate.clone();
            let before: Vec<_> = (0..50).map(|_| spawn_task!(async {})).collect();
            let waits = spawn_task!(gate.wait());
            let opens = spawn_task!(async move {
                let after = (0..50).map(|_| spawn_task!(async {}));
                for task in before.into_iter().chain(after) {
                    task.await;
                }
                last.open();
            });
            join!(waits, opens).len()
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(parent), 2);
}

#[test]
fn a_join_of_finished_tasks_needs_no_other_thread() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .with_thread_name("ready")
        .build()
        .unwrap();
    let parent = rt.spawn(
        async {
            let child = spawn_task!(async { 5 });
            while !child.is_finished() {
                futures_lite::future::yield_now().await;
            }
            let before = thread::current().id();
            let outputs = join!(child);
            // Still on the worker's seat: a second thread would have taken the next task.
            let next = spawn_task!(async { thread::current().id() });
            (outputs, before == next.await)
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(parent), (vec![5], true));
}

#[test]
fn the_first_panic_in_the_order_of_the_arguments_goes_on_and_the_rest_is_cancelled() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(2)
        .build()
        .unwrap();
    let (second_has_panicked, dropped) = mpsc::channel::<()>();
    let never = DropCounter::new();
    let token = never.token();
    let fine = rt.spawn(async { 1 }, Priority::Low);
    let first = rt.spawn(
        async move {
            // The sender is dropped when the other task unwinds.
            let _ = dropped.recv_timeout(DEADLINE);
            panic!("the first in order")
        },
        Priority::Low,
    );
    let second = rt.spawn(
        async move {
            let _sender = second_has_panicked;
            panic!("the first in time")
        },
        Priority::Low,
    );
    let pending = rt.spawn(
        async move {
            let _token = token;
            std::future::pending().await
        },
        Priority::Low,
    );
    let panic = catch_unwind(AssertUnwindSafe(|| join!(fine, first, second, pending)));
    let payload = panic.expect_err("two of the tasks panicked");
    assert_eq!(*payload.downcast::<&str>().unwrap(), "the first in order");
    eventually("the task after them is cancelled", || never.count() == 1);
    eventually("all have ended", || rt.metrics().queues[1].live() == 0);
    // Both workers are still there.
    let both = Arc::new(Barrier::new(2));
    join_all([both.clone(), both].map(|both| {
        rt.spawn(
            async move {
                both.wait();
            },
            Priority::Low,
        )
    }));
}

#[test]
fn a_panic_passes_through_a_join_on_a_worker() {
    let rt = one_and_one("through");
    let parent = rt.spawn(
        async {
            let child = spawn_task!(async {
                if true {
                    panic!("in the child");
                }
            });
            join!(child);
        },
        Priority::Low,
    );
    let panic = catch_unwind(AssertUnwindSafe(|| join!(parent)));
    let payload = panic.expect_err("the child panicked");
    assert_eq!(*payload.downcast::<&str>().unwrap(), "in the child");
    // The worker whose task panicked in the join works on, with whichever thread.
    assert_eq!(rt.block_on(rt.spawn(tree(4), Priority::Low)), 16);
}

#[cfg(target_os = "linux")]
#[test]
fn joins_one_after_another_do_not_pile_up_threads() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_thread_name("jpile")
        .build()
        .unwrap();
    for n in 0..500 {
        let root = [Priority::High, Priority::Low][n % 2];
        rt.block_on(rt.spawn(tree(1), root));
    }
    // A thread takes its name itself, as the first thing it does.
    eventually("the watchdog is there", || {
        threads_named("jpile-").contains_key("jpile-watchdog")
    });
    let threads = threads_named("jpile-");
    assert!(threads["jpile-watchdog"] == 1, "{threads:?}");
    // A thread that blocks and one that takes its place, for each worker; a few more where the
    // replaced one was still on its way to become a spare.
    let workers: usize = threads.values().sum::<usize>() - 1;
    assert!((2..=12).contains(&workers), "{threads:?}");
    drop(rt);
    // A thread that has been joined is listed by the system for a moment longer.
    eventually("the threads are gone", || {
        threads_named("jpile-").is_empty()
    });
}

/// The threads of this process whose names begin so, counted by name. Names are cut off after 15
/// bytes by the system.
#[cfg(target_os = "linux")]
fn threads_named(prefix: &str) -> BTreeMap<String, usize> {
    let mut threads = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        // A thread may end while the list is read.
        let name = std::fs::read_to_string(entry.unwrap().path().join("comm"));
        let name = name.unwrap_or_default().trim_end().to_owned();
        if name.starts_with(prefix) {
            *threads.entry(name).or_default() += 1;
        }
    }
    threads
}

fn one_and_one(name: &str) -> Runtime {
    Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_thread_name(name)
        .build()
        .unwrap()
}
