//! Does the step do what the text says of it?

use std::future::poll_fn;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use async_task::{Runnable, Task};
use chapter_02::{run_next, spawn, spawn_on};
use futures_lite::future::{block_on, yield_now};

use super::Log;

#[test]
fn tasks_take_turns_in_the_order_in_which_they_were_spawned() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    for name in ["a", "b", "c"] {
        let log = log.clone();
        let task = async move {
            log.write(name);
            yield_now().await;
            log.write(name);
        };
        spawn_on(&sender, task).detach();
    }
    while run_next(&receiver) {}
    assert_eq!(log.lines(), ["a", "b", "c", "a", "b", "c"]);
}

/// Keeps its waker in `kept`, if there is one, and is never ready.
fn never(kept: Option<Arc<Mutex<Option<Waker>>>>) -> impl Future<Output = ()> + Send {
    poll_fn(move |cx| {
        if let Some(kept) = &kept {
            *kept.lock().unwrap() = Some(cx.waker().clone());
        }
        Poll::Pending
    })
}

/// Spawns and detaches a future that holds something, and polls it once.
fn detached(
    future: impl Future<Output = ()> + Send + 'static,
) -> (Arc<()>, flume::Receiver<Runnable>) {
    let (sender, receiver) = flume::unbounded();
    let held = Arc::new(());
    let inside = held.clone();
    let task = async move {
        let _inside = inside;
        future.await;
    };
    spawn_on(&sender, task).detach();
    assert!(run_next(&receiver));
    (held, receiver)
}

#[test]
fn a_task_that_can_no_longer_be_woken_is_dropped() {
    let kept = Arc::new(Mutex::new(None));
    let (held, receiver) = detached(never(Some(kept.clone())));
    assert!(!run_next(&receiver), "it waits");
    assert_eq!(Arc::strong_count(&held), 2);
    // The last waker puts the task into the queue once more, to be dropped there.
    drop(kept.lock().unwrap().take());
    assert!(run_next(&receiver));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_detached_task_that_has_kept_no_waker_is_forgotten() {
    let (held, receiver) = detached(never(None));
    assert!(!run_next(&receiver) && receiver.is_empty());
    assert_eq!(Arc::strong_count(&held), 2, "its future was never dropped");
}

#[test]
fn the_consumer_has_a_name() {
    let name = block_on(spawn(async { thread::current().name().map(str::to_owned) }));
    assert_eq!(name.as_deref(), Some("consumer"));
}

/// A queue with one place. A task fills it and then wakes itself.
fn fills_the_queue_and_wakes_itself(done: mpsc::Sender<()>) {
    let (sender, receiver) = flume::bounded::<Runnable>(1);
    let inner = sender.clone();
    let task: Task<()> = spawn_on(&sender, async move {
        spawn_on(&inner, async {}).detach();
        yield_now().await;
    });
    run_next(&receiver);
    while run_next(&receiver) {}
    drop(task);
    let _ = done.send(());
}

#[test]
fn a_bounded_queue_can_stop_its_own_consumer() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(|| fills_the_queue_and_wakes_itself(done));
    // Only waiting can tell: it never ends.
    let ended = is_done.recv_timeout(Duration::from_millis(500));
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Timeout));
}

#[test]
fn a_task_that_is_woken_and_ready_is_not_queued_again() {
    let (sender, receiver) = flume::unbounded();
    let task = spawn_on(
        &sender,
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }),
    );
    assert!(run_next(&receiver));
    assert!(receiver.is_empty());
    block_on(task);
}

/// The future holds a waker of its own task, and so the task holds itself.
#[test]
fn a_dropped_ticket_breaks_the_circle_of_a_task_that_keeps_its_waker() {
    let (sender, receiver) = flume::unbounded();
    let held = Arc::new(());
    let (inside, mut kept) = (held.clone(), None);
    let task: Task<()> = spawn_on(
        &sender,
        poll_fn(move |cx| {
            let _inside = &inside;
            kept.get_or_insert_with(|| cx.waker().clone());
            Poll::Pending
        }),
    );
    assert!(run_next(&receiver));
    assert_eq!(Arc::strong_count(&held), 2);
    drop(task);
    assert!(run_next(&receiver), "it is queued once more, to be dropped");
    assert_eq!(Arc::strong_count(&held), 1);
}
