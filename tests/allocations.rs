//! How often does the runtime ask for memory?
//!
//! One test only: it counts the allocations of the whole process.

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use laneway::{Priority, Runtime, spawn_task};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: usize = 10_000;

/// The queues' own memory grows and shrinks by doubling and halving, a few times.
const FEW: usize = TASKS / 50;

/// When many tasks are taken from a channel at once, 16 at least, its memory goes with them, and is
/// allocated anew in three steps or more.
const A_FEW_FOR_EACH_BATCH: usize = TASKS / 4;

/// A way to spawn and run tasks: its name, what does it and counts, and how many allocations there
/// may be besides those of the tasks.
type Way = (&'static str, fn(&Runtime) -> usize, usize);

#[test]
fn a_task_takes_one_allocation_from_its_spawn_to_its_end() {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.build().unwrap();
    // Queues grow to their size the first time.
    for _ in 0..3 {
        one_after_another(&rt);
        all_at_once(&rt);
        from_outside(&rt);
    }
    let ways: [Way; 3] = [
        (
            "spawned and awaited one after another",
            one_after_another,
            FEW,
        ),
        ("spawned at once by a task", all_at_once, FEW),
        ("spawned from outside", from_outside, A_FEW_FOR_EACH_BATCH),
    ];
    for (way, count, more) in ways {
        let allocations = count(&rt);
        let allowed = TASKS..TASKS + more;
        assert!(
            allowed.contains(&allocations),
            "{allocations} allocations for {TASKS} tasks {way}"
        );
    }
}

/// Counts the allocations while a task spawns and awaits others.
fn one_after_another(rt: &Runtime) -> usize {
    laneway::block_on(rt.spawn(
        async {
            // A first one, so that what this task needs once is not counted.
            spawn_task!(async { [0_u8; 500] }).await;
            let region = Region::new(ALLOCATOR);
            for _ in 0..TASKS {
                spawn_task!(async { [0_u8; 500] }).await;
            }
            allocations(&region)
        },
        Priority::Low,
    ))
}

/// Counts the allocations while tasks run that a task has spawned before.
fn all_at_once(rt: &Runtime) -> usize {
    laneway::block_on(rt.spawn(
        async {
            let ran = Arc::new(AtomicUsize::new(0));
            let region = Region::new(ALLOCATOR);
            for _ in 0..TASKS {
                let ran = ran.clone();
                spawn_task!(async move { ran.fetch_add(1, Ordering::SeqCst) }).detach();
            }
            while ran.load(Ordering::SeqCst) < TASKS {
                yield_now().await;
            }
            allocations(&region)
        },
        Priority::Low,
    ))
}

/// Counts the allocations while tasks run that this thread spawns.
fn from_outside(rt: &Runtime) -> usize {
    let ran = Arc::new(AtomicUsize::new(0));
    let region = Region::new(ALLOCATOR);
    for _ in 0..TASKS {
        let ran = ran.clone();
        let task = async move { ran.fetch_add(1, Ordering::SeqCst) };
        rt.spawn(task, Priority::Low).detach();
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while ran.load(Ordering::SeqCst) < TASKS {
        assert!(Instant::now() < deadline, "not all tasks ran");
        thread::yield_now();
    }
    allocations(&region)
}

fn allocations(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}

async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
