//! Chapter 4: a queue for each priority, with consumers of its own.

use std::sync::mpsc;

use crate::tools::{Door, Opens, checks, next, yield_now};
use crate::{Check, Priority, Runtime};

checks!(4:
    has_consumers_for_each_priority,
    runs_high_tasks_while_low_ones_block,
    runs_low_tasks_while_high_ones_block,
    runs_a_low_task_beside_high_ones_that_never_end,
);

fn has_consumers_for_each_priority<R: Runtime>() {
    let (high, low) = (
        R::consumers_of(Priority::High),
        R::consumers_of(Priority::Low),
    );
    assert!(high >= 1 && low >= 1, "{high} high and {low} low");
}

fn runs_high_tasks_while_low_ones_block<R: Runtime>() {
    runs_beside_blocked::<R>(Priority::High, Priority::Low);
}

fn runs_low_tasks_while_high_ones_block<R: Runtime>() {
    runs_beside_blocked::<R>(Priority::Low, Priority::High);
}

/// Blocks as many consumers as `blocked` has, with tasks of that priority.
fn runs_beside_blocked<R: Runtime>(free: Priority, blocked: Priority) {
    let door = Door::default();
    let _opens = Opens(door.clone());
    let (sender, started) = mpsc::channel();
    let block = || {
        let (sender, door) = (sender.clone(), door.clone());
        let task = async move {
            sender.send(()).expect("the check waits");
            door.wait();
        };
        R::spawn_at(task, blocked)
    };
    let tasks: Vec<_> = (0..R::consumers_of(blocked)).map(|_| block()).collect();
    for _ in &tasks {
        next(&started, "every consumer of a queue to be blocked");
    }
    Check::ends("a task of the other priority", move || {
        R::block_on(R::spawn_at(async {}, free));
    });
}

/// One high task more than there are consumers, so that the high queue is never empty: each of them
/// yields for ever.
fn runs_a_low_task_beside_high_ones_that_never_end<R: Runtime>() {
    let consumers = R::consumers_of(Priority::High) + R::consumers_of(Priority::Low);
    let (sender, begun) = mpsc::channel();
    let for_ever = || {
        let sender = sender.clone();
        let task = async move {
            // The check may have given up.
            let _ = sender.send(());
            loop {
                yield_now().await;
            }
        };
        R::spawn_at(task, Priority::High)
    };
    let tasks: Vec<R::Task<()>> = (0..=consumers).map(|_| for_ever()).collect();
    for _ in &tasks {
        next(&begun, "high tasks to begin");
    }
    Check::ends("a low task beside high ones that never end", || {
        R::block_on(R::spawn_at(async {}, Priority::Low));
    });
    drop(tasks);
}
