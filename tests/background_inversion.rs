//! Does a high caller wait for a low service that waits behind the whole low queue?
//!
//! Priority inversion, in simulated time, as in `inversion.rs`: the low queue holds twenty polls of
//! a millisecond each.

use std::ops::RangeInclusive;
use std::time::Duration;

use laneway::background::{CallOrder, Service, ServiceHandle};
use laneway::sim::{Sim, explore, work};
use laneway::time::{now, sleep, timeout};
use laneway::{Priority, Stealing, Task, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);
const BACKLOG: u32 = 20;
const SEEDS: u64 = 100;

/// Fills the low queue.
fn backlog() -> Vec<Task<()>> {
    let polls = (0..BACKLOG).map(|_| spawn_task!(async { work(MS) }));
    polls.collect()
}

/// How long a call takes.
async fn call(handle: ServiceHandle<u32, u32>) -> Duration {
    let called = now();
    assert_eq!(handle.call(0).await, Ok(0));
    now() - called
}

/// How long a high task's call takes. A call from the root of a simulation is none of a high task.
fn call_high(handle: &ServiceHandle<u32, u32>) -> Task<Duration> {
    spawn_task!(call(handle.clone()), Priority::High)
}

/// The shortest and the longest time over all seeds, with a worker for each queue that never
/// helps the other.
#[track_caller]
fn assert_takes<F>(measured: fn() -> F, expected: RangeInclusive<u32>)
where
    F: Future<Output = Duration> + Send + 'static,
{
    for seed in 0..SEEDS {
        let sim = Sim::seed(seed).high(1).low(1).stealing(Stealing::None);
        let took = sim.run(measured()).unwrap().output;
        let expected = *expected.start() * MS..=*expected.end() * MS;
        assert!(expected.contains(&took), "{took:?} with seed {seed}");
    }
}

async fn echo(_: &mut (), n: u32) -> u32 {
    n
}

/// How long the last of these high calls of a waiting service takes, beside a backlog of low work.
/// With the end of each call the service is in the low queue again.
async fn calls_beside_backlog(calls: usize) -> Duration {
    let (handle, background) = Service::new().build((), echo);
    let _service = spawn_task!(background);
    sleep(MS).await;
    let _backlog = backlog();
    let mut last = Duration::ZERO;
    for _ in 0..calls {
        last = call_high(&handle).await;
    }
    last
}

#[test]
fn a_high_caller_raises_a_service_that_waits_for_calls() {
    assert_takes(|| calls_beside_backlog(1), 0..=1);
}

#[test]
fn each_high_caller_raises_it_anew() {
    assert_takes(|| calls_beside_backlog(2), 0..=2);
}

#[test]
fn a_low_caller_does_not() {
    assert_takes(
        || async {
            let (handle, background) = Service::new().build((), echo);
            let _service = spawn_task!(background);
            sleep(MS).await;
            let _backlog = backlog();
            call(handle).await
        },
        BACKLOG..=BACKLOG,
    );
}

#[test]
fn where_the_first_come_is_served_first_nobody_is_raised() {
    assert_takes(
        || async {
            let service = Service::new().call_order(CallOrder::FirstCome);
            let (handle, background) = service.build((), echo);
            let _service = spawn_task!(background);
            sleep(MS).await;
            let _backlog = backlog();
            call_high(&handle).await
        },
        BACKLOG..=BACKLOG,
    );
}

/// How long the last of these high calls takes of a service that lies in the low queue already,
/// behind the backlog, since a sleep of its handler has ended.
async fn calls_of_a_queued_service(calls: usize) -> Duration {
    let handler = async |_: &mut (), n: u32| {
        if n == 1 {
            sleep(3 * MS).await;
        }
        n
    };
    let (handle, background) = Service::new().build((), handler);
    let _service = spawn_task!(background);
    handle.try_call(1).unwrap().detach();
    sleep(MS).await;
    let _backlog = backlog();
    sleep(4 * MS).await;
    let calls: Vec<_> = (0..calls).map(|_| call_high(&handle)).collect();
    let mut last = Duration::ZERO;
    for call in calls {
        last = call.await;
    }
    last
}

#[test]
fn a_service_that_was_queued_before_the_call_is_raised() {
    assert_takes(|| calls_of_a_queued_service(1), 0..=2);
}

#[test]
fn of_several_calls_of_a_queued_service_each_is_served_soon() {
    assert_takes(|| calls_of_a_queued_service(3), 0..=2);
}

/// Several requests are under way in it, and one of them has what it waited for.
#[test]
fn a_service_with_requests_in_flight_that_was_queued_before_the_call_is_raised() {
    assert_takes(
        || async {
            let handler = async |_: &(), n: u32| {
                if n > 0 {
                    sleep(n * MS).await;
                }
                n
            };
            let service = Service::new().in_flight(4);
            let (handle, background) = service.build((), handler);
            let _service = spawn_task!(background);
            for sleeps in [3, 100] {
                handle.try_call(sleeps).unwrap().detach();
            }
            sleep(MS).await;
            let _backlog = backlog();
            sleep(4 * MS).await;
            call_high(&handle).await
        },
        0..=2,
    );
}

/// It has been yielding since a low call, beside the backlog.
#[test]
fn a_service_that_yields_in_the_low_queue_is_raised() {
    assert_takes(
        || async {
            let handler = async |_: &mut (), n: u32| {
                if n == 1 {
                    yield_now().await;
                }
                n
            };
            let (handle, background) = Service::new().build((), handler);
            let _service = spawn_task!(background);
            sleep(MS).await;
            let early = handle.try_call(1).unwrap();
            let _backlog = backlog();
            sleep(2 * MS).await;
            let took = call_high(&handle).await;
            early.await.unwrap();
            took
        },
        0..=2,
    );
}

#[test]
fn a_service_in_the_middle_of_a_request_is_raised_and_what_it_awaits() {
    // The request in hand awaits a low task that has three polls to go.
    assert_takes(
        || async {
            let (open, gate) = async_channel::bounded(1);
            let handler = async move |_: &mut (), n: u32| {
                if n == 1 {
                    let gate = gate.clone();
                    let awaited = spawn_task!(async move {
                        gate.recv().await.unwrap();
                        yield_now().await;
                        yield_now().await;
                    });
                    awaited.await;
                }
                n
            };
            let (handle, background) = Service::new().build((), handler);
            let _service = spawn_task!(background);
            handle.try_call(1).unwrap().detach();
            sleep(MS).await;
            let high = call_high(&handle);
            sleep(MS).await;
            let _backlog = backlog();
            open.send(()).await.unwrap();
            let called = now();
            high.await;
            now() - called
        },
        0..=2,
    );
}

/// How long a high task waits for a call that a low task has made before, once the low queue is
/// full. The handler sleeps for a millisecond more.
async fn waits_for_a_call_of_a_low_task<F>(
    call: impl FnOnce(ServiceHandle<u32, u32>) -> F,
) -> Duration
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let handler = async |_: &mut (), n: u32| {
        sleep(2 * MS).await;
        n
    };
    let (handle, background) = Service::new().build((), handler);
    let service = spawn_task!(background);
    let called = call(handle.clone());
    sleep(MS).await;
    let backlog = backlog();
    let began = now();
    spawn_task!(called, Priority::High).await;
    let waited = now() - began;
    drop(backlog);
    sleep(2 * BACKLOG * MS).await;
    assert_eq!(service.priority(), Priority::Low);
    waited
}

#[test]
fn a_caller_that_is_raised_while_it_waits_raises_the_service() {
    assert_takes(
        || waits_for_a_call_of_a_low_task(|handle| spawn_task!(call(handle))),
        1..=2,
    );
}

#[test]
fn a_high_task_that_is_handed_a_reply_raises_the_service() {
    assert_takes(
        || waits_for_a_call_of_a_low_task(|handle| handle.try_call(1).unwrap()),
        1..=2,
    );
}

#[test]
fn a_high_task_that_gives_a_reply_up_leaves_the_service_low() {
    async fn gives_up(handle: ServiceHandle<u32, u32>) {
        let reply = handle.try_call(1).unwrap();
        sleep(MS).await;
        assert!(timeout(MS / 2, reply).await.is_err());
    }
    assert_takes(|| waits_for_a_call_of_a_low_task(gives_up), 1..=2);
}

#[test]
fn a_service_that_is_spawned_after_the_call_is_raised_at_its_second_poll() {
    assert_takes(
        || async {
            let handler = async |_: &mut (), n: u32| {
                yield_now().await;
                n
            };
            let (handle, background) = Service::new().build((), handler);
            let high = call_high(&handle);
            sleep(MS).await;
            let _service = spawn_task!(background);
            let _backlog = backlog();
            let called = now();
            high.await;
            now() - called
        },
        0..=1,
    );
}

#[test]
fn a_service_is_a_low_task_again_when_it_has_served_its_high_callers() {
    assert_takes(
        || async {
            let (handle, background) = Service::new().build((), echo);
            let service = spawn_task!(background);
            sleep(MS).await;
            {
                let _backlog = backlog();
                assert!(call_high(&handle).await <= MS);
            }
            sleep(2 * BACKLOG * MS).await;
            assert_eq!(service.priority(), Priority::Low);
            let _backlog = backlog();
            call(handle).await
        },
        BACKLOG..=BACKLOG,
    );
}

#[test]
fn low_requests_behind_an_urgent_one_are_not_served_as_high_work() {
    assert_takes(
        || async {
            let handler = async |_: &mut (), n: u32| {
                if n == 0 {
                    sleep(2 * MS).await;
                }
                n
            };
            let (handle, background) = Service::new().build((), handler);
            let _service = spawn_task!(background);
            let high = call_high(&handle);
            sleep(MS).await;
            let _backlog = backlog();
            let called = now();
            let low = handle.try_call(1).unwrap();
            assert_eq!(high.await, 2 * MS);
            assert_eq!(low.await, Ok(1));
            now() - called
        },
        BACKLOG - 1..=BACKLOG,
    );
}

#[test]
fn a_service_that_is_raised_for_good_stays_high() {
    let run = Sim::seed(7).high(1).low(1).run(async {
        let (handle, background) = Service::new().build((), echo);
        let service = spawn_task!(background);
        sleep(MS).await;
        call_high(&handle).await;
        service.escalate();
        sleep(MS).await;
        call_high(&handle).await;
        sleep(MS).await;
        assert_eq!(service.priority(), Priority::High);
    });
    run.unwrap();
}

#[test]
fn high_callers_of_all_kinds_leave_a_low_service_low() {
    let a_while = || fastrand::u32(0..5) * MS;
    let explored = explore(500, move || async move {
        let handler = async move |_: &(), n: u32| {
            sleep(a_while()).await;
            n
        };
        let (handle, background) = Service::new().in_flight(2).build((), handler);
        let service = spawn_task!(background);
        let callers: Vec<_> = (0..6)
            .map(|n| {
                let handle = handle.clone();
                let priority = match n % 3 {
                    0 => Priority::Low,
                    _ => Priority::High,
                };
                let calls = async move {
                    sleep(a_while()).await;
                    let _gives_up = handle.call_timeout(n, a_while()).await;
                    handle.try_call(n).unwrap().detach();
                    assert_eq!(handle.call(n).await, Ok(n));
                };
                spawn_task!(calls, priority)
            })
            .collect();
        sleep(a_while()).await;
        callers[0].escalate();
        for caller in callers {
            caller.await;
        }
        sleep(100 * MS).await;
        assert_eq!(handle.metrics().in_flight, 0);
        assert_eq!(service.priority(), Priority::Low);
    });
    explored.unwrap();
}
