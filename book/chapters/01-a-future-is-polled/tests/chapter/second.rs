//! Does a signal wake the waiter that has polled last?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use laneway_book::check::red;

/// Remembers that it was called.
#[derive(Default)]
struct Called(AtomicBool);

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asserts that of two wakers the signal calls the one that came with the last poll.
macro_rules! wakes_the_last {
    ($signal:path) => {
        let signal = <$signal>::default();
        let wakers = [(); 2].map(|()| Arc::new(Called::default()));
        for called in &wakers {
            let waker = Waker::from(called.clone());
            let polled = signal.poll(&mut Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending, "nothing is raised yet");
        }
        signal.raise();
        let last = wakers[1].0.load(Ordering::Relaxed);
        assert!(last, "the waker of the last poll was not called");
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        wakes_the_last!(unsolved::Signal);
    });
}

#[test]
fn the_solution() {
    wakes_the_last!(solution::Signal);
}
