//! Does a high caller wait behind the low ones, and a low one for ever?

mod common;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::background::{CallOrder, Service, ServiceHandle};
use laneway::sim::{Sim, work};
use laneway::time::now;
use laneway::{Priority, Runtime, block_on, spawn_task};

const MS: Duration = Duration::from_millis(1);
const BACKLOG: u32 = 20;
const SEEDS: u64 = 100;

/// A service each of whose requests takes a millisecond, and the requests that it has served.
fn slow_service(
    service: Service,
) -> (
    ServiceHandle<u32, ()>,
    impl Future<Output = ()> + Send + 'static,
    Arc<Mutex<Vec<u32>>>,
) {
    let served = Arc::new(Mutex::new(Vec::new()));
    let serves = served.clone();
    let (handle, background) = service.build((), async move |_: &mut (), n: u32| {
        work(MS);
        serves.lock().unwrap().push(n);
    });
    (handle, background, served)
}

/// Sends requests from a task of this priority, and comes back when all of them are queued.
async fn send(handle: &ServiceHandle<u32, ()>, requests: Vec<u32>, priority: Priority) {
    let handle = handle.clone();
    let sends = async move {
        for n in requests {
            handle.try_call(n).unwrap().detach();
        }
    };
    spawn_task!(sends, priority).await;
}

/// In which order requests are served that are all queued before the first is taken.
fn order_of_service(
    service: Service,
    sent: &'static [(Priority, std::ops::Range<u32>)],
) -> Vec<u32> {
    let run = Sim::seed(7).high(1).low(1).run(async move {
        let (handle, background, served) = slow_service(service);
        for (priority, requests) in sent {
            send(&handle, requests.clone().collect(), *priority).await;
        }
        drop(handle);
        spawn_task!(background).await;
        Arc::into_inner(served)
            .expect("it has ended")
            .into_inner()
            .unwrap()
    });
    run.unwrap().output
}

/// How long a high caller waits behind low requests, at the most of all seeds.
fn longest_wait(service: fn() -> Service) -> Duration {
    let waits = (0..SEEDS).map(|seed| {
        let run = Sim::seed(seed).high(1).low(1).run(async move {
            let (handle, background, _) = slow_service(service());
            send(&handle, (0..BACKLOG).collect(), Priority::Low).await;
            spawn_task!(background).detach();
            let calls = async move {
                let called = now();
                handle.call(1_000).await.unwrap();
                now() - called
            };
            spawn_task!(calls, Priority::High).await
        });
        run.unwrap().output
    });
    waits.max().expect("there are seeds")
}

#[test]
fn a_high_caller_does_not_wait_behind_low_requests() {
    // The request that is being served has to end first.
    assert!(longest_wait(Service::new) <= 2 * MS);
}

#[test]
fn where_the_first_come_is_served_first_it_does() {
    let first_come = || Service::new().call_order(CallOrder::FirstCome);
    assert!(longest_wait(first_come) >= (BACKLOG - 1) * MS);
}

#[test]
fn the_calls_of_each_line_are_served_in_their_order() {
    let sent = &[
        (Priority::Low, 0..3),
        (Priority::High, 100..103),
        (Priority::Low, 3..5),
    ];
    let served = order_of_service(Service::new(), sent);
    assert_eq!(served, [100, 101, 102, 0, 1, 2, 3, 4]);
    let first_come = Service::new().call_order(CallOrder::FirstCome);
    let served = order_of_service(first_come, sent);
    assert_eq!(served, [0, 1, 2, 100, 101, 102, 3, 4]);
}

#[test]
fn a_low_call_is_served_after_sixteen_urgent_ones_at_the_latest() {
    let sent = &[(Priority::High, 100..150), (Priority::Low, 0..2)];
    let served = order_of_service(Service::new(), sent);
    let place = |n| served.iter().position(|served| *served == n);
    assert_eq!((place(0), place(1)), (Some(16), Some(33)));
}

#[test]
fn a_low_call_is_served_while_urgent_ones_never_end() {
    let run = Sim::seed(7).high(2).low(1).run(async {
        let (handle, background, served) = slow_service(Service::new());
        spawn_task!(background, Priority::High).detach();
        let over = Arc::new(AtomicBool::new(false));
        // Always two more in the queue.
        let flood: Vec<_> = (0..3)
            .map(|_| {
                let (handle, over) = (handle.clone(), over.clone());
                let calls = async move {
                    while !over.load(Ordering::SeqCst) {
                        handle.call(1_000).await.unwrap();
                    }
                };
                spawn_task!(calls, Priority::High)
            })
            .collect();
        while served.lock().unwrap().len() < 30 {
            laneway::time::sleep(MS).await;
        }
        let low = handle.clone();
        let called = now();
        spawn_task!(async move { low.call(1).await.unwrap() }).await;
        let waited = now() - called;
        over.store(true, Ordering::SeqCst);
        for caller in flood {
            caller.await;
        }
        waited
    });
    let waited = run.unwrap().output;
    assert!(waited <= 20 * MS, "{waited:?}");
}

#[test]
fn a_high_task_that_blocks_is_a_high_caller_and_a_plain_thread_is_none() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .build()
        .unwrap();
    let (handle, background, served) = slow_service(Service::new());
    handle.try_call(1).unwrap().detach();
    block_on(async { handle.try_call(2) }).unwrap().detach();
    let inside = handle.clone();
    let blocks = async move {
        block_on(async { inside.try_call(100) }).unwrap().detach();
        // On this thread, for whose worker another one stands in by now.
        block_on(async { inside.try_call(101) }).unwrap().detach();
    };
    block_on(rt.spawn(blocks, Priority::High));
    let low = handle.clone();
    block_on(rt.spawn(
        async move { low.try_call(3).unwrap().detach() },
        Priority::Low,
    ));
    drop(handle);
    block_on(background);
    assert_eq!(*served.lock().unwrap(), [100, 101, 1, 2, 3]);
}

#[test]
fn urgent_callers_that_give_up_leave_nothing_in_the_queue() {
    let run = Sim::seed(7).high(1).low(1).run(async {
        let (handle, background, served) = slow_service(Service::new());
        let calls = async move {
            for n in 0..10_000 {
                drop(handle.try_call(n).unwrap());
            }
            handle
        };
        let handle = spawn_task!(calls, Priority::High).await;
        let metrics = handle.metrics();
        assert_eq!((metrics.queued, metrics.skipped), (0, 10_000));
        send(&handle, vec![7], Priority::High).await;
        drop(handle);
        spawn_task!(background).await;
        served.lock().unwrap().clone()
    });
    assert_eq!(run.unwrap().output, [7]);
}
