//! Does a runtime end whose threads go on with other tasks within a poll?

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, eventually};
use laneway::{Priority, Runtime, block_on, spawn_task};

const LONG: Duration = Duration::from_secs(20);

/// One worker, whose thread has no other to stand in for it.
fn alone() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.with_stand_ins(0).build().unwrap()
}

/// The inner task's poll outlasts the last look that the thread which ends the runtime takes at the
/// queues. Its worker keeps it, in the middle of the outer poll, which waits for it.
#[test]
fn a_task_that_a_poll_within_another_leaves_waiting_is_cut_off() {
    let rt = alone();
    let cut_off = DropCounter::new();
    let token = cut_off.token();
    let bystander = async move {
        let _owned = token;
        pending::<()>().await;
    };
    rt.spawn(bystander, Priority::Low).detach();
    let (begin, begun) = mpsc::channel();
    let (keep, kept) = mpsc::channel::<()>();
    let inner = async move {
        begin.send(()).unwrap();
        eventually("the end has begun", || cut_off.count() == 1);
        // The thread that ends the runtime sleeps by then.
        kept.recv_timeout(Duration::from_millis(50)).unwrap_err();
        pending::<()>().await;
    };
    let (tell, told) = mpsc::channel();
    let outer = async move {
        let inner = block_on(spawn_task!(inner).fallible());
        tell.send(inner.unwrap_err().is_cancelled()).unwrap();
    };
    rt.spawn(outer, Priority::Low).detach();
    begun.recv_timeout(LONG).unwrap();
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        drop(rt);
        end.send(()).unwrap();
    });
    assert_eq!(told.recv_timeout(LONG), Ok(true));
    assert_eq!(ended.recv_timeout(LONG), Ok(()));
    drop(keep);
}

#[test]
fn shutdown_within_a_poll_within_another_waits_for_neither() {
    let rt = Arc::new(alone());
    let gate = Gate::new();
    let wait = gate.wait();
    let outer = rt.spawn(async { block_on(wait) }, Priority::Low);
    gate.eventually_polled(2);
    let (tell, told) = mpsc::channel();
    let inside = rt.clone();
    let inner = async move {
        // As long as the test waits, and a moment more.
        let report = inside.shutdown(2 * LONG);
        tell.send(report.still_running).unwrap();
    };
    rt.spawn(inner, Priority::Low).detach();
    assert_eq!(told.recv_timeout(LONG), Ok(2));
    gate.open();
    common::soon(outer.fallible()).unwrap();
}
