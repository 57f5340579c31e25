//! Does a background that panicked come back, when it should and as it should?

mod common;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::{DropCounter, Gate, eventually};
use laneway::background::{CallError, CloseReason, RestartPolicy, Service};
use laneway::{Priority, Runtime, block_on};

const HOUR: Duration = Duration::from_secs(3600);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn at_once() -> RestartPolicy {
    RestartPolicy::new().backoff(Duration::ZERO, Duration::ZERO)
}

fn after_an_hour() -> RestartPolicy {
    RestartPolicy::new().backoff(HOUR, HOUR)
}

fn panicked(message: &str) -> CallError {
    CallError::Panicked(message.into())
}

/// Divides, and counts how often it was asked; panics at zero.
async fn divide(asked: &mut u32, by: u32) -> (u32, u32) {
    *asked += 1;
    if by == 0 {
        resume_unwind(Box::new("by zero"));
    }
    (100 / by, *asked)
}

#[test]
fn a_panic_rebuilds_the_state_and_the_background_goes_on() {
    let rt = Runtime::builder().build().unwrap();
    let made = Arc::new(AtomicUsize::new(0));
    let counts = made.clone();
    let make = async move || {
        counts.fetch_add(1, Ordering::SeqCst);
        0
    };
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    let task = rt.spawn(background, Priority::Low);
    assert_eq!(block_on(handle.call(5)), Ok((20, 1)));
    assert_eq!(block_on(handle.call(2)), Ok((50, 2)));
    for n in 1..=3 {
        assert_eq!(block_on(handle.call(0)), Err(panicked("by zero")));
        assert_eq!(block_on(handle.call(5)), Ok((20, 1)), "a state of its own");
        assert_eq!(handle.metrics().restarts, n);
        assert_eq!(handle.metrics().lost, n);
    }
    assert_eq!(made.load(Ordering::SeqCst), 4);
    drop(handle);
    block_on(task);
}

#[test]
fn callers_in_flight_get_an_error_and_those_in_the_queue_are_served() {
    let gates: Vec<Gate> = (0..3).map(|_| Gate::new()).collect();
    let inside = gates.clone();
    let handler = async move |_: &(), n: usize| {
        inside[n].wait().await;
        if n == 1 {
            resume_unwind(Box::new("one"));
        }
        n
    };
    let service = Service::new().in_flight(2).restart(at_once());
    let (handle, background) = service.build(async || (), handler);
    let mut background = pin!(background);
    let [zero, one, two] = [0, 1, 2].map(|n| handle.try_call(n).unwrap());
    assert!(poll_once(background.as_mut()).is_pending());
    gates[1].open();
    gates[2].open();
    drop(handle);
    block_on(background);
    assert_eq!(block_on(zero), Err(panicked("one")));
    assert_eq!(block_on(one), Err(panicked("one")));
    assert_eq!(block_on(two), Ok(2));
    gates.iter().for_each(Gate::assert_treated_well);
}

#[test]
fn the_old_state_is_dropped_before_the_new_one_is_made() {
    let dropped = DropCounter::new();
    let tokens = dropped.clone();
    let made = AtomicUsize::new(0);
    let make = async || {
        assert_eq!(tokens.count(), made.fetch_add(1, Ordering::SeqCst));
        tokens.token()
    };
    let handler = async |_: &mut _, _: u8| resume_unwind(Box::new("always"));
    let (handle, background) = Service::new().restart(at_once()).build(make, handler);
    let replies = [1, 2, 3].map(|n| handle.try_call(n).unwrap());
    drop(handle);
    block_on(background);
    assert_eq!(
        replies.map(block_on),
        [(); 3].map(|()| Err::<(), _>(panicked("always")))
    );
    assert_eq!(made.load(Ordering::SeqCst), dropped.count());
}

#[test]
fn a_state_that_cannot_be_made_is_tried_again() {
    let tries = AtomicUsize::new(0);
    let make = async || {
        laneway::yield_now().await;
        if tries.fetch_add(1, Ordering::SeqCst) < 4 {
            resume_unwind(Box::new("no connection"));
        }
        0
    };
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    let reply = handle.try_call(5).unwrap();
    let mut background = pin!(background);
    block_on(async {
        let both = futures_lite::future::or(async { Some(reply.await) }, async {
            background.as_mut().await;
            None
        });
        assert_eq!(both.await, Some(Ok((20, 1))));
    });
    assert_eq!(tries.load(Ordering::SeqCst), 5);
    assert_eq!(handle.metrics().restarts, 4);
}

#[test]
fn a_panic_that_comes_back_at_once_does_not_keep_the_worker() {
    let make = async || -> u32 { resume_unwind(Box::new("always")) };
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    let mut background = pin!(background);
    for n in 1..=10 {
        assert!(poll_once(background.as_mut()).is_pending());
        assert_eq!(handle.metrics().restarts, n);
    }
}

#[test]
fn the_last_handle_ends_a_background_in_its_pause() {
    let (handle, background) = Service::new()
        .restart(after_an_hour())
        .build(async || 0, divide);
    let rt = Runtime::builder().build().unwrap();
    let task = rt.spawn(background, Priority::Low);
    assert_eq!(block_on(handle.call(0)), Err(panicked("by zero")));
    // The pause has begun, and is over when nobody is left.
    eventually("it restarts", || handle.metrics().restarts == 1);
    assert!(!task.is_finished());
    drop(handle);
    block_on(task);
}

#[test]
fn the_last_handle_ends_a_background_whose_state_is_never_made() {
    let make = async || pending::<u32>().await;
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    let mut background = pin!(background);
    assert!(poll_once(background.as_mut()).is_pending());
    drop(handle);
    assert!(poll_once(background.as_mut()).is_ready());
}

#[test]
fn callers_that_gave_up_keep_no_background_whose_state_is_never_made() {
    let make = async || pending::<u32>().await;
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    let mut background = pin!(background);
    let gives_up = handle.try_call(1).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(gives_up);
    drop(handle);
    assert!(poll_once(background.as_mut()).is_ready());
}

#[test]
fn the_last_caller_to_give_up_ends_a_background_that_is_closed_in_its_pause() {
    let rt = Runtime::builder().with_high_num(1).with_low_num(1).build();
    let rt = rt.unwrap();
    for polls_before_the_end in [true, false] {
        let make = async || pending::<u32>().await;
        let (handle, background) = Service::new().restart(at_once()).build(make, divide);
        let gives_up = handle.try_call(1).unwrap();
        if !polls_before_the_end {
            handle.close();
        }
        let background = rt.spawn(background, Priority::Low);
        eventually("it is polled", || rt.metrics().queues[1].depth == 0);
        handle.close();
        assert!(!background.is_finished());
        drop(gives_up);
        eventually("it ends", || background.is_finished());
    }
}

#[test]
fn shutdown_does_not_wait_for_a_state_that_nobody_waits_for() {
    let rt = Runtime::builder().with_high_num(1).with_low_num(1).build();
    let rt = rt.unwrap();
    let make = async || pending::<u32>().await;
    let (handle, background) = Service::new().restart(at_once()).build(make, divide);
    rt.spawn(background, Priority::Low).detach();
    let given_up = block_on(handle.call_timeout(1, Duration::from_millis(5)));
    assert_eq!(given_up, Err(CallError::TimedOut));
    assert!(rt.shutdown(Duration::from_secs(20)).is_clean());
}

#[test]
fn dropped_in_its_pause_it_tells_the_callers() {
    let (handle, background) = Service::new()
        .restart(after_an_hour())
        .build(async || 0, divide);
    let mut background = Box::pin(background);
    let panics = handle.try_call(0).unwrap();
    let waits = handle.try_call(5).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(background);
    assert_eq!(block_on(panics), Err(panicked("by zero")));
    assert_eq!(
        block_on(waits),
        Err(CallError::Closed(CloseReason::Dropped))
    );
}

#[test]
fn a_policy_that_gives_up_ends_with_the_panic() {
    let policy = at_once().at_most(2, HOUR);
    let (handle, background) = Service::new().restart(policy).build(async || 0, divide);
    let replies = [0; 4].map(|by| handle.try_call(by).unwrap());
    let ended = catch_unwind(AssertUnwindSafe(|| block_on(background)));
    assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"by zero"));
    let given_up = CallError::Closed(CloseReason::Panicked("by zero".into()));
    let [first, second, third, last] = replies.map(|reply| block_on(reply).unwrap_err());
    for error in [first, second, third] {
        assert_eq!(error, panicked("by zero"));
    }
    assert_eq!(last, given_up);
    assert_eq!(handle.metrics().restarts, 2);
    assert_eq!(block_on(handle.call(5)), Err(given_up));
}

#[test]
fn a_state_that_panics_when_it_is_dropped_is_no_hindrance() {
    struct Rude;
    impl Drop for Rude {
        fn drop(&mut self) {
            resume_unwind(Box::new("rude"));
        }
    }
    let handler = async |state: &mut Option<Rude>, n: u8| {
        if n == 0 {
            resume_unwind(Box::new("zero"));
        }
        std::mem::forget(state.take());
        n
    };
    let make = async || Some(Rude);
    let (handle, background) = Service::new().restart(at_once()).build(make, handler);
    let replies = [0, 0, 1].map(|n| handle.try_call(n).unwrap());
    drop(handle);
    block_on(background);
    let expected = [Err(panicked("zero")), Err(panicked("zero")), Ok(1)];
    assert_eq!(replies.map(block_on), expected);
}

#[test]
#[should_panic(expected = "is longer than the longest")]
fn a_first_pause_beyond_the_longest_is_refused() {
    let _ = RestartPolicy::new().backoff(HOUR, Duration::ZERO);
}
