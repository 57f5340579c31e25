//! The future that is simulated, and its waker.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::wake_flag::WakeFlag;
use crate::ground::poll::own_poll;
use crate::ground::sync::unpoisoned;

/// A future whose type does not matter to the scheduler.
pub(super) trait Root: Sync {
    /// Whether it is to be polled.
    fn is_woken(&self) -> bool;

    /// Polls it. `true`: it has ended.
    fn poll(&self) -> bool;

    fn drop_future(&self);
}

/// A future, and later its output.
pub(super) struct RootFuture<F: Future> {
    /// Not there while it is polled, which may block, and when it has ended.
    future: Mutex<Option<Pin<Box<F>>>>,
    outcome: Mutex<Option<thread::Result<F::Output>>>,
    woken: Arc<WakeFlag>,
}

impl<F: Future> RootFuture<F> {
    pub(super) fn new(future: F) -> RootFuture<F> {
        RootFuture {
            future: Mutex::new(Some(Box::pin(future))),
            outcome: Mutex::new(None),
            woken: Arc::new(WakeFlag::raised()),
        }
    }

    /// Its output or its panic, if it has ended.
    pub(super) fn into_outcome(self) -> Option<thread::Result<F::Output>> {
        let outcome = self.outcome.into_inner();
        unpoisoned(outcome)
    }
}

impl<F> Root for RootFuture<F>
where
    F: Future + Send,
    F::Output: Send,
{
    fn is_woken(&self) -> bool {
        self.woken.is_raised()
    }

    fn poll(&self) -> bool {
        self.woken.take();
        let Some(mut future) = lock(&self.future).take() else {
            // Woken while it blocks, or again after its end.
            return false;
        };
        let waker = Waker::from(self.woken.clone());
        // The future moves into the closure: if it panics, it is dropped in the unwinding.
        let poll = move || {
            let mut cx = Context::from_waker(&waker);
            let polled = own_poll(&waker, || future.as_mut().poll(&mut cx));
            (polled, future)
        };
        let outcome = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok((Poll::Pending, future)) => {
                *lock(&self.future) = Some(future);
                return false;
            }
            Ok((Poll::Ready(output), _future)) => Ok(output),
            Err(payload) => Err(payload),
        };
        *lock(&self.outcome) = Some(outcome);
        true
    }

    fn drop_future(&self) {
        let future = lock(&self.future).take();
        drop(future);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}
