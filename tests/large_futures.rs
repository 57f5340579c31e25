//! May a future be as large as on other runtimes, in a build without optimisations too?

use std::hint::black_box;

use laneway::{Priority, Runtime, Task, TaskGroup, join_all, spawn_task, yield_now};

const HALF_A_MEGABYTE: usize = 512 * 1024;

/// A future that carries its buffer across a wait.
async fn large() -> usize {
    let mut buffer = [0_u8; HALF_A_MEGABYTE];
    black_box(&mut buffer)[17] = 1;
    yield_now().await;
    buffer.iter().map(|&byte| usize::from(byte)).sum()
}

// Each in a function of its own, as one stack frame need not hold two such futures.

fn by_macro() -> Task<usize> {
    spawn_task!(large())
}

fn by_function() -> Task<usize> {
    laneway::spawn(large(), Priority::High)
}

fn on_runtime(rt: &Runtime) -> Task<usize> {
    rt.spawn(large(), Priority::Low)
}

fn through_handle(rt: &Runtime) -> Task<usize> {
    rt.handle().spawn(large(), Priority::High)
}

fn by_macro_with_a_name() -> Task<usize> {
    spawn_task!(name = "large", large())
}

fn on_runtime_with_a_name(rt: &Runtime) -> Task<usize> {
    rt.named("large").spawn(large(), Priority::Low)
}

fn into_group(group: &mut TaskGroup<usize>, priority: Priority) {
    group.spawn(large(), priority);
}

fn into_group_with_a_name(group: &mut TaskGroup<usize>) {
    group.named("large").spawn(large(), Priority::Low);
}

fn onto_runtime_with_a_name(group: &mut TaskGroup<usize>, rt: &Runtime) {
    group.named("large").spawn_on(rt, large(), Priority::Low);
}

fn block_on() -> usize {
    laneway::block_on(large())
}

fn block_on_runtime(rt: &Runtime) -> usize {
    rt.block_on(large())
}

#[test]
fn a_task_spawns_large_futures() {
    let rt = Runtime::builder().build().unwrap();
    let spawner = rt.spawn(
        async { by_macro().await + by_function().await + by_macro_with_a_name().await },
        Priority::Low,
    );
    assert_eq!(rt.block_on(spawner), 3);
}

#[test]
fn a_thread_with_an_ordinary_stack_awaits_large_futures() {
    let awaits = || {
        let rt = Runtime::builder().build().unwrap();
        let mut sum: usize = join_all([on_runtime(&rt), through_handle(&rt)])
            .iter()
            .sum();
        sum += laneway::block_on(on_runtime_with_a_name(&rt));
        sum += block_on();
        sum + block_on_runtime(&rt)
    };
    assert_eq!(std::thread::spawn(awaits).join().unwrap(), 5);
}

#[test]
fn a_group_takes_large_futures() {
    let rt = Runtime::builder().build().unwrap();
    let on = Runtime::builder().build().unwrap();
    let sum = rt.block_on(rt.spawn(
        async move {
            let mut group = TaskGroup::new();
            into_group(&mut group, Priority::Low);
            into_group(&mut group, Priority::High);
            into_group_with_a_name(&mut group);
            onto_runtime_with_a_name(&mut group, &on);
            let mut sum = 0;
            while let Some(result) = group.join_next().await {
                sum += result.unwrap();
            }
            sum
        },
        Priority::Low,
    ));
    assert_eq!(sum, 4);
}
