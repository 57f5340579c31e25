//! How often does a call ask for memory?
//!
//! One test only: it counts the allocations of the whole process.

use std::alloc::System;

use laneway::background::{Abandoned, Service, ServiceHandle};
use laneway::{Priority, Runtime, block_on};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 10_000;

/// Queues grow and shrink by doubling and halving, a few times.
const FEW: usize = CALLS / 50;

#[test]
fn a_call_takes_one_allocation_whoever_calls_and_however_it_is_served() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .build()
        .unwrap();
    let in_order = async |_: &mut (), n: usize| n;
    let at_once = async |_: &(), n: usize| n;
    for priority in [Priority::Low, Priority::High] {
        let (handle, background) = Service::new().build((), in_order);
        rt.spawn(background, Priority::Low).detach();
        assert_one_each(&rt, "served in order", &handle, priority);
        let service = Service::new().in_flight(64).abandoned(Abandoned::Dropped);
        let (handle, background) = service.build((), at_once);
        rt.spawn(background, Priority::Low).detach();
        assert_one_each(&rt, "served at once", &handle, priority);
    }
}

/// Counts the allocations of calls one after another by a task of this priority.
#[track_caller]
fn assert_one_each(
    rt: &Runtime,
    way: &str,
    handle: &ServiceHandle<usize, usize>,
    priority: Priority,
) {
    let handle = handle.clone();
    let calls = async move {
        // Some first, so that what the service needs once is not counted.
        for n in 0..100 {
            handle.call(n).await.unwrap();
        }
        let region = Region::new(ALLOCATOR);
        for n in 0..CALLS {
            assert_eq!(handle.call(n).await, Ok(n));
        }
        let change = region.change();
        change.allocations + change.reallocations
    };
    let allocations = block_on(rt.spawn(calls, priority));
    // A service that is in its poll when a high task calls may be looked for among the low tasks,
    // and those that are found are listed.
    let more = match priority {
        Priority::High => CALLS / 10,
        Priority::Low => FEW,
    };
    assert!(
        (CALLS..CALLS + more).contains(&allocations),
        "{allocations} allocations for {CALLS} calls, {way}, by a {priority:?} task"
    );
}
