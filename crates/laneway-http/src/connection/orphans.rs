//! The futures of a connection that the runtime no longer begins.
//!
//! Each stream of HTTP/2 has a task, and so have the bytes that are written to a stream that is
//! given away. A runtime that shuts down begins no more tasks, but the streams go on up to the
//! deadline. So the connection's own task polls what would have been tasks.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Context;

type Orphan = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The futures that have come, from whatever thread.
#[derive(Default)]
pub(super) struct Orphans {
    came: Mutex<Vec<Orphan>>,
    /// Set, with `came` locked, while there are some. A connection whose runtime goes on looks at
    /// this alone.
    any: AtomicBool,
}

/// The futures that the connection's task polls. There are no more than two for each stream.
#[derive(Default)]
pub(super) struct Adopted(Vec<Orphan>);

impl Orphans {
    /// Takes a future in. The connection's task is to be woken.
    pub(super) fn take_in(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push(Box::pin(future));
        // Relaxed: the wake-up of the connection's task comes after it, and the lock orders the
        // rest.
        self.any.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> Vec<Orphan> {
        if !self.any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Relaxed);
        mem::take(&mut *came)
    }
}

impl Adopted {
    /// Polls each, those that have come among them. One that comes meanwhile wakes the task.
    pub(super) fn poll(&mut self, orphans: &Orphans, cx: &mut Context<'_>) {
        self.0.extend(orphans.take());
        self.0
            .retain_mut(|orphan| orphan.as_mut().poll(cx).is_pending());
    }
}
