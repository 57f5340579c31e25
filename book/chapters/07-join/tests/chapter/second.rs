//! Are all tasks finished when one of them has failed?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use chapter_07::{run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::check::red;

/// Asserts that a task is run to its end although one before it has panicked.
macro_rules! finishes_all {
    ($all:path) => {
        let (sender, receiver) = flume::unbounded();
        let finished = Arc::new(AtomicBool::new(false));
        let flag = finished.clone();
        let cracks = spawn_on(&sender, async {
            // As `panic!`, without a message on the terminal.
            resume_unwind(Box::new("on purpose"))
        });
        let goes_on = spawn_on(&sender, async move {
            yield_now().await;
            flag.store(true, Ordering::Relaxed);
        });
        let mut all = pin!($all(vec![cracks, goes_on]));
        let mut outcome = Poll::Pending;
        for _ in 0..10 {
            run_next(&receiver);
            if outcome.is_pending() {
                outcome = all.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        }
        assert!(matches!(outcome, Poll::Ready(Err(_))), "it has failed");
        assert!(
            finished.load(Ordering::Relaxed),
            "the second task was cancelled"
        );
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        finishes_all!(unsolved::all);
    });
}

#[test]
fn the_solution() {
    finishes_all!(solution::all);
}
