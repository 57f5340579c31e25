//! Does the work of a task queue begin in its order, end as it should, and keep its result?
//!
//! In simulated time, under many schedules.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::background::{
    Cancelling, Progress, SubmitError, TakeError, TaskQueue, TaskQueueMetrics, Work, WorkId,
    WorkStatus,
};
use laneway::sim::explore;
use laneway::time::{now, sleep};
use laneway::yield_now;

const MS: Duration = Duration::from_millis(1);
const SEEDS: usize = 200;

/// Runs a test under many schedules.
#[track_caller]
fn always<F>(test: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    explore(SEEDS as u64, test).unwrap();
}

/// Work that takes so long, and gives its argument.
fn takes(time: Duration, gives: u32) -> Work<u32> {
    Work::future(async move |_| {
        sleep(time).await;
        gives
    })
}

fn stuck() -> Work<u32> {
    Work::future(async |_| pending().await)
}

fn failed(message: &str) -> WorkStatus {
    let message = message.into();
    WorkStatus::Failed { message }
}

fn queued(ahead: usize) -> WorkStatus {
    WorkStatus::Queued { ahead }
}

#[track_caller]
fn assert_runs(queue: &TaskQueue<u32>, id: WorkId) {
    let status = queue.status(id);
    assert!(matches!(status, WorkStatus::Running { .. }), "{status:?}");
}

/// The work of which the queue speaks in its metrics: queued, running, lingering.
fn at_work(metrics: TaskQueueMetrics) -> [usize; 3] {
    [metrics.queued, metrics.running, metrics.lingering]
}

#[test]
fn the_bound_is_of_those_that_wait_and_a_full_queue_gives_the_work_back() {
    always(|| async {
        let queue = TaskQueue::bounded(2).workers(1);
        let ids = [1, 2, 3].map(|n| queue.submit(takes(MS, n)).unwrap());
        let SubmitError::Full(given_back) = queue.submit(takes(MS, 4).named("four")).unwrap_err()
        else {
            panic!("it is full");
        };
        queue.wait(ids[0]).await;
        let id = queue.submit(given_back).unwrap();
        assert_eq!(queue.wait(id).await, WorkStatus::Done);
        assert_eq!(queue.take(id), Ok(4));
        let metrics = queue.metrics();
        assert_eq!((metrics.submitted, metrics.refused), (4, 1));
        assert_eq!(queue.list(1)[0].name, None, "the fourth was taken");
    });
}

#[test]
fn with_a_bound_of_none_work_is_taken_only_if_it_can_begin() {
    always(|| async {
        let queue = TaskQueue::bounded(0).workers(2);
        let ids = [1, 2].map(|n| queue.submit(takes(MS, n)).unwrap());
        assert!(queue.submit(takes(MS, 3)).is_err());
        for id in ids {
            queue.wait(id).await;
        }
        queue.submit(takes(MS, 3)).unwrap();
    });
}

#[test]
fn one_worker_takes_the_work_in_its_order_and_never_two_at_once() {
    always(|| async {
        let queue = TaskQueue::bounded(8);
        let order = Arc::new(Mutex::new(Vec::new()));
        let ids = [0, 1, 2, 3, 4].map(|n| {
            let order = order.clone();
            let note = async move |_| {
                order.lock().unwrap().push((n, "begins"));
                yield_now().await;
                order.lock().unwrap().push((n, "ends"));
            };
            let work = match n % 2 {
                0 => Work::future(note),
                _ => Work::sync(move |context| laneway::block_on(note(context))),
            };
            queue.submit(work).unwrap()
        });
        for id in ids {
            assert_eq!(queue.wait(id).await, WorkStatus::Done);
        }
        let expected = (0..5).flat_map(|n| [(n, "begins"), (n, "ends")]);
        assert!(order.lock().unwrap().iter().copied().eq(expected));
    });
}

#[test]
fn as_much_runs_at_once_as_there_are_workers() {
    always(|| async {
        let queue = TaskQueue::bounded(20).workers(3);
        let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let ids: Vec<WorkId> = (0..12)
            .map(|_| {
                let (running, peak) = (running.clone(), peak.clone());
                let counts = async move |_| {
                    let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                    peak.fetch_max(now, Ordering::Relaxed);
                    sleep(MS).await;
                    running.fetch_sub(1, Ordering::Relaxed);
                };
                queue.submit(Work::future(counts)).unwrap()
            })
            .collect();
        let started = now();
        for id in ids {
            queue.wait(id).await;
        }
        assert_eq!(peak.load(Ordering::Relaxed), 3);
        assert_eq!(now() - started, 4 * MS);
    });
}

#[test]
fn those_ahead_are_counted_exactly() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let ids = [1, 2, 3, 4].map(|n| queue.submit(takes(2 * MS, n)).unwrap());
        // Before any has begun.
        assert_eq!(ids.map(|id| queue.status(id)), [0, 1, 2, 3].map(queued));
        sleep(MS).await;
        assert_runs(&queue, ids[0]);
        assert_eq!(queue.status(ids[3]), queued(2));
        queue.cancel(ids[1]);
        assert_eq!(queue.status(ids[2]), queued(0));
        assert_eq!(queue.status(ids[3]), queued(1));
        let listed = queue.list(10).into_iter().map(|work| work.status);
        let listed: Vec<WorkStatus> = listed.collect();
        assert_eq!(listed[..3], [queued(1), queued(0), WorkStatus::Cancelled]);
        assert_eq!(listed[3], queue.status(ids[0]));
        queue.wait(ids[0]).await;
        queue.wait(ids[2]).await;
        assert_eq!(queue.wait(ids[3]).await, WorkStatus::Done);
    });
}

#[test]
fn a_list_is_bounded_and_begins_with_the_newest() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(2);
        for name in ["a", "b", "c"] {
            queue.submit(takes(MS, 1).named(name)).unwrap();
        }
        let id = queue.submit(takes(MS, 2)).unwrap();
        let names = |at_most| {
            let lines = queue.list(at_most).into_iter();
            let names = lines.map(|line| line.name.as_deref().unwrap_or("none").to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(0), Vec::<String>::new());
        assert_eq!(names(2), ["none", "c"]);
        assert_eq!(names(100), ["none", "c", "b", "a"]);
        assert_eq!(queue.list(1)[0].id, id);
    });
}

#[test]
fn running_work_tells_since_when_and_how_far_it_is() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let first = queue.submit(takes(5 * MS, 1)).unwrap();
        let reports = Work::future(async |context| {
            sleep(2 * MS).await;
            context.report(0.25, "a quarter");
            sleep(2 * MS).await;
            context.report(f64::NAN, "no number");
            sleep(2 * MS).await;
            context.report(7.0, "more than all");
            sleep(2 * MS).await;
            context.id().to_string().parse().unwrap()
        });
        let started = now();
        let id = queue.submit(reports).unwrap();
        queue.wait(first).await;
        let mut seen = Vec::new();
        sleep(MS).await;
        for _ in 0..4 {
            match queue.status(id) {
                WorkStatus::Running { since, progress } => {
                    assert_eq!(since - started, 5 * MS);
                    seen.push((progress.fraction, progress.text.to_string()));
                }
                status => panic!("{status:?}"),
            }
            sleep(2 * MS).await;
        }
        let told = [
            (0.0, ""),
            (0.25, "a quarter"),
            (0.0, "no number"),
            (1.0, "more than all"),
        ];
        assert!(
            seen.iter().map(|(n, text)| (*n, &**text)).eq(told),
            "{seen:?}"
        );
        assert_eq!(Progress::default().fraction, 0.0);
        assert_eq!(queue.take(id).unwrap().to_string(), id.to_string());
    });
}

#[test]
fn a_panic_and_an_error_are_failures_with_their_messages() {
    always(|| async {
        let queue: TaskQueue<u32> = TaskQueue::bounded(8).workers(2);
        let message = |kind: &str| format!("no luck with the {kind}");
        let all = [
            Work::sync(move |_| panic!("{}", message("closure"))),
            Work::future(async move |_| panic!("{}", message("future"))),
            Work::future(move |_| match message("maker") {
                message if message.is_empty() => pending(),
                message => panic!("{message}"),
            }),
            Work::try_sync(move |_| Err(message("closed result"))),
            Work::try_future(async move |_| Err(message("future result"))),
        ];
        let ids = all.map(|work| queue.submit(work).unwrap());
        let kinds = [
            "closure",
            "future",
            "maker",
            "closed result",
            "future result",
        ];
        for (id, kind) in ids.into_iter().zip(kinds) {
            let message = message(kind);
            assert_eq!(queue.wait(id).await, failed(&message));
            let message = message.into();
            assert_eq!(queue.take(id), Err(TakeError::Failed { message }));
            assert_eq!(queue.take(id), Err(TakeError::Unknown));
        }
        let metrics = queue.metrics();
        assert_eq!((metrics.failed, metrics.timed_out), (5, 0));
        // The places are free again.
        let id = queue.submit(takes(MS, 6)).unwrap();
        assert_eq!(queue.wait(id).await, WorkStatus::Done);
    });
}

#[test]
fn a_destructor_that_panics_fails_its_work_and_no_other() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    always(|| async {
        let queue: TaskQueue<u32> = TaskQueue::bounded(8).workers(1);
        let (one, other) = (Bomb, Bomb);
        let future = Work::future(async move |_| {
            let _held = &one;
            1
        });
        let closure = Work::sync(move |_| {
            let _held = &other;
            1
        });
        for work in [future, closure] {
            let id = queue.submit(work).unwrap();
            assert_eq!(queue.wait(id).await, failed("dropped"));
        }
        let id = queue.submit(takes(MS, 1)).unwrap();
        assert_eq!(queue.wait(id).await, WorkStatus::Done);
    });
}

#[test]
fn results_whose_destructors_panic_go_with_their_queue() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("dropped");
        }
    }
    always(|| async {
        let drops = Arc::new(AtomicUsize::new(0));
        let queue = TaskQueue::bounded(8);
        for _ in 0..3 {
            let counts = drops.clone();
            let submitted = queue.submit(Work::sync(move |_| Bomb(counts)));
            let id = submitted.expect("there is room");
            assert_eq!(queue.wait(id).await, WorkStatus::Done);
        }
        drop(queue);
        while drops.load(Ordering::SeqCst) < 3 {
            sleep(MS).await;
        }
    });
}

#[test]
fn work_that_takes_too_long_fails_and_its_time_runs_from_its_beginning() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let first = queue.submit(takes(10 * MS, 1)).unwrap();
        let in_time = queue.submit(takes(2 * MS, 2).timeout(3 * MS)).unwrap();
        let late = queue.submit(takes(5 * MS, 3).timeout(3 * MS)).unwrap();
        let started = now();
        assert_eq!(queue.wait(first).await, WorkStatus::Done);
        assert_eq!(queue.wait(in_time).await, WorkStatus::Done);
        assert_eq!(queue.wait(late).await, failed("it ran for more than 3ms"));
        assert_eq!(now() - started, 15 * MS);
        sleep(MS).await;
        let metrics = queue.metrics();
        assert_eq!((metrics.failed, metrics.timed_out), (1, 1));
        assert_eq!(at_work(metrics), [0, 0, 0]);
    });
}

#[test]
fn a_closure_that_takes_too_long_learns_it_and_keeps_its_place_until_it_returns() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let learned = Arc::new(Mutex::new(None));
        let told = learned.clone();
        let long = Work::sync(move |context| {
            laneway::block_on(sleep(6 * MS));
            *told.lock().unwrap() = Some(context.is_cancelled());
            1
        });
        let long = queue.submit(long.timeout(3 * MS)).unwrap();
        let next = queue.submit(takes(MS, 2)).unwrap();
        let started = now();
        assert_eq!(queue.wait(long).await, failed("it ran for more than 3ms"));
        assert_eq!(now() - started, 3 * MS);
        assert_eq!(at_work(queue.metrics()), [1, 0, 1]);
        assert_eq!(queue.wait(next).await, WorkStatus::Done);
        assert_eq!(now() - started, 7 * MS);
        assert_eq!(*learned.lock().unwrap(), Some(true));
        assert_eq!(
            queue.status(long),
            failed("it ran for more than 3ms"),
            "it stays"
        );
        assert_eq!(at_work(queue.metrics()), [0, 0, 0]);
    });
}

#[test]
fn results_are_kept_until_they_are_taken_or_for_their_time() {
    always(|| async {
        let queue = TaskQueue::bounded(8).keep_for(10 * MS);
        let held = Arc::new(());
        let holds = held.clone();
        let id = queue.submit(Work::future(async move |_| holds)).unwrap();
        queue.wait(id).await;
        sleep(9 * MS).await;
        assert_eq!(queue.status(id), WorkStatus::Done);
        assert_eq!(Arc::strong_count(&held), 2);
        sleep(MS).await;
        assert_eq!(queue.metrics().kept, 0);
        assert_eq!(Arc::strong_count(&held), 1, "the result is dropped");
        assert_eq!(queue.status(id), WorkStatus::Unknown);
        assert_eq!(queue.take(id), Err(TakeError::Unknown));
        assert_eq!(queue.wait(id).await, WorkStatus::Unknown);
        assert_eq!(queue.metrics().expired, 1);
    });
}

#[test]
fn as_many_results_are_kept_as_may_be_and_the_oldest_go_first() {
    always(|| async {
        let queue = TaskQueue::bounded(8).keep_at_most(2);
        let ids = [1, 2, 3, 4].map(|n| queue.submit(takes(MS, n)).unwrap());
        sleep(10 * MS).await;
        let states = ids.map(|id| queue.status(id).to_string());
        assert_eq!(states, ["unknown", "unknown", "done", "done"]);
        let metrics = queue.metrics();
        assert_eq!((metrics.kept, metrics.expired, metrics.done), (2, 2, 4));
        assert_eq!(queue.take(ids[2]), Ok(3));
        // What was taken makes room.
        let fifth = queue.submit(takes(MS, 5)).unwrap();
        queue.wait(fifth).await;
        assert_eq!(queue.take(ids[3]), Ok(4));
        assert_eq!(queue.take(fifth), Ok(5));
        assert_eq!(queue.metrics().expired, 2);
    });
}

#[test]
fn each_waiter_learns_the_end_though_no_result_is_kept() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(2).keep_at_most(0);
        let ids = [1, 2, 3].map(|n| queue.submit(takes(MS, n)).unwrap());
        let waits = ids
            .into_iter()
            .flat_map(|id| [queue.wait(id), queue.wait(id)]);
        let waits: Vec<_> = waits.map(|wait| laneway::spawn_task!(wait)).collect();
        for wait in waits {
            assert_eq!(wait.await, WorkStatus::Done);
        }
        assert_eq!(queue.metrics().kept, 0);
        assert_eq!(queue.take(ids[0]), Err(TakeError::Unknown));
    });
}

#[test]
fn a_wait_that_is_given_up_keeps_nothing() {
    always(|| async {
        let queue = TaskQueue::bounded(8).keep_at_most(0);
        let id = queue.submit(takes(5 * MS, 1)).unwrap();
        let given_up = laneway::time::timeout(MS, queue.wait(id)).await;
        assert!(given_up.is_err());
        sleep(10 * MS).await;
        assert_eq!(queue.metrics().kept, 0);
        assert_eq!(queue.metrics().expired, 1);
    });
}

#[test]
fn what_has_not_ended_cannot_be_taken() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let ids = [1, 2].map(|n| queue.submit(takes(2 * MS, n)).unwrap());
        sleep(MS).await;
        assert_eq!(
            ids.map(|id| queue.take(id)),
            [(); 2].map(|_| Err(TakeError::NotOver))
        );
        for id in ids {
            queue.wait(id).await;
        }
        assert_eq!(ids.map(|id| queue.take(id)), [Ok(1), Ok(2)]);
    });
}

#[test]
fn numbers_that_were_never_given_are_unknown() {
    let queue: TaskQueue<u32> = TaskQueue::bounded(8);
    let id: WorkId = "7".parse().unwrap();
    assert_eq!(queue.status(id), WorkStatus::Unknown);
    assert_eq!(queue.take(id), Err(TakeError::Unknown));
    assert_eq!(queue.cancel(id), Cancelling::Unknown);
    assert_eq!(laneway::block_on(queue.wait(id)), WorkStatus::Unknown);
    assert_eq!(
        laneway::block_on(queue.wait(id).raising()),
        WorkStatus::Unknown
    );
    assert!(queue.list(9).is_empty());
}

#[test]
fn work_submits_work_to_its_own_queue() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let inner = queue.clone();
        let outer = Work::sync(move |_| {
            let follows = queue_up(&inner, 2);
            assert_eq!(inner.status(follows), queued(0), "its own place is taken");
            follows.to_string().parse().unwrap()
        });
        let id = queue.submit(outer).unwrap();
        queue.wait(id).await;
        let follows: WorkId = queue.take(id).unwrap().to_string().parse().unwrap();
        assert_eq!(queue.wait(follows).await, WorkStatus::Done);
        assert_eq!(queue.take(follows), Ok(2));
    });
}

fn queue_up(queue: &TaskQueue<u32>, n: u32) -> WorkId {
    queue.submit(takes(MS, n)).unwrap()
}

#[test]
fn more_workers_begin_more_work_at_once() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        let ids = [1, 2, 3].map(|_| queue.submit(stuck()).unwrap());
        sleep(MS).await;
        assert_eq!(at_work(queue.metrics()), [2, 1, 0]);
        let queue = queue.workers(3);
        sleep(MS).await;
        assert_eq!(at_work(queue.metrics()), [0, 3, 0]);
        let queue = queue.workers(1);
        assert_eq!(queue.cancel(ids[0]), Cancelling::Stops);
        let last = queue.submit(takes(MS, 4)).unwrap();
        sleep(MS).await;
        assert_eq!(queue.status(last), queued(0), "two run where one may");
        queue.cancel(ids[1]);
        queue.cancel(ids[2]);
        assert_eq!(queue.wait(last).await, WorkStatus::Done);
    });
}

#[test]
fn waits_and_runs_are_measured() {
    always(|| async {
        let queue = TaskQueue::bounded(8).workers(1);
        for n in [1, 2, 3] {
            queue.submit(takes(4 * MS, n)).unwrap();
        }
        sleep(20 * MS).await;
        let metrics = queue.metrics();
        assert_eq!((metrics.begun, metrics.done), (3, 3));
        assert_eq!(metrics.waited, 12 * MS);
        assert_eq!(metrics.longest_wait, 8 * MS);
        assert_eq!(metrics.ran, 12 * MS);
    });
}
