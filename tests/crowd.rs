//! Is the memory of a crowd given back when the crowd has gone, beside one member that stays?
//!
//! A server always has an interval, an idle timeout, a task that waits for shutdown: if those kept
//! what a rush took, each rush would raise the memory for good.

use std::alloc::System;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use laneway::background::Service;
use laneway::observe::Monitor;
use laneway::time::{interval, sleep, sleep_until};
use laneway::{Builder, Priority, Runtime, TaskGroup, block_on, shutdown_begun, yield_now};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CROWD: usize = 50_000;

/// The most that may be left: the queues keep 12 bytes for each of so many tasks. The smallest of
/// the tables took 24 bytes more.
const MOST_LEFT: isize = 30 * CROWD as isize;

/// Asserts that little is left of what `crowd` takes. The first one fills what is kept anyway.
#[track_caller]
fn assert_leaves_little(what: &str, mut crowd: impl FnMut(usize)) {
    crowd(100);
    let region = Region::new(ALLOCATOR);
    crowd(CROWD);
    // Threads may be about to give something back.
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut left = live_bytes(&region);
    while left > MOST_LEFT && Instant::now() < deadline {
        block_on(sleep(Duration::from_millis(1)));
        left = live_bytes(&region);
    }
    assert!(left <= MOST_LEFT, "{what}: {left} bytes are left");
}

fn live_bytes(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed()
}

fn built(builder: Builder) -> Runtime {
    builder.with_high_num(1).with_low_num(1).build().unwrap()
}

/// Sleeps that end at one time, beside an interval.
fn sleepers() {
    let rt = built(Runtime::builder());
    let beat = rt.spawn(
        async {
            let mut beat = interval(Duration::from_millis(1));
            loop {
                beat.tick().await;
            }
        },
        Priority::High,
    );
    assert_leaves_little("sleeps", |count| {
        let at = Instant::now() + Duration::from_secs(1);
        let crowd: Vec<_> = (0..count)
            .map(|_| rt.spawn(sleep_until(at), Priority::Low))
            .collect();
        crowd.into_iter().for_each(|task| rt.block_on(task));
    });
    drop(beat);
}

/// Waits for shutdown that are given up, beside one that goes on.
fn watchers() {
    let rt = built(Runtime::builder());
    rt.spawn(shutdown_begun(), Priority::Low).detach();
    assert_leaves_little("waits for shutdown", |count| {
        let crowd = (0..count).map(|_| rt.spawn(shutdown_begun(), Priority::Low));
        let mut crowd: TaskGroup<()> = crowd.collect();
        rt.block_on(yield_now());
        rt.block_on(crowd.cancel_all());
    });
}

/// A group whose first member stays.
fn members() {
    let rt = built(Runtime::builder());
    let mut group = TaskGroup::new();
    group.spawn_on(&rt, pending::<()>(), Priority::Low);
    assert_leaves_little("members of a group", |count| {
        for _ in 0..count {
            group.spawn_on(&rt, async {}, Priority::Low);
        }
        for _ in 0..count {
            rt.block_on(group.join_next()).unwrap().unwrap();
        }
    });
}

/// Tasks that a monitor knows, beside one that stays.
fn known_tasks() {
    let monitor = Arc::new(Monitor::new());
    let rt = built(Runtime::builder().with_observer(monitor.clone()));
    rt.spawn(pending::<()>(), Priority::Low).detach();
    assert_leaves_little("tasks of a monitor", |count| {
        let crowd = (0..count).map(|_| rt.spawn(pending::<()>(), Priority::Low));
        let mut crowd: TaskGroup<()> = crowd.collect();
        rt.block_on(crowd.cancel_all());
    });
    assert_eq!(monitor.tasks().len(), 1);
}

/// Requests that are in flight at one time, beside one that stays.
fn requests() {
    let rt = built(Runtime::builder());
    let handler = async |_: &(), gate: Receiver<()>| {
        let _closed = gate.recv().await;
    };
    let service = Service::new().in_flight(2 * CROWD);
    let (handle, background) = service.build((), handler);
    rt.spawn(background, Priority::Low).detach();
    let (_never, stays) = async_channel::bounded(1);
    handle.try_call(stays).unwrap().detach();
    assert_leaves_little("requests in flight", |count| {
        let (open, gate) = async_channel::bounded(1);
        let call = |_| handle.try_call(gate.clone()).unwrap();
        let replies: Vec<_> = (0..count).map(call).collect();
        while handle.metrics().in_flight <= count {
            block_on(sleep(Duration::from_millis(1)));
        }
        drop(open);
        for reply in replies {
            block_on(reply).unwrap();
        }
    });
}

// One test, since all of the process's allocations are counted.
#[test]
fn a_crowd_leaves_no_memory_behind() {
    sleepers();
    watchers();
    members();
    known_tasks();
    requests();
}
