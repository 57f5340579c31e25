//! Does `abort` end a task wherever it is, and leave alone one that has ended?

mod common;

use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually, soon};
use laneway::{Priority, Runtime, spawn_task, yield_now};

fn single() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

#[test]
fn a_task_that_waits_is_aborted() {
    let rt = single();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low).fallible();
    gate.eventually_polled(1);
    task.abort();
    let error = soon(task).unwrap_err();
    assert!(error.is_cancelled());
    assert!(
        error.to_string().ends_with(" was cancelled by `abort`"),
        "{error}"
    );
    assert_eq!(gate.drops(), 1);
    let low = &rt.metrics().queues[1];
    assert_eq!((low.spawned, low.cancelled), (1, 1));
}

#[test]
fn a_task_that_is_queued_is_never_polled() {
    let rt = single();
    let (release, released) = mpsc::channel::<()>();
    let busy = rt.spawn(async move { released.recv().unwrap() }, Priority::Low);
    let drops = DropCounter::new();
    let token = drops.token();
    let task = rt.spawn(
        async move {
            let _token = token;
            panic!("it was polled");
        },
        Priority::Low,
    );
    let task = task.fallible();
    task.abort();
    assert!(!task.is_finished(), "abort does not wait");
    release.send(()).unwrap();
    let error = soon(task).unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(drops.count(), 1);
    rt.block_on(busy);
}

#[test]
fn a_task_in_the_middle_of_its_first_poll_ends_after_it() {
    let rt = single();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let task = rt.spawn(
        async move {
            begin.send(()).unwrap();
            released.recv().unwrap();
            // Nothing else ever wakes it.
            pending::<()>().await;
        },
        Priority::Low,
    );
    let task = task.fallible();
    begun.recv().unwrap();
    task.abort();
    release.send(()).unwrap();
    assert!(soon(task).unwrap_err().is_cancelled());
}

#[test]
fn a_task_in_its_last_poll_completes() {
    let rt = single();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let task = rt.spawn(
        async move {
            begin.send(()).unwrap();
            released.recv().unwrap();
            5
        },
        Priority::Low,
    );
    let task = task.fallible();
    begun.recv().unwrap();
    task.abort();
    release.send(()).unwrap();
    assert_eq!(soon(task).unwrap(), 5);
}

#[test]
fn a_task_that_never_rests_is_aborted() {
    let rt = single();
    let task = rt.spawn(
        async {
            loop {
                yield_now().await;
            }
        },
        Priority::Low,
    );
    let task = task.fallible();
    eventually("it runs", || rt.metrics().queues[1].polls > 10);
    task.abort();
    let ended = soon(task);
    assert!(ended.unwrap_err().is_cancelled());
}

#[test]
fn a_task_that_has_ended_is_left_alone() {
    let rt = single();
    let task = rt.spawn(async { 7 }, Priority::Low).fallible();
    let abort = task.abort_handle();
    eventually("it ends", || task.is_finished());
    task.abort();
    abort.abort();
    assert_eq!(soon(task).unwrap(), 7);
    abort.abort();
}

#[test]
fn a_handle_aborts_a_detached_task_from_any_thread() {
    let rt = single();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    let abort = task.abort_handle();
    let id = task.id();
    task.detach();
    gate.eventually_polled(1);
    assert_eq!(abort.id(), id);
    let other = abort.clone();
    thread::spawn(move || other.abort()).join().unwrap();
    eventually("the future is dropped", || gate.drops() == 1);
    abort.abort();
}

#[test]
fn a_handle_aborts_a_task_in_its_first_poll_and_one_in_a_queue() {
    let rt = single();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let first = rt.spawn(
        async move {
            begin.send(()).unwrap();
            released.recv().unwrap();
            pending::<()>().await;
        },
        Priority::Low,
    );
    let queued = rt.spawn(async { panic!("it was polled") }, Priority::Low);
    begun.recv().unwrap();
    first.abort_handle().abort();
    queued.abort_handle().abort();
    release.send(()).unwrap();
    assert!(soon(first.fallible()).unwrap_err().is_cancelled());
    let queued = soon(queued.fallible());
    assert!(queued.unwrap_err().is_cancelled());
}

#[test]
fn an_abort_after_the_end_of_the_runtime_does_nothing() {
    let rt = single();
    let task = rt.spawn(pending::<()>(), Priority::Low);
    let abort = task.abort_handle();
    cut_off(&rt);
    drop(rt);
    task.abort();
    abort.abort();
    assert!(task.is_finished());
}

#[test]
fn aborts_meet_wake_ups_and_ends() {
    let rt = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = rt.build().unwrap();
    let drops = DropCounter::new();
    const TASKS: usize = 2000;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..TASKS / 2 {
                    let token = drops.token();
                    let task = rt.spawn(
                        async move {
                            let _token = token;
                            for _ in 0..round % 5 {
                                yield_now().await;
                            }
                        },
                        Priority::Low,
                    );
                    let (abort, task) = (task.abort_handle(), task.fallible());
                    match round % 3 {
                        0 => abort.abort(),
                        1 => task.abort(),
                        _ => {}
                    }
                    if let Err(error) = soon(task) {
                        assert!(error.is_cancelled(), "{error}");
                    }
                }
            });
        }
    });
    assert_eq!(drops.count(), TASKS);
    let low = &rt.metrics().queues[1];
    assert_eq!(low.completed + low.cancelled, TASKS as u64);
    assert!(rt.shutdown(Duration::from_secs(20)).is_clean());
}

#[test]
fn a_task_aborts_itself_through_its_handle() {
    let rt = single();
    let (give, given) = mpsc::channel::<laneway::AbortHandle>();
    let task = rt.spawn(
        async move {
            let own = given.recv().unwrap();
            own.abort();
            pending::<()>().await;
        },
        Priority::Low,
    );
    give.send(task.abort_handle()).unwrap();
    assert!(soon(task.fallible()).unwrap_err().is_cancelled());
    laneway::block_on(spawn_task!(async {}));
}
