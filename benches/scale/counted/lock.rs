//! A lock that tells the machine when it is taken.

use std::panic::Location;
use std::sync::{self, LockResult};

pub(crate) use std::sync::MutexGuard;

use super::machine::{Lock, lock};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        lock(&raw const self.0, Lock::Other, Location::caller());
        self.0.lock()
    }

    pub(crate) fn into_inner(self) -> LockResult<T> {
        self.0.into_inner()
    }
}
