//! How many threads does a tree of tasks take that join each other?

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway::{Priority, Runtime, Stealing, join, join_all, spawn_task};

const POLICIES: [Stealing; 4] = [
    Stealing::Both,
    Stealing::HighFromLow,
    Stealing::LowFromHigh,
    Stealing::None,
];

type Tree = Pin<Box<dyn Future<Output = u32> + Send>>;

/// A runtime of `high` and `low` workers, and how many threads it has started.
fn counted(high: usize, low: usize, stealing: Stealing) -> (Runtime, Arc<AtomicUsize>) {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    let builder = Runtime::builder()
        .with_high_num(high)
        .with_low_num(low)
        .with_stealing(stealing)
        .with_thread_start(move || drop(count.fetch_add(1, Ordering::SeqCst)));
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
        println!("round {round}: {started}");
        assert_eq!(leaves, 1024);
        assert!(started <= 40, "round {round}: {started} threads");
    }
}

#[test]
fn a_deep_tree_of_both_priorities_takes_threads_in_the_order_of_its_depth() {
    let mixed = [
        [Priority::Low, Priority::High],
        [Priority::High, Priority::Low],
    ];
    for (priorities, stealing) in mixed.into_iter().flat_map(|p| POLICIES.map(|s| (p, s))) {
        for round in 0..5 {
            let (rt, started) = counted(1, 1, stealing);
            let leaves = rt.block_on(rt.spawn(tree(10, priorities), Priority::Low));
            let started = started.load(Ordering::SeqCst);
            println!("{priorities:?}, {stealing:?}, round {round}: {started}");
            assert_eq!(leaves, 1024);
        }
    }
}

#[test]
fn a_wide_tree_takes_threads_in_the_order_of_its_depth() {
    for round in 0..20 {
        let (rt, started) = counted(0, 2, Stealing::Both);
        let leaves = rt.block_on(rt.spawn(wide_tree(4, 7), Priority::Low));
        let started = started.load(Ordering::SeqCst);
        println!("round {round}: {started}");
        assert_eq!(leaves, 2401);
        assert!(started <= 40, "round {round}: {started} threads");
    }
}
