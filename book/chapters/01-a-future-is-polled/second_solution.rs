//! A solution: the waker of the last poll counts, since the one before may be of another thread.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// A signal that one thread raises and another waits for.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_raised: bool,
    waiting: Option<Waker>,
}

impl Signal {
    /// Ready when the signal has been raised.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap();
        if state.is_raised {
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Raises the signal, and wakes the thread or task that waits for it.
    pub fn raise(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_raised = true;
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}
