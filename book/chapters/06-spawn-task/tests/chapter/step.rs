//! Does the step do what the text says of it?

use std::future::{pending, ready};
use std::sync::mpsc;
use std::time::Duration;

use chapter_06::{Priority, Step, spawn_on, spawn_task, step};
use futures_lite::future::block_on;

#[test]
fn a_priority_is_any_expression() {
    let urgent = true;
    let task = spawn_task!(
        ready(1),
        match urgent {
            true => Priority::High,
            false => Priority::Low,
        },
    );
    assert_eq!(block_on(task), 1);
}

#[test]
fn each_argument_is_evaluated_once() {
    let (mut futures, mut priorities) = (0, 0);
    let mut future = || {
        futures += 1;
        ready(())
    };
    let mut priority = || {
        priorities += 1;
        Priority::High
    };
    block_on(spawn_task!(future(), priority()));
    block_on(spawn_task!(future()));
    assert_eq!((futures, priorities), (2, 1));
}

/// With the caller's `task` in place of `$number`, its own would be doubled if they were one.
macro_rules! one_more_than {
    ($number:expr) => {{
        let task = 1;
        $number + task
    }};
}

#[test]
fn a_macros_own_variable_is_not_the_callers() {
    let task = 10;
    assert_eq!(one_more_than!(task), 11);
}

/// The priority is the caller's matter: the same future goes into either queue.
#[test]
fn one_future_fits_both_queues() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let make = || async { 5 };
    let tasks = [spawn_on(&high, make()), spawn_on(&low, make())];
    assert_eq!(step(&high_tasks, &low_tasks), Step::Own);
    assert_eq!(step(&high_tasks, &low_tasks), Step::Stolen);
    assert_eq!(step(&high_tasks, &low_tasks), Step::Rest);
    for task in tasks {
        assert_eq!(block_on(task), 5);
    }
}

/// Tells when it is dropped.
struct Tells(mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.send(()).expect("the test waits");
    }
}

#[test]
fn dropping_the_outer_ticket_tears_up_the_inner_one() {
    let (sender, dropped) = mpsc::channel();
    let tells = Tells(sender);
    let (sender, started) = mpsc::channel();
    let task = spawn_task!(spawn_task!(async move {
        let _tells = tells;
        sender.send(()).expect("the test waits");
        pending::<()>().await;
    }));
    let patience = Duration::from_secs(10);
    started.recv_timeout(patience).expect("the inner task runs");
    drop(task);
    dropped.recv_timeout(patience).expect("and is cancelled");
}
