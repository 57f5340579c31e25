//! Chapter 1's tests.

// `broken.rs`, `exercise.rs` and `solution.rs` are written as parts of a library.
#![allow(unreachable_pub)]

mod broken;
mod conformance;
mod exercise;
mod predictions;
mod second;
mod seen;
mod step;

use std::pin::Pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

/// Pending once, having woken itself; ready at the second poll.
struct Again {
    polled: bool,
}

fn again() -> Again {
    Again { polled: false }
}

impl Future for Again {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.polled {
            return Poll::Ready(());
        }
        self.polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// For what ends: so long that even a busy machine gets there.
const LONG: Duration = Duration::from_secs(20);

/// For what never ends, and has to be given up some time.
const SHORT: Duration = Duration::from_secs(1);

/// Runs `body` on a thread of its own, and panics if it does not end in time.
fn ends(patience: Duration, body: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        body();
        sender.send(()).expect("the test waits");
    });
    match receiver.recv_timeout(patience) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => panic!("waited {patience:?} in vain: it sleeps for ever"),
        Err(RecvTimeoutError::Disconnected) => panic!("it panicked: see above"),
    }
}
