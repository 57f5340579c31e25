//! How many bytes does a task take?
//!
//! One test only: it counts the bytes of the whole process.

use std::alloc::System;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use laneway::{Priority, Runtime, spawn_task};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: usize = 20_000;

/// The part of each task besides its future: seven words.
const BESIDES: f64 = 56.0;

/// The outcome, which lies in the place of the future, may need as much: three words.
const LEAST: f64 = 24.0;

/// The runtime's own allocations in the meantime, divided among the tasks, are less than a byte.
const MORE: f64 = 1.0;

#[test]
fn a_task_takes_seven_words_besides_its_future_and_eighteen_bytes_where_it_waits() {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.build().unwrap();
    let empty = allocated_on(&rt, || async {});
    assert!(empty < BESIDES + LEAST + MORE, "{empty} for an empty task");
    let number = allocated_on(&rt, || async { 7_u64 });
    assert!(number < BESIDES + LEAST + MORE, "{number} for a `u64`");
    let words = allocated_on(&rt, || {
        let words = [&1_usize; 8];
        poll_fn(move |_| Poll::Ready(*words[0]))
    });
    assert!(words < BESIDES + 64.0 + MORE, "{words} for eight words");
    let waiting = rt.block_on(rt.spawn(held_while_waiting(), Priority::Low));
    let at_most = BESIDES + LEAST + 18.0 + MORE;
    assert!(waiting < at_most, "{waiting} for a task that waits");
}

/// The bytes allocated for each of many tasks that a task spawns and awaits one after another.
fn allocated_on<F>(rt: &Runtime, make: impl Fn() -> F + Send + 'static) -> f64
where
    F: Future<Output: Send> + Send + 'static,
{
    let spawns = async move {
        // A first one, so that what this task needs once is not counted.
        spawn_task!(make()).await;
        let region = Region::new(ALLOCATOR);
        for _ in 0..TASKS {
            spawn_task!(make()).await;
        }
        region.change().bytes_allocated as f64 / TASKS as f64
    };
    rt.block_on(rt.spawn(spawns, Priority::Low))
}

/// The bytes that each of many tasks holds which have been polled once and wait.
async fn held_while_waiting() -> f64 {
    let polled = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(TASKS);
    let region = Region::new(ALLOCATOR);
    while tasks.len() < TASKS {
        let polled_too = polled.clone();
        tasks.push(spawn_task!(poll_fn(move |_| {
            polled_too.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        })));
        // One at a time, so that the queues stay as they are.
        while polled.load(Ordering::Relaxed) < tasks.len() {
            futures_lite::future::yield_now().await;
        }
    }
    let change = region.change();
    (change.bytes_allocated - change.bytes_deallocated) as f64 / TASKS as f64
}
