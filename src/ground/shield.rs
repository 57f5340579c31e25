//! Stops panics of the user's code where they would cost more than the task they came from.
//!
//! A panic in a poll is caught by `Tracked`, the future of a task. There are other ways in:
//! destructors, foreign wakers, observers, loggers, and the destructors of the panic payloads of
//! all these. A panic that leaves one of them ends up in a worker, or where async-task aborts the
//! process.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Runs code of the user's. If it panics, its message goes to the log, after `what`, and the panic
/// ends here.
#[inline]
pub(crate) fn shielded(what: &str, run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        log_panic(what, payload);
    }
}

#[cold]
fn log_panic(what: &str, payload: Box<dyn Any + Send>) {
    log_error(format_args!("{what} panicked: {}", message(&*payload)));
    // Forgotten, since its own destructor may panic as well.
    mem::forget(payload);
}

/// Drops a value that is not needed any more, even if its destructor panics.
pub(crate) fn drop_shielded<T>(value: T) {
    if mem::needs_drop::<T>() {
        shielded("a destructor of what a task left behind", || drop(value));
    }
}

/// Logs an error. A logger that panics is left alone.
pub(crate) fn log_error(words: fmt::Arguments<'_>) {
    log_shielded(|| log::error!("{words}"));
}

/// Logs a detail for a search for a fault. A logger that panics is left alone.
pub(crate) fn log_debug(words: fmt::Arguments<'_>) {
    log_shielded(|| log::debug!("{words}"));
}

/// Logs a warning. A logger that panics is left alone.
pub(crate) fn log_warning(words: fmt::Arguments<'_>) {
    log_shielded(|| log::warn!("{words}"));
}

fn log_shielded(log: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(log)) {
        mem::forget(payload);
    }
}

/// The words in a panic's payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        message
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message
    } else {
        "a payload that is no string"
    }
}

/// A foreign waker whose panics stop here.
pub(crate) struct ShieldedWaker(Waker);

impl ShieldedWaker {
    /// Puts a shield around a waker, at the price of an allocation.
    pub(crate) fn around(waker: &Waker) -> Waker {
        Waker::from(Arc::new(ShieldedWaker(waker.clone())))
    }
}

impl Wake for ShieldedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        shielded("the waker of a task's awaiter", || self.0.wake_by_ref());
    }
}

impl Drop for ShieldedWaker {
    fn drop(&mut self) {
        // A waker of nothing goes in, so that the foreign one is dropped here.
        drop_shielded(mem::replace(&mut self.0, Waker::noop().clone()));
    }
}
