//! A panic of the service's: caught, told to the log, and counted.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The part of a service that has panicked, as the log calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panicked {
    /// The service, before it has answered.
    Service,
    /// The body of an answer that has begun.
    Body,
}

/// Calls code of the service's. An error is the message of its panic; code that has panicked is not
/// to be called again.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let message = message(&*payload);
        // The payload is the service's as well, and may panic when it is dropped.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        message
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Panicked::Service => "a service panicked, and its client gets 500",
            Panicked::Body => "an answer's body panicked, and is broken off",
        })
    }
}

impl Error for Panicked {}
