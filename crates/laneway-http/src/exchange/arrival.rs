//! When the next piece of a body came.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use laneway::time::now;

/// The waker for the news of a body. It notes when they come, since the task that it wakes may have
/// given its read up: the time until the next read is then none of the client's.
#[derive(Debug, Default)]
pub(crate) struct Arrival(Mutex<Awaited>);

#[derive(Debug, Default)]
enum Awaited {
    #[default]
    Nothing,
    /// The waker of the task that waits.
    News(Waker),
    Came(Instant),
}

impl Arrival {
    /// Begins to wait for the next news.
    pub(crate) fn expect(&self, waker: &Waker) {
        let before = self.replace(Awaited::News(waker.clone()));
        drop(before);
    }

    /// When the news came, if they have.
    pub(crate) fn at(&self) -> Option<Instant> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Awaited::Came(at) => Some(at),
            Awaited::Nothing | Awaited::News(_) => None,
        }
    }

    /// Gives what was there, to be dropped or woken without the lock.
    fn replace(&self, awaited: Awaited) -> Awaited {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, awaited)
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Arrival>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Arrival>) {
        if let Awaited::News(waker) = self.replace(Awaited::Came(now())) {
            waker.wake();
        }
    }
}
