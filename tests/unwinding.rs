//! What do destructors see when a poll panics, and who learns of a destructor that panics?

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use laneway::sim::Sim;
use laneway::{Priority, Runtime, spawn_task, try_join};

/// Tells whether its thread was panicking when it was dropped.
struct Tells(Sender<bool>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.send(thread::panicking()).unwrap();
    }
}

/// A future written by hand, which panics in its poll.
struct Panics {
    _tells: Tells,
}

impl Future for Panics {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        panic!("in the poll");
    }
}

#[test]
fn the_fields_of_a_future_that_panics_are_dropped_while_the_panic_goes_on() {
    let (told, tells) = mpsc::channel();
    let tells_too = Tells(told.clone());
    let panics = spawn_task!(Panics {
        _tells: Tells(told),
    });
    assert!(try_join!(panics)[0].as_ref().unwrap_err().is_panic());
    assert_eq!(tells.recv(), Ok(true));
    // One that is dropped in the ordinary way says so.
    let ends = spawn_task!(async move { drop(tells_too) });
    laneway::block_on(ends);
    assert_eq!(tells.recv(), Ok(false));
}

#[test]
fn so_are_those_of_the_future_of_a_simulation() {
    let (told, tells) = mpsc::channel();
    let panics = Panics {
        _tells: Tells(told),
    };
    assert!(catch_unwind(AssertUnwindSafe(|| Sim::seed(1).run(panics))).is_err());
    assert_eq!(tells.recv(), Ok(true));
}

#[test]
fn a_guard_in_a_future_that_panics_poisons_its_lock() {
    /// Takes the lock in its first poll and panics in the same.
    struct Locks(
        &'static Mutex<i32>,
        Option<std::sync::MutexGuard<'static, i32>>,
    );
    // The guard is not `Send`, so the future is polled here.
    impl Future for Locks {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
            self.1 = Some(self.0.lock().unwrap());
            panic!("with the lock held");
        }
    }
    let lock: &'static Mutex<i32> = Box::leak(Box::new(Mutex::new(1)));
    let polled = catch_unwind(|| laneway::block_on(Locks(lock, None)));
    assert!(polled.is_err());
    assert!(lock.is_poisoned());
}

/// Panics when it is dropped.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

async fn waits_for_ever() {
    let _panics = PanicsWhenDropped;
    pending::<()>().await;
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload.downcast_ref::<&str>().unwrap()
}

#[test]
fn the_canceller_gets_the_panic_of_a_destructor() {
    let rt = Runtime::builder().build().unwrap();
    let task = rt.spawn(waits_for_ever(), Priority::Low);
    while rt.metrics().queues[1].polls == 0 {
        thread::yield_now();
    }
    let cancelled = catch_unwind(AssertUnwindSafe(|| rt.block_on(task.cancel())));
    assert_eq!(message(&*cancelled.unwrap_err()), "in the destructor");
}

#[test]
fn an_awaiter_gets_the_panic_of_a_destructor_as_a_value() {
    let rt = Runtime::builder().build().unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|_| rt.spawn(waits_for_ever(), Priority::Low).fallible())
        .collect();
    while rt.metrics().queues[1].polls < 3 {
        thread::yield_now();
    }
    let [cancelled, aborted, cut_off] = <[_; 3]>::try_from(tasks).unwrap();
    let error = rt.block_on(cancelled.cancel()).unwrap_err();
    assert_eq!(message(&*error.into_panic()), "in the destructor");
    aborted.abort();
    let error = rt.block_on(aborted).unwrap_err();
    assert_eq!(message(&*error.into_panic()), "in the destructor");
    drop(rt);
    let error = laneway::block_on(cut_off).unwrap_err();
    assert_eq!(message(&*error.into_panic()), "in the destructor");
}

#[test]
fn a_destructor_that_panics_during_a_panic_costs_no_worker() {
    /// Panics in its poll, and again when it is dropped for that.
    struct Twice(PanicsWhenDropped);
    impl Future for Twice {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
            panic!("in the poll");
        }
    }
    let rt = Arc::new(Runtime::builder().build().unwrap());
    let task = rt.spawn(Twice(PanicsWhenDropped), Priority::Low);
    let error = try_join!(task).remove(0).unwrap_err();
    assert_eq!(message(&*error.into_panic()), "in the poll");
    assert_eq!(rt.block_on(rt.spawn(async { 1 }, Priority::Low)), 1);
}
