//! `block_on` with a bell that remembers nothing.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Runs a future on this thread, which sleeps between polls: sometimes for ever.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => bell.wait(),
        }
    }
}

/// Rings when the future is worth another poll.
#[derive(Default)]
struct Bell {
    asleep: Mutex<()>,
    ring: Condvar,
}

impl Bell {
    /// Sleeps until the bell rings.
    fn wait(&self) {
        let asleep = self.asleep.lock().unwrap();
        drop(self.ring.wait(asleep).unwrap());
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring.notify_one();
    }
}
