//! May a future be as large as on other runtimes, in a build without optimisations too?

use std::hint::black_box;
use std::time::Duration;

use laneway::background::{
    self, Every, Overlap, RestartPolicy, Service, TaskQueue, TryCallError, Work, service,
};
use laneway::blocking::unblock;
use laneway::pipeline::{Period, Pipeline, Shared};
use laneway::sim::{self, Sim};
use laneway::time::timeout;
use laneway::{
    Priority, Runtime, SpawnError, Task, TaskGroup, block_on, join, join_all, spawn_task, try_join,
    yield_now,
};

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

fn on_runtime_or_back(rt: &Runtime) -> Task<usize> {
    rt.try_spawn(large(), Priority::Low).expect("it is open")
}

fn through_handle_or_back(rt: &Runtime) -> Task<usize> {
    let spawned = rt.handle().try_spawn(large(), Priority::High);
    spawned.expect("it is open")
}

fn with_a_name_or_back(rt: &Runtime) -> Task<usize> {
    let spawned = rt.named("large").try_spawn(large(), Priority::Low);
    spawned.expect("it is open")
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

fn block_on_it() -> usize {
    block_on(large())
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
        sum += block_on(on_runtime_with_a_name(&rt));
        sum += block_on_it();
        sum + block_on_runtime(&rt)
    };
    assert_eq!(std::thread::spawn(awaits).join().unwrap(), 5);
}

#[test]
fn a_large_future_that_is_not_taken_comes_back() {
    let rt = Runtime::builder().build().unwrap();
    let taken = [
        on_runtime_or_back(&rt),
        through_handle_or_back(&rt),
        with_a_name_or_back(&rt),
    ];
    assert_eq!(join_all(taken), [1, 1, 1]);
    let refused = refused(&rt, "nowhere");
    assert!(!refused.is_shut_down());
    rt.shutdown(Duration::from_secs(20));
    let refused = self::refused(&rt, "low");
    assert!(refused.is_shut_down());
    assert_eq!(given_back(refused), 1);
}

fn refused(rt: &Runtime, queue: &str) -> SpawnError<impl Future<Output = usize> + use<>> {
    let refused = rt.try_spawn(large(), queue);
    refused.expect_err("there is no such queue, or none any more")
}

fn given_back(refused: SpawnError<impl Future<Output = usize>>) -> usize {
    block_on(refused.into_future())
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

/// Half of that in a handler, a run and a member, which lie within further futures.
async fn quite_large() -> usize {
    let mut buffer = [0_u8; HALF_A_MEGABYTE / 2];
    black_box(&mut buffer)[17] = 1;
    yield_now().await;
    buffer.iter().map(|&byte| usize::from(byte)).sum()
}

#[test]
fn handlers_may_be_large() {
    let rt = Runtime::builder().build().unwrap();
    let (one, background) = service((), async |_: &mut (), _: u8| quite_large().await);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(one.call(1)), Ok(1));
    let handler = async |_: &(), _: u8| quite_large().await;
    let (many, background) = Service::new().in_flight(2).build((), handler);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(many.call(1)), Ok(1));
}

#[test]
fn handlers_that_restart_may_be_large_and_so_may_the_making_of_a_state() {
    let rt = Runtime::builder().build().unwrap();
    let restarts = || Service::new().restart(RestartPolicy::new());
    let handler = async |_: &mut (), _: u8| quite_large().await;
    let (one, background) = restarts().build(async || (), handler);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(one.call(1)), Ok(1));
    let handler = async |_: &(), _: u8| quite_large().await;
    let (many, background) = restarts().in_flight(2).build(async || (), handler);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(many.call(1)), Ok(1));
    let handler = async |made: &mut usize, _: u8| *made;
    let (made, background) = restarts().build(async || quite_large().await, handler);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(made.call(1)), Ok(1));
}

#[test]
fn runs_and_work_may_be_large() {
    let rt = Runtime::builder().build().unwrap();
    let run = async || assert_eq!(quite_large().await, 1);
    let (process, background) = background::every(Duration::from_millis(1), run);
    rt.spawn(background, Priority::Low).detach();
    while process.metrics().completed < 2 {
        std::thread::yield_now();
    }
    let queue = TaskQueue::bounded(1).on(&rt.handle());
    let id = queue.submit(Work::future(|_| large())).unwrap();
    block_on(queue.wait(id));
    assert_eq!(queue.take(id), Ok(1));
}

const QUITE_LARGE_OUTPUT: usize = 256 * 1024;

async fn quite_large_output() -> [u8; QUITE_LARGE_OUTPUT] {
    yield_now().await;
    [7; QUITE_LARGE_OUTPUT]
}

#[test]
fn the_outputs_of_stages_may_be_large() {
    let rt = Runtime::builder().build().unwrap();
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("large", |_: &(), _| Ok([7_u8; QUITE_LARGE_OUTPUT]))
        .every(Period::Millis(1))
        .build()
        .unwrap();
    let _running = pipeline.start(&rt);
    let received = outputs.recv().unwrap();
    assert_eq!(received.output("large").unwrap()[17], 7);
    let receives = async move {
        let received = outputs.recv_async().await.unwrap();
        received.output("large").unwrap()[17]
    };
    assert_eq!(block_on(rt.spawn(receives, Priority::High)), 7);
}

#[test]
fn the_outputs_of_work_and_of_block_on_may_be_large() {
    let rt = Runtime::builder().build().unwrap();
    for work in [
        Work::future(|_| quite_large_output()),
        Work::sync(|_| [7; QUITE_LARGE_OUTPUT]),
        Work::future(|_| quite_large_output()).timeout(Duration::from_secs(60)),
    ] {
        let queue = TaskQueue::bounded(1).on(&rt.handle());
        let id = queue.submit(work).unwrap();
        block_on(queue.wait(id));
        let take = async move { queue.take(id).unwrap()[17] };
        assert_eq!(block_on(rt.spawn(take, Priority::Low)), 7);
    }
    let blocks = async { block_on(quite_large_output())[17] };
    assert_eq!(block_on(rt.spawn(blocks, Priority::Low)), 7);
}

#[test]
fn closures_may_be_large() {
    let buffer = [1_u8; HALF_A_MEGABYTE / 2];
    assert_eq!(block_on(unblock(move || black_box(buffer)[17])), 1);
    let rt = Runtime::builder().build().unwrap();
    let task = async {
        let buffer = [1_u8; HALF_A_MEGABYTE / 2];
        unblock(move || black_box(buffer)[17]).await
    };
    assert_eq!(block_on(rt.spawn(task, Priority::Low)), 1);
}

#[test]
fn a_thread_with_an_ordinary_stack_awaits_large_outputs_of_tasks() {
    let rt = Runtime::builder().build().unwrap();
    assert_eq!(
        block_on(rt.spawn(quite_large_output(), Priority::Low))[17],
        7
    );
    assert_eq!(
        join!(rt.spawn(quite_large_output(), Priority::Low))[0][17],
        7
    );
    let mut group = TaskGroup::new();
    group.spawn_on(&rt, quite_large_output(), Priority::Low);
    group.spawn_on(&rt, quite_large_output(), Priority::Low);
    assert_eq!(block_on(group.join_all())[0].as_ref().unwrap()[17], 7);
    let task = rt.try_spawn(quite_large_output(), Priority::Low).unwrap();
    assert_eq!(block_on(task)[17], 7);
}

#[test]
fn a_future_with_a_large_output_comes_back_if_it_is_not_taken() {
    let rt = Runtime::builder().build().unwrap();
    let refused = rt.try_spawn(quite_large_output(), "nowhere").unwrap_err();
    assert_eq!(block_on(refused.into_future())[17], 7);
}

/// Runs a future on a worker, whose stack has the default size.
fn on_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(rt.spawn(future, Priority::Low))
}

#[test]
fn closures_may_give_large_outputs() {
    let gives = || unblock(|| [7_u8; QUITE_LARGE_OUTPUT]);
    assert_eq!(on_worker(async move { gives().await[17] }), 7);
    gives().detach();
    assert_eq!(block_on(gives())[17], 7);
}

#[test]
fn closures_may_take_and_give_large_values() {
    let buffer = [1_u8; HALF_A_MEGABYTE / 2];
    let gives_back = unblock(move || black_box(buffer));
    assert_eq!(on_worker(async move { gives_back.await[17] }), 1);
}

type LargeValue = [u8; QUITE_LARGE_OUTPUT];

fn large_value(n: u8) -> LargeValue {
    [n; QUITE_LARGE_OUTPUT]
}

#[test]
fn a_service_takes_large_requests() {
    on_worker(async {
        let handler = async |_: &mut (), request: LargeValue| request[17];
        let (one, background) = service((), handler);
        spawn_task!(background).detach();
        assert_eq!(one.call(large_value(7)).await, Ok(7));
    });
    on_worker(async {
        let handler = async |_: &(), request: LargeValue| request[17];
        let (many, background) = Service::new().in_flight(2).build((), handler);
        spawn_task!(background).detach();
        assert_eq!(many.call(large_value(7)).await, Ok(7));
    });
}

#[test]
fn a_service_gives_large_replies() {
    on_worker(async {
        let handler = async |_: &mut (), n: u8| large_value(n);
        let (one, background) = service((), handler);
        spawn_task!(background).detach();
        assert_eq!(one.call(7).await.unwrap()[17], 7);
    });
    on_worker(async {
        let handler = async |_: &(), n: u8| large_value(n);
        let (many, background) = Service::new().in_flight(2).build((), handler);
        spawn_task!(background).detach();
        assert_eq!(many.call(7).await.unwrap()[17], 7);
    });
}

#[test]
fn large_requests_and_replies_may_be_sent_in_other_ways() {
    on_worker(async {
        let handler = async |_: &mut (), n: u8| large_value(n);
        let (gives, background) = service((), handler);
        spawn_task!(background).detach();
        let reply = gives.try_call(7).unwrap().await;
        assert_eq!(reply.unwrap()[17], 7);
    });
    on_worker(async {
        let handler = async |_: &mut (), n: u8| large_value(n);
        let (gives, background) = service((), handler);
        spawn_task!(background).detach();
        let reply = gives.call_timeout(7, Duration::from_secs(60)).await;
        assert_eq!(reply.unwrap()[17], 7);
    });
}

/// Half as large, where it comes within two other values, each of which the compiler keeps apart on
/// the awaiter's own stack.
const WRAPPED: usize = QUITE_LARGE_OUTPUT / 2;

#[test]
fn large_requests_that_are_refused_come_back() {
    on_worker(async {
        let handler = async |_: &mut (), request: [u8; WRAPPED]| request[17];
        let (closed, background) = service((), handler);
        drop(background);
        match closed.try_call([7; WRAPPED]) {
            Err(TryCallError::Closed(request, _)) => assert_eq!(request[17], 7),
            _ => panic!("nobody serves it"),
        }
    });
}

#[test]
fn a_service_has_a_large_state() {
    on_worker(async {
        let handler = async |state: &mut LargeValue, n: usize| state[n];
        let (one, background) = service(large_value(7), handler);
        spawn_task!(background).detach();
        assert_eq!(one.call(17).await, Ok(7));
    });
    on_worker(async {
        let handler = async |state: &LargeValue, n: usize| state[n];
        let (many, background) = Service::new().in_flight(2).build(large_value(7), handler);
        spawn_task!(background).detach();
        assert_eq!(many.call(17).await, Ok(7));
    });
}

#[test]
fn a_service_that_restarts_has_large_values() {
    let restarts = || Service::new().restart(RestartPolicy::new());
    on_worker(async move {
        let handler = async |state: &mut LargeValue, n: usize| state[n];
        let (one, background) = restarts().build(async || large_value(7), handler);
        spawn_task!(background).detach();
        assert_eq!(one.call(17).await, Ok(7));
    });
    on_worker(async move {
        let handler = async |state: &LargeValue, n: usize| state[n];
        let service = restarts().in_flight(2);
        let (many, background) = service.build(async || large_value(7), handler);
        spawn_task!(background).detach();
        assert_eq!(many.call(17).await, Ok(7));
    });
}

#[test]
fn a_task_awaits_large_outputs_of_tasks() {
    let spawned = || spawn_task!(quite_large_output());
    on_worker(async move { assert_eq!(spawned().await[17], 7) });
    on_worker(async move { assert_eq!(spawned().fallible().await.unwrap()[17], 7) });
    on_worker(async move { assert_eq!(join!(spawned())[0][17], 7) });
    on_worker(async move { assert_eq!(try_join!(spawned())[0].as_ref().unwrap()[17], 7) });
    on_worker(async move {
        let named = spawn_task!(name = "large", quite_large_output(), Priority::High);
        assert_eq!(named.await[17], 7);
    });
    let simulated = Sim::seed(1).run(async move { spawned().await[17] });
    assert_eq!(simulated.unwrap().output, 7);
}

#[test]
fn a_task_joins_a_group_with_large_outputs() {
    let filled = || {
        let mut group = TaskGroup::new();
        group.spawn(quite_large_output(), Priority::High);
        group.insert(spawn_task!(quite_large_output()));
        group
    };
    on_worker(async move { assert_eq!(filled().join_all().await[1].as_ref().unwrap()[17], 7) });
    on_worker(async move { filled().cancel_all().await });
    on_worker(async move { filled().detach_all() });
}

async fn wrapped_output() -> [u8; WRAPPED] {
    yield_now().await;
    [7; WRAPPED]
}

async fn finished<T>(task: Task<T>) -> Task<T> {
    while !task.is_finished() {
        yield_now().await;
    }
    task
}

#[test]
fn a_task_gets_large_outputs_within_other_values() {
    let spawned = || spawn_task!(wrapped_output());
    on_worker(async move {
        let mut group = TaskGroup::new();
        group.insert(spawned());
        assert_eq!(group.join_next().await.unwrap().unwrap()[17], 7);
    });
    on_worker(async move {
        let mut group = TaskGroup::new();
        group.insert(finished(spawned()).await);
        assert_eq!(group.try_join_next().unwrap().unwrap()[17], 7);
    });
    on_worker(async move {
        let mut group = TaskGroup::new();
        let member = group.insert(finished(spawned()).await);
        assert_eq!(group.cancel(member).await.unwrap()[17], 7);
    });
    on_worker(async move {
        let mut group = TaskGroup::new();
        group.insert(spawn_task!(async { Ok::<_, ()>(wrapped_output().await) }));
        assert_eq!(group.first_error().await.unwrap()[0][17], 7);
    });
    on_worker(async move {
        let cancelled = finished(spawned()).await.cancel().await;
        assert_eq!(cancelled.unwrap()[17], 7);
    });
    on_worker(async move {
        let cancelled = finished(spawned()).await.fallible().cancel().await;
        assert_eq!(cancelled.unwrap().unwrap()[17], 7);
    });
}

#[test]
fn a_task_makes_periodic_processes_with_large_runs() {
    on_worker(async {
        let (process, background) = background::every(Duration::from_millis(1), async || {
            assert_eq!(large().await, 1)
        });
        spawn_task!(background).detach();
        while process.metrics().completed < 2 {
            yield_now().await;
        }
    });
    on_worker(async {
        let every = Every::new(Duration::from_millis(1)).overlap(Overlap::Queue);
        let (process, background) = every.build(async || assert_eq!(large().await, 1));
        spawn_task!(background).detach();
        while process.metrics().completed < 2 {
            yield_now().await;
        }
    });
}

#[cfg(feature = "cron")]
#[test]
fn a_task_makes_a_clock_process_with_large_runs() {
    use laneway::background::cron::Cron;

    on_worker(async {
        let each_second = Cron::new("* * * * * *", "UTC").unwrap();
        let (process, background) = each_second.build(async || assert_eq!(large().await, 1));
        spawn_task!(background).detach();
        while process.metrics().completed < 1 {
            yield_now().await;
        }
    });
}

#[test]
fn a_task_spawns_a_large_future_with_a_time_limit() {
    let spawns = async {
        let limited = spawn_task!(timeout(Duration::from_secs(60), large()));
        limited.await.unwrap()
    };
    assert_eq!(on_worker(spawns), 1);
}

#[test]
fn a_simulation_may_be_large_and_so_may_its_output() {
    let simulate = || Sim::seed(1).run(large()).unwrap().output;
    assert_eq!(std::thread::spawn(simulate).join().unwrap(), 1);
    assert_eq!(on_worker(async move { simulate() }), 1);
    let explored = sim::explore(2, || async { assert_eq!(large().await, 1) });
    assert_eq!(explored.unwrap().seeds, 2);
    let gives = || Sim::seed(1).run(quite_large_output()).unwrap().output[17];
    assert_eq!(std::thread::spawn(gives).join().unwrap(), 7);
}
