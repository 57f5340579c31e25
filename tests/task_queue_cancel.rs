//! What becomes of the work of a task queue that is cancelled, whatever state it is in?

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{DropCounter, eventually, soon};
use laneway::Runtime;
use laneway::background::{Cancelling, TakeError, TaskQueue, Work, WorkStatus};
use laneway::sim::explore;
use laneway::time::sleep;

const MS: Duration = Duration::from_millis(1);

#[test]
fn what_is_queued_never_runs_and_is_dropped_at_once() {
    let explored = explore(200, || async {
        let queue = TaskQueue::bounded(8).workers(1);
        let first = queue
            .submit(Work::future(async |_| sleep(5 * MS).await))
            .unwrap();
        sleep(MS).await;
        let drops = DropCounter::new();
        let (one, other) = (drops.token(), drops.token());
        let future = Work::future(async move |_| unreachable!("{one:?}"));
        let closure = Work::sync(move |_| unreachable!("{other:?}"));
        let ids = [future, closure].map(|work| queue.submit(work).unwrap());
        let waits = queue.wait(ids[1]);
        for (cancelled, id) in (1..).zip(ids) {
            assert_eq!(queue.cancel(id), Cancelling::NeverRuns);
            assert_eq!(drops.count(), cancelled);
            assert_eq!(queue.status(id), WorkStatus::Cancelled);
            assert_eq!(queue.cancel(id), Cancelling::TooLate);
        }
        assert_eq!(waits.await, WorkStatus::Cancelled);
        assert_eq!(queue.take(ids[0]), Err(TakeError::Cancelled));
        assert_eq!(queue.wait(first).await, WorkStatus::Done);
        assert_eq!(queue.cancel(first), Cancelling::TooLate);
        assert_eq!(queue.status(first), WorkStatus::Done, "it stays as it was");
        let metrics = queue.metrics();
        assert_eq!((metrics.cancelled, metrics.done, metrics.begun), (2, 1, 1));
    });
    explored.unwrap();
}

#[test]
fn a_future_that_runs_is_dropped_and_its_place_is_free() {
    let explored = explore(200, || async {
        let queue = TaskQueue::bounded(8).workers(1);
        let drops = DropCounter::new();
        let token = drops.token();
        let stuck = Work::future(async move |_| {
            let _held = &token;
            pending().await
        });
        let stuck = queue.submit(stuck).unwrap();
        let next = queue.submit(Work::future(async |_| 2)).unwrap();
        sleep(MS).await;
        assert_eq!(queue.cancel(stuck), Cancelling::Stops);
        assert_eq!(queue.status(stuck), WorkStatus::Cancelled);
        assert_eq!(queue.wait(next).await, WorkStatus::Done);
        assert_eq!(drops.count(), 1);
        let metrics = queue.metrics();
        assert_eq!((metrics.running, metrics.lingering), (0, 0));
    });
    explored.unwrap();
}

#[test]
fn a_future_that_is_being_polled_is_dropped_after_that_poll() {
    let rt = Runtime::builder().build().unwrap();
    let queue = TaskQueue::bounded(8).on(&rt.handle());
    let ((begin, begun), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
    let drops = DropCounter::new();
    let token = drops.token();
    let computes = Work::future(async move |_| {
        let _held = &token;
        begin.send(()).unwrap();
        released.recv().unwrap_err();
        5
    });
    let id = queue.submit(computes).unwrap();
    begun.recv().unwrap();
    assert_eq!(queue.cancel(id), Cancelling::Stops);
    assert_eq!(soon(queue.wait(id)), WorkStatus::Cancelled);
    assert_eq!((queue.metrics().lingering, drops.count()), (1, 0));
    drop(release);
    eventually("its place is free", || queue.metrics().lingering == 0);
    eventually("it is dropped", || drops.count() == 1);
    // Though that poll gave a value.
    assert_eq!(queue.take(id), Err(TakeError::Cancelled));
}

#[test]
fn a_closure_that_runs_learns_it_and_keeps_its_place_until_it_returns() {
    let rt = Runtime::builder().build().unwrap();
    let queue = TaskQueue::bounded(8).on(&rt.handle());
    let ((begin, begun), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
    let turns = Work::sync(move |context| {
        assert!(!context.is_cancelled());
        begin.send(context.clone()).unwrap();
        released.recv().unwrap_err();
        assert!(context.is_cancelled());
        1
    });
    let id = queue.submit(turns).unwrap();
    let context = begun.recv().unwrap();
    assert_eq!(context.id(), id);
    let next = queue.submit(Work::sync(|_| 2)).unwrap();
    assert_eq!(queue.cancel(id), Cancelling::Stops);
    assert!(context.is_cancelled());
    assert_eq!(soon(queue.wait(id)), WorkStatus::Cancelled);
    assert_eq!(queue.status(next), WorkStatus::Queued { ahead: 0 });
    let metrics = queue.metrics();
    assert_eq!((metrics.running, metrics.lingering), (0, 1));
    drop(release);
    assert_eq!(soon(queue.wait(next)), WorkStatus::Done);
    assert_eq!(queue.metrics().lingering, 0);
    assert_eq!(queue.take(id), Err(TakeError::Cancelled));
}

#[test]
fn work_may_cancel_itself_and_the_next() {
    let explored = explore(200, || async {
        let queue = TaskQueue::bounded(8).workers(1);
        let within = queue.clone();
        let ran = Arc::new(AtomicUsize::new(0));
        let counts = ran.clone();
        let first = Work::future(async move |context| {
            let next = (context.id().to_string().parse::<u64>().unwrap() + 1).to_string();
            assert_eq!(within.cancel(next.parse().unwrap()), Cancelling::NeverRuns);
            assert_eq!(within.cancel(context.id()), Cancelling::Stops);
            counts.fetch_add(1, Ordering::Relaxed);
            pending().await
        });
        let ids = [first, Work::sync(|_| unreachable!())].map(|work| queue.submit(work).unwrap());
        for id in ids {
            assert_eq!(queue.wait(id).await, WorkStatus::Cancelled);
        }
        sleep(MS).await;
        assert_eq!(queue.metrics().lingering, 0);
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
    explored.unwrap();
}

#[test]
fn work_that_is_cancelled_between_its_call_and_its_beginning_leaves_its_turn_to_the_next() {
    let called = Arc::new(AtomicUsize::new(0));
    let counts = called.clone();
    let explored = explore(200, move || {
        let counts = counts.clone();
        async move {
            let queue = TaskQueue::bounded(8).workers(1);
            let takes = || Work::future(async |_| sleep(2 * MS).await);
            let [first, second, third] = [1, 2, 3].map(|_| queue.submit(takes()).unwrap());
            sleep(MS).await;
            queue.wait(first).await;
            // Its place is free, and the second has been called.
            if queue.cancel(second) == Cancelling::NeverRuns {
                counts.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(queue.wait(third).await, WorkStatus::Done);
        }
    });
    explored.unwrap();
    assert!(called.load(Ordering::Relaxed) > 0, "no schedule had it");
}
