//! A lock that tells the machine when it is taken.

use std::any;
use std::panic::Location;
use std::sync::{self, LockResult};

pub(crate) use std::sync::MutexGuard;

use super::machine::{Lock, lock};

/// The lock around a ring is that of a channel.
fn kind<T>() -> Lock {
    match any::type_name::<T>().contains("ring::Ring<") {
        true => Lock::Channel,
        false => Lock::Other,
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        lock(&raw const self.0, kind::<T>(), Location::caller());
        self.0.lock()
    }

    pub(crate) fn into_inner(self) -> LockResult<T> {
        self.0.into_inner()
    }
}
