//! Does a pipeline give back all that it took, tick by tick and at its end?

use std::alloc::System;
use std::panic::resume_unwind;

use laneway::pipeline::{Overflow, Period, Pipeline, Shared};
use laneway::{Priority, Runtime, block_on};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A chain of two pipelines at full speed, with stages that work, fail and panic.
fn run_chain(rt: &Runtime, ticks: usize) {
    let numbers = Shared::new(0_i64);
    let (first, sums) = Pipeline::builder(numbers.clone())
        .stage_fn("works", |number: &i64, _window| Ok(*number))
        .stage_fn("fails", |_, window| Err(format!("not for {window}").into()))
        .stage_fn("panics", |_, _window| resume_unwind(Box::new("always")))
        .every(Period::Micros(1))
        .build()
        .unwrap();
    let last = Shared::new(None);
    let (second, lasts) = Pipeline::builder(last.clone())
        .stage_fn("last", |last: &Option<i64>, _window| Ok(*last))
        .every(Period::Micros(1))
        .overflow(Overflow::DropOldest)
        .build()
        .unwrap();
    let feed = sums.feed(last, |last, data_set| {
        *last = data_set.output("works").copied();
    });
    let feeding = rt.spawn(feed, Priority::Low);
    let (first, second) = (first.start(rt), second.start(rt));
    for _ in 0..ticks {
        numbers.update(|number| *number += 1);
        lasts.recv().unwrap();
    }
    block_on(first.shutdown());
    block_on(feeding);
    block_on(second.shutdown());
}

/// How many more allocations are live than at the beginning of the region.
fn live(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.allocations.cast_signed() - change.deallocations.cast_signed()
}

/// How many bytes more are live than at the beginning of the region.
fn live_bytes(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed()
}

/// The handles of a pipeline that has ended, for as long as they are held.
fn ended(rt: &Runtime) -> impl Sized {
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("nothing", |(), _window| Ok(()))
        .every(Period::Millis(1))
        .build()
        .unwrap();
    let running = pipeline.start(rt);
    outputs.recv().unwrap();
    block_on(running.shutdown());
    while outputs.try_recv().is_ok() {}
    (running, outputs)
}

// One test, since all of the process's allocations are counted.
#[test]
fn nothing_is_left_of_a_pipeline() {
    let rt = Runtime::builder().with_low_num(2).build().unwrap();
    handles_keep_no_task(&rt);
    // Until queues and tables have the size that they need.
    (0..20).for_each(|_| run_chain(&rt, 20));
    let region = Region::new(ALLOCATOR);
    (0..100).for_each(|_| run_chain(&rt, 20));
    // A task's last reference may be dropped a moment after its end is known.
    assert!(live(&region) < 50, "{} for 100 chains", live(&region));
    let region = Region::new(ALLOCATOR);
    run_chain(&rt, 3_000);
    assert!(live(&region) < 50, "{} for 3,000 ticks", live(&region));
}

/// The handles of pipelines that have ended keep what they tell, and not the pipelines' tasks.
fn handles_keep_no_task(rt: &Runtime) {
    const PIPELINES: isize = 100;
    (0..20).for_each(|_| drop(ended(rt)));
    let region = Region::new(ALLOCATOR);
    let handles: Vec<_> = (0..PIPELINES).map(|_| ended(rt)).collect();
    let each = live_bytes(&region) / PIPELINES;
    assert!(each < 1_200, "{each} bytes for each pair of handles");
    drop(handles);
}
