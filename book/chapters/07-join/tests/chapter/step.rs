//! Does the step do what the text says of it?

use std::env;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use async_task::Task;
use chapter_07::{
    JoinError, gather, join, join_all, run_next, spawn_on, spawn_task, try_join, try_join_all,
};
use futures_lite::future::yield_now;

#[test]
fn outputs_come_in_the_order_of_the_arguments() {
    let (sender, receiver) = flume::unbounded();
    let (last, first) = (spawn_on(&sender, ready(1)), spawn_on(&sender, ready(2)));
    while run_next(&receiver) {}
    assert_eq!(join!(first, last), [2, 1]);
}

/// Counts the wake-ups.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_join_is_woken_once_if_the_first_ends_last() {
    let (sender, receiver) = flume::unbounded();
    let first = async {
        yield_now().await;
        0
    };
    let mut tasks = vec![spawn_on(&sender, first)];
    tasks.extend((1..100).map(|number| spawn_on(&sender, ready(number))));
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut cx = Context::from_waker(&waker);
    let mut joined = pin!(gather(tasks));
    assert_eq!(joined.as_mut().poll(&mut cx), Poll::Pending);
    while run_next(&receiver) {}
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    assert_eq!(
        joined.as_mut().poll(&mut cx),
        Poll::Ready((0..100).collect())
    );
}

#[test]
fn nothing_is_joined_at_once() {
    assert_eq!(join_all(Vec::<Task<u32>>::new()), []);
}

#[test]
fn a_panic_cancels_the_tasks_behind_it() {
    let (sender, receiver) = flume::unbounded();
    let held = Arc::new(());
    let inside = held.clone();
    let cracks = spawn_on(&sender, async { resume_unwind(Box::new("cracked")) });
    let behind = spawn_on(&sender, async move {
        let _inside = inside;
        pending::<()>().await;
    });
    assert!(run_next(&receiver) && run_next(&receiver));
    assert!(catch_unwind(AssertUnwindSafe(|| join!(cracks, behind))).is_err());
    // A task that is cancelled while it waits is put into the queue, to be dropped there.
    while run_next(&receiver) {}
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_panic_keeps_its_payload() {
    let task: Task<()> = spawn_task!(async { resume_unwind(Box::new(7_u8)) });
    let payload = catch_unwind(AssertUnwindSafe(|| join!(task))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
}

#[test]
fn the_messages_of_panics() {
    let quietly = |payload| spawn_task!(async move { resume_unwind(payload) });
    let tasks: [Task<()>; 3] = [
        quietly(Box::new("a text") as Box<dyn std::any::Any + Send>),
        quietly(Box::new(format!("a {}", "String"))),
        quietly(Box::new(7_u8)),
    ];
    let said = try_join_all(tasks).into_iter();
    let said: Vec<String> = said
        .map(|outcome| outcome.unwrap_err().to_string())
        .collect();
    assert_eq!(
        said,
        [
            "the task panicked: a text",
            "the task panicked: a String",
            "the task panicked: a payload without a message",
        ]
    );
}

#[test]
fn without_consumers_a_join_ends_with_an_error() {
    let (sender, receiver) = flume::unbounded();
    drop(receiver);
    let task = spawn_on(&sender, async {});
    let outcomes = try_join!(task);
    assert!(matches!(outcomes[..], [Err(JoinError::Cancelled)]));
}

#[test]
fn panics_with_any_payload_leave_the_consumer_alive() {
    let task: Task<()> = spawn_task!(async { panic_any(7_u8) });
    assert!(try_join!(task)[0].is_err());
    assert_eq!(join!(spawn_task!(ready(1))), [1]);
}

/// Panics when it is dropped, unless that is because of a panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("in a destructor");
        }
    }
}

fn cancel_a_task_with_a_bomb() {
    let (sender, receiver) = flume::unbounded();
    let task = spawn_on(&sender, async {
        let _bomb = Bomb;
        pending::<()>().await;
    });
    assert!(run_next(&receiver));
    drop(task);
    // A test that fails would be the end here, if the panic could be caught.
    run_next(&receiver);
}

/// In a process of its own, since that one does not survive it.
#[test]
fn a_destructor_that_panics_when_its_task_is_cancelled_ends_the_process() {
    const IN_CHILD: &str = "CHAPTER_07_CANCELS_A_BOMB";
    if env::var_os(IN_CHILD).is_some() {
        return cancel_a_task_with_a_bomb();
    }
    let test = "step::a_destructor_that_panics_when_its_task_is_cancelled_ends_the_process";
    let mut child = Command::new(env::current_exe().expect("a test has a file"));
    let output = child.args(["--exact", test]).env(IN_CHILD, "").output();
    let output = output.expect("the test can be run once more");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "{said}");
    assert!(!said.contains("test result"), "it was only a panic: {said}");
}
