//! Are the counts of a task queue exact when several threads submit, cancel, wait and take?

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::{DropCounter, eventually, soon};
use laneway::background::{SubmitError, TakeError, TaskQueue, Work, WorkStatus};
use laneway::{Runtime, yield_now};

const THREADS: usize = 4;
const EACH: usize = 1_500;

#[derive(Default)]
struct Seen {
    done: AtomicUsize,
    failed: AtomicUsize,
    cancelled: AtomicUsize,
    refused: AtomicUsize,
}

fn work_of(kind: u8, token: common::DropToken) -> Work<usize> {
    match kind {
        0 => Work::sync(move |_| {
            drop(token);
            1
        }),
        1 => Work::try_sync(move |_| Err(format!("{:p}", &token))),
        2 => Work::future(async move |_| {
            let _held = &token;
            pending().await
        }),
        _ => Work::future(async move |_| {
            let _held = &token;
            yield_now().await;
            1
        }),
    }
}

fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::SeqCst)
}

/// Submits, cancels some, and waits for each.
fn use_queue(queue: &TaskQueue<usize>, seen: &Seen, drops: &DropCounter, mut rng: fastrand::Rng) {
    for _ in 0..EACH {
        let kind = rng.u8(..5);
        let id = match queue.submit(work_of(kind, drops.token())) {
            Ok(id) => id,
            Err(SubmitError::Full(_)) => {
                seen.refused.fetch_add(1, Ordering::SeqCst);
                thread::yield_now();
                continue;
            }
            Err(refused) => panic!("{refused}"),
        };
        if kind == 2 || rng.u8(..4) == 0 {
            queue.cancel(id);
        }
        let wait = queue.wait(id);
        let status = soon(match rng.bool() {
            true => wait.raising(),
            false => wait,
        });
        let (as_expected, counter) = match queue.take(id) {
            Ok(n) => (n == 1 && status == WorkStatus::Done, &seen.done),
            Err(TakeError::Failed { .. }) => (kind == 1, &seen.failed),
            Err(TakeError::Cancelled) => (status == WorkStatus::Cancelled, &seen.cancelled),
            Err(error) => panic!("{error}"),
        };
        assert!(as_expected, "{status:?}");
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_was_submitted_has_ended_once_and_all_is_dropped() {
    let rt = Runtime::builder().build().unwrap();
    let queue = TaskQueue::bounded(1).workers(2).on(&rt.handle());
    let (seen, drops) = (Arc::new(Seen::default()), DropCounter::new());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (queue, seen, drops) = (queue.clone(), seen.clone(), drops.clone());
            let rng = fastrand::Rng::with_seed(thread as u64);
            scope.spawn(move || use_queue(&queue, &seen, &drops, rng));
        }
    });
    eventually("all places are free", || queue.metrics().lingering == 0);
    let metrics = queue.metrics();
    assert_eq!((metrics.queued, metrics.running, metrics.kept), (0, 0, 0));
    assert_eq!(metrics.done, count(&seen.done) as u64);
    assert_eq!(metrics.failed, count(&seen.failed) as u64);
    assert_eq!(metrics.cancelled, count(&seen.cancelled) as u64);
    assert_eq!(metrics.refused, count(&seen.refused) as u64);
    assert_eq!(
        metrics.submitted,
        metrics.done + metrics.failed + metrics.cancelled
    );
    assert_eq!(metrics.submitted + metrics.refused, (THREADS * EACH) as u64);
    assert!(
        metrics.done > 0 && metrics.failed > 0 && metrics.cancelled > 0,
        "{metrics:?}"
    );
    eventually("all is dropped", || drops.count() == THREADS * EACH);
    assert!(rt.shutdown(std::time::Duration::from_secs(20)).is_clean());
}
