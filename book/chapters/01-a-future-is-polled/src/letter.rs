//! A value that another thread sends, and a future that waits for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What the sender and the future share.
#[derive(Debug)]
struct Postbox<T> {
    value: Option<T>,
    /// The waker of the last poll, to be called when the value comes.
    waiting: Option<Waker>,
}

/// The future: ready when the value has come.
#[derive(Debug)]
pub struct Letter<T>(Arc<Mutex<Postbox<T>>>);

/// The other end: where to send the value.
#[derive(Debug)]
pub struct Address<T>(Arc<Mutex<Postbox<T>>>);

/// Makes a letter that is yet to come, and the address to send it to.
#[must_use]
pub fn letter<T>() -> (Address<T>, Letter<T>) {
    let shared = Arc::new(Mutex::new(Postbox {
        value: None,
        waiting: None,
    }));
    (Address(shared.clone()), Letter(shared))
}

impl<T> Address<T> {
    /// Delivers the value and wakes the future that waits for it.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the letter's lock.
    pub fn send(self, value: T) {
        let mut shared = self.0.lock().unwrap();
        shared.value = Some(value);
        let waiting = shared.waiting.take();
        // Unlock before waking: the first thing the woken future does is to take this lock.
        drop(shared);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Future for Letter<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.0.lock().unwrap();
        match shared.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                shared.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
