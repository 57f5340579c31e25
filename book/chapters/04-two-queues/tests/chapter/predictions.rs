//! What the text's questions have for answers.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use chapter_04::{Labelled, Priority, low, run_next, spawn, spawn_on};
use futures_lite::future::block_on;
use laneway_book::prediction;

use super::Log;
use super::day::Day;

/// A future with a high label that tells whose thread it runs on.
struct WhoAmI;

impl Future for WhoAmI {
    type Output = Option<String>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<String>> {
        Poll::Ready(thread::current().name().map(str::to_owned))
    }
}

impl Labelled for WhoAmI {
    fn priority(&self) -> Priority {
        Priority::High
    }
}

#[test]
fn a_label_inside() {
    let name = block_on(spawn(low(async { WhoAmI.await.expect("a name") })));
    let (kind, _number) = name.split_once('-').expect("a kind and a number");
    prediction!("a-label-inside", format!("a {kind} consumer"));
}

#[test]
fn hands_in_laps() {
    let (_high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (day, log) = (Day::default(), Log::default());
    for _ in 0..8 {
        let (carving, clock, log) = (day.work(1, 60), day.clone(), log.clone());
        let task = async move {
            carving.await;
            log.write(clock.now() / 60);
        };
        spawn_on(&low, task).detach();
    }
    let queues = [&high_tasks, &high_tasks, &low_tasks, &low_tasks];
    day.run(queues.len(), |who| run_next(queues[who]));
    let ends = log.lines();
    assert_eq!(ends.len(), 8);
    let last = ends.last().expect("all are done");
    prediction!("hands-in-laps", format!("after {last} hours"));
}

/// A high task keeps its waker where a low one calls it.
#[test]
fn woken_from_below() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let waiting = Arc::new(Mutex::new(None));
    let keeps = waiting.clone();
    let waits = poll_fn(move |cx| {
        *keeps.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    let _waits = spawn_on(&high, waits);
    assert!(run_next(&high_tasks));
    let wakes = async move { waiting.lock().unwrap().take().map(Waker::wake) };
    let _wakes = spawn_on(&low, wakes);
    assert!(run_next(&low_tasks));
    let answer = match (high_tasks.len(), low_tasks.len()) {
        (1, 0) => "the high queue",
        (0, 1) => "the low queue",
        other => panic!("{other:?}"),
    };
    prediction!("woken-from-below", answer);
}

/// Both high tasks hold a consumer, and a third one comes.
#[test]
fn a_third_one() {
    let (high, high_tasks) = flume::unbounded();
    let (_low, low_tasks) = flume::unbounded();
    let tasks = [(); 3].map(|()| spawn_on(&high, async {}));
    let held = [(); 2].map(|()| high_tasks.recv().unwrap());
    let taken_by_low = run_next(&low_tasks);
    let answer = match (taken_by_low, tasks[2].is_finished()) {
        (true, true) => "a low consumer",
        (false, false) => "no consumer",
        other => panic!("{other:?}"),
    };
    held.into_iter()
        .for_each(|runnable| assert!(!runnable.run()));
    prediction!("a-third-one", answer);
}
