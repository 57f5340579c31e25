//! Does a low task run beside high ones that never end?

#[path = "../../broken.rs"]
mod wrong;

use async_task::Runnable;
use chapter_04::{run_next, spawn_on};
use flume::Receiver;
use futures_lite::future::yield_now;
use laneway_book::check::red;

use super::Log;

/// What the step's consumers do in one round: each looks at the queue that it serves.
fn round(high: &Receiver<Runnable>, low: &Receiver<Runnable>) {
    run_next(high);
    run_next(low);
}

/// Asserts that a low task is done within a thousand rounds, whatever the high ones do.
fn a_low_task_has_a_turn(round: fn(&Receiver<Runnable>, &Receiver<Runnable>)) {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let for_ever = spawn_on(&high, async {
        loop {
            yield_now().await;
        }
    });
    let log = Log::default();
    let line = log.clone();
    spawn_on(&low, async move { line.write("a low task") }).detach();
    (0..1_000).for_each(|_| round(&high_tasks, &low_tasks));
    drop::<async_task::Task<()>>(for_ever);
    assert_eq!(log.lines(), ["a low task"], "after a thousand rounds");
}

#[test]
fn a_consumer_that_prefers_high_tasks_starves_the_low_ones() {
    red("there is always a high task", || {
        a_low_task_has_a_turn(wrong::round);
    });
}

#[test]
fn consumers_of_their_own_do_not() {
    a_low_task_has_a_turn(round);
}
