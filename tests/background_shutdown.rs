//! Does a service end with its runtime, though handles of it are left?

mod common;

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::{Gate, eventually};
use laneway::background::{
    self, AtShutdown, CallError, CloseReason, RestartPolicy, Service, TryCallError,
};
use laneway::{Priority, Runtime, ShutdownReport, block_on, shutdown_begun};

const LONG: Duration = Duration::from_secs(20);
const SHUT_DOWN: CallError = CallError::Closed(CloseReason::ShutDown);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

/// Shuts down, which is to be over long before the deadline and to cut nothing off.
fn assert_ends_by_itself(rt: &Runtime) {
    let started = Instant::now();
    assert!(rt.shutdown(LONG).is_clean());
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn an_idle_service_ends_and_later_callers_learn_why() {
    let rt = runtime();
    let (one, background) = background::service((), async |_: &mut (), n: u8| n);
    rt.spawn(background, Priority::Low).detach();
    let service = Service::new().in_flight(4);
    let (many, background) = service.build((), async |_: &(), n: u8| n);
    rt.spawn(background, Priority::High).detach();
    // One that has served, and one that has not.
    assert_eq!(block_on(one.call(1)), Ok(1));
    assert_ends_by_itself(&rt);
    for handle in [one, many] {
        assert!(handle.is_closed());
        assert_eq!(block_on(handle.call(2)), Err(SHUT_DOWN));
        let refused = handle.try_call(3).unwrap_err();
        assert_eq!(refused, TryCallError::Closed(3, CloseReason::ShutDown));
        let words = "the background takes no more requests: its runtime shuts down";
        assert_eq!(refused.to_string(), words);
    }
}

#[test]
fn what_is_queued_is_served_and_nothing_new_is_taken() {
    let rt = runtime();
    let gate = Gate::new();
    let opened = gate.clone();
    let handler = async move |_: &mut (), n: u8| {
        opened.wait().await;
        n
    };
    let (handle, background) = background::service((), handler);
    rt.spawn(background, Priority::Low).detach();
    let replies = [1, 2, 3].map(|n| handle.try_call(n).unwrap());
    gate.eventually_polled(1);
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| assert_ends_by_itself(&rt));
        // Though its one place is taken.
        eventually("the door is closed", || handle.is_closed());
        assert_eq!(block_on(handle.call(4)), Err(SHUT_DOWN));
        assert!(!shutdown.is_finished());
        gate.open();
        shutdown.join().unwrap();
    });
    assert_eq!(replies.map(block_on), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(handle.metrics().completed, 3);
}

#[test]
fn with_many_in_flight_all_are_served() {
    let rt = runtime();
    let (closed, opens) = async_channel::bounded::<()>(1);
    let handler = async move |_: &(), n: u8| {
        opens.recv().await.unwrap_err();
        n
    };
    let (handle, background) = Service::new().in_flight(2).build((), handler);
    rt.spawn(background, Priority::Low).detach();
    let replies = [1, 2, 3, 4, 5].map(|n| handle.try_call(n).unwrap());
    eventually("two are in flight", || handle.metrics().in_flight == 2);
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| assert_ends_by_itself(&rt));
        eventually("the door is closed", || handle.is_closed());
        drop(closed);
        shutdown.join().unwrap();
    });
    assert_eq!(replies.map(block_on), [1, 2, 3, 4, 5].map(Ok));
}

#[test]
fn one_that_is_told_to_outlives_the_beginning() {
    let rt = runtime();
    let service = Service::new().at_shutdown(AtShutdown::Outlives);
    let (handle, background) = service.build((), async |_: &mut (), n: u8| n);
    rt.spawn(background, Priority::Low).detach();
    let (sender, replies) = mpsc::channel();
    let asks_late = async move {
        shutdown_begun().await;
        sender.send(handle.call(7).await).unwrap();
    };
    rt.spawn(asks_late, Priority::Low).detach();
    // It ends when the task that holds its handle has ended.
    assert_ends_by_itself(&rt);
    assert_eq!(replies.recv(), Ok(Ok(7)));
}

#[test]
fn one_that_outlives_is_cut_off_if_its_handles_stay() {
    let rt = runtime();
    let service = Service::new().at_shutdown(AtShutdown::Outlives);
    let (handle, background) = service.build((), async |_: &mut (), n: u8| n);
    rt.spawn(background, Priority::Low).detach();
    let report: ShutdownReport = common::cut_off(&rt);
    assert_eq!(report.cut_off, 1);
    let dropped = CallError::Closed(CloseReason::Dropped);
    assert_eq!(block_on(handle.call(1)), Err(dropped));
}

#[test]
fn a_pause_before_a_restart_ends_too() {
    let rt = runtime();
    let hour = Duration::from_secs(3600);
    let service = Service::new().restart(RestartPolicy::new().backoff(hour, hour));
    let handler = async |_: &mut (), _: u8| -> u8 { resume_unwind(Box::new("ill")) };
    let (handle, background) = service.build(async || (), handler);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(
        block_on(handle.call(1)),
        Err(CallError::Panicked("ill".into()))
    );
    eventually("it pauses", || handle.metrics().restarts == 1);
    assert_ends_by_itself(&rt);
    assert_eq!(block_on(handle.call(2)), Err(SHUT_DOWN));
}

#[test]
fn what_is_queued_in_a_pause_before_a_restart_is_served_at_once() {
    let rt = runtime();
    let hour = Duration::from_secs(3600);
    let service = Service::new().restart(RestartPolicy::new().backoff(hour, hour));
    let handler = async |_: &mut (), n: u8| {
        if n == 0 {
            resume_unwind(Box::new("zero"));
        }
        n
    };
    let (handle, background) = service.build(async || (), handler);
    rt.spawn(background, Priority::Low).detach();
    assert!(block_on(handle.call(0)).is_err());
    eventually("it pauses", || handle.metrics().restarts == 1);
    let waits = handle.try_call(1).unwrap();
    assert_ends_by_itself(&rt);
    assert_eq!(block_on(waits), Ok(1));
}

#[test]
fn a_service_that_is_first_polled_during_shutdown_serves_what_it_has() {
    let rt = runtime();
    let (handle, background) = background::service((), async |_: &mut (), n: u8| n);
    let reply = handle.try_call(1).unwrap();
    let late = async {
        shutdown_begun().await;
        background.await;
    };
    rt.spawn(late, Priority::Low).detach();
    assert_ends_by_itself(&rt);
    assert_eq!(block_on(reply), Ok(1));
    assert_eq!(block_on(handle.call(2)), Err(SHUT_DOWN));
}

#[test]
fn a_service_that_has_moved_to_another_task_hears_it_there() {
    let rt = runtime();
    let (handle, background) = background::service((), async |_: &mut (), n: u8| n);
    let mut background = Box::pin(background);
    let polled_by_another = rt.spawn(
        async move {
            assert!(
                futures_lite::future::poll_once(&mut background)
                    .await
                    .is_none()
            );
            // In a tuple, so that it is handed on and not taken for a future to await here.
            (background,)
        },
        Priority::Low,
    );
    let (background,) = block_on(polled_by_another);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(handle.call(1)), Ok(1));
    assert_ends_by_itself(&rt);
    assert_eq!(block_on(handle.call(2)), Err(SHUT_DOWN));
}
