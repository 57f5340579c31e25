//! What becomes of a task queue at the end of its runtime, of its handles, and outside of any
//! runtime?

mod common;

use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, eventually, soon};
use laneway::background::{SubmitError, TakeError, TaskQueue, Work, WorkStatus};
use laneway::{QueueId, Runtime};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

#[test]
fn shutdown_carries_out_what_is_queued_and_refuses_the_rest() {
    let rt = runtime();
    let queue = TaskQueue::bounded(8).workers(1).on(&rt.handle());
    let gate = Gate::new();
    let opens = gate.clone();
    let first = Work::future(async move |_| {
        opens.wait().await;
        1
    });
    let rest = [Work::sync(|_| 2), Work::future(async |_| 3)];
    let first = queue.submit(first).unwrap();
    let rest = rest.map(|work| queue.submit(work).unwrap());
    gate.eventually_polled(1);
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| rt.shutdown(LONG));
        eventually("it shuts down", || rt.handle().is_shut_down());
        let refused = queue.submit(Work::sync(|_| 4)).unwrap_err();
        assert!(matches!(refused, SubmitError::ShutDown(_)), "{refused:?}");
        assert_eq!(queue.status(rest[1]), WorkStatus::Queued { ahead: 1 });
        gate.open();
        let report = shutdown.join().unwrap();
        assert!(report.is_clean(), "{report:?}");
    });
    // Results outlive the runtime.
    assert_eq!(
        [first, rest[0], rest[1]].map(|id| queue.take(id)),
        [Ok(1), Ok(2), Ok(3)]
    );
    assert_eq!(queue.metrics().submitted, 3);
}

#[test]
fn the_deadline_cancels_what_runs_and_what_is_queued_and_the_report_names_it() {
    let rt = runtime();
    let queue = TaskQueue::bounded(8).workers(2).on(&rt.handle());
    let drops = DropCounter::new();
    let (token, waiting) = (drops.token(), drops.token());
    let ((begin, begun), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
    let future = Work::future(async move |_| {
        let _held = &token;
        pending().await
    });
    let closure = Work::sync(move |context| {
        begin.send(context).unwrap();
        released.recv().unwrap_err();
    });
    let queued = Work::sync(move |_| drop(waiting));
    let works = [
        future.named("future"),
        closure.named("closure"),
        queued.named("queued"),
    ];
    let ids = works.map(|work| queue.submit(work).unwrap());
    let waits = queue.wait(ids[2]);
    let context = begun.recv().unwrap();
    eventually("both run", || queue.metrics().running == 2);
    let report = common::cut_off(&rt);
    assert_eq!(report.cut_off, 3);
    let tasks = format!("{:?}", report.cut_off_tasks);
    assert!(
        ["future", "closure", "queued"]
            .iter()
            .all(|name| tasks.contains(name)),
        "{tasks}"
    );
    assert_eq!(soon(waits), WorkStatus::Cancelled);
    assert_eq!(
        ids.map(|id| queue.status(id)),
        [(); 3].map(|_| WorkStatus::Cancelled)
    );
    assert_eq!(drops.count(), 2);
    assert!(context.is_cancelled());
    assert_eq!(queue.metrics().lingering, 1);
    drop(release);
    eventually("the closure returns", || queue.metrics().lingering == 0);
    assert_eq!(queue.take(ids[1]), Err(TakeError::Cancelled));
}

#[test]
fn the_place_of_work_that_is_cut_off_is_not_for_the_next() {
    for _ in 0..300 {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(2)
            .build()
            .unwrap();
        let queue = TaskQueue::bounded(8).on(&rt.handle());
        queue
            .submit(Work::future(async |_| pending().await))
            .unwrap();
        let next = [1, 2, 3, 4].map(|_| queue.submit(Work::sync(|_| ())).unwrap());
        eventually("the first runs", || queue.metrics().running == 1);
        common::cut_off(&rt);
        assert_eq!(queue.metrics().begun, 1);
        assert_eq!(
            next.map(|id| queue.status(id)),
            [(); 4].map(|_| WorkStatus::Cancelled)
        );
    }
}

#[test]
fn a_runtime_that_is_dropped_cancels_all_work() {
    let rt = runtime();
    let queue = TaskQueue::bounded(8).workers(1).on(&rt.handle());
    let stuck = || Work::future(async |_| pending::<()>().await);
    let ids = [1, 2, 3].map(|_| queue.submit(stuck()).unwrap());
    drop(rt);
    assert_eq!(
        ids.map(|id| soon(queue.wait(id))),
        [(); 3].map(|_| WorkStatus::Cancelled)
    );
    assert!(matches!(
        queue.submit(stuck()),
        Err(SubmitError::ShutDown(_))
    ));
    assert_eq!(queue.metrics().cancelled, 3);
}

#[test]
fn a_queue_that_is_dropped_carries_out_what_it_holds() {
    let rt = runtime();
    let queue = TaskQueue::bounded(8).workers(1).on(&rt.handle());
    let (sender, ran) = mpsc::channel();
    let drops = DropCounter::new();
    let works = [1, 2, 3].map(|n| {
        let (sender, token) = (sender.clone(), drops.token());
        Work::sync(move |_| {
            sender.send(n).unwrap();
            token
        })
    });
    for work in works {
        queue.submit(work).unwrap();
    }
    drop((queue, sender));
    assert!(ran.iter().eq([1, 2, 3]));
    eventually("the results are dropped", || drops.count() == 3);
    assert!(rt.shutdown(LONG).is_clean());
}

#[test]
fn a_queue_belongs_to_the_runtime_on_which_work_is_first_submitted() {
    let (first, second) = (runtime(), runtime());
    let queue = TaskQueue::bounded(8);
    for rt in [&first, &second] {
        let inner = queue.clone();
        rt.block_on(async move {
            let id = inner.submit(Work::future(async |_| 1)).unwrap();
            assert_eq!(inner.wait(id).await, WorkStatus::Done);
        });
    }
    let spawned = |rt: &Runtime| rt.metrics().queues[QueueId::LOW.index()].spawned;
    assert_eq!([spawned(&first), spawned(&second)], [2, 0]);
}

#[test]
fn outside_of_any_runtime_it_belongs_to_the_process_wide_one() {
    let queue = TaskQueue::bounded(8);
    let id = queue
        .submit(Work::sync(|_| laneway::Handle::try_current().is_some()))
        .unwrap();
    assert_eq!(soon(queue.wait(id)), WorkStatus::Done);
    assert_eq!(queue.take(id), Ok(true));
    let global = Runtime::global().metrics();
    assert!(global.queues[QueueId::LOW.index()].spawned >= 1);
}

#[test]
#[should_panic = "a task queue stays on the runtime that it has"]
fn a_queue_does_not_move_to_another_runtime() {
    let rt = runtime();
    let _queue = TaskQueue::<()>::bounded(8)
        .on(&rt.handle())
        .on(&rt.handle());
}

#[test]
#[should_panic = "a task queue needs one worker at least"]
fn no_workers_are_refused() {
    let _queue = TaskQueue::<()>::bounded(8).workers(0);
}
