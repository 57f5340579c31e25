//! Does `first` give whatever ends first?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use chapter_07::{run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::check::red;

/// Remembers that it has been called.
#[derive(Default)]
struct Called(AtomicBool);

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asserts that `$first` is woken by the one task of three that ends, gives its output, and cancels
/// the others.
macro_rules! finds_the_first {
    ($first:path) => {
        let (sender, receiver) = flume::unbounded();
        let held = Arc::new(());
        let inside = held.clone();
        let never = async move {
            let _inside = inside;
            pending().await
        };
        let tasks = vec![
            spawn_on(&sender, never),
            spawn_on(&sender, async {
                yield_now().await;
                "late"
            }),
            spawn_on(&sender, ready("early")),
        ];
        let mut first = Box::pin($first(tasks));
        let called = Arc::new(Called::default());
        let waker = Waker::from(called.clone());
        let mut look = || first.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(look(), Poll::Pending, "nothing has run");
        (0..3).for_each(|_| assert!(run_next(&receiver)));
        assert!(
            called.0.load(Ordering::Relaxed),
            "a task ended, and left no word"
        );
        assert_eq!(look(), Poll::Ready("early"), "the third task has ended");
        drop(first);
        while run_next(&receiver) {}
        assert_eq!(Arc::strong_count(&held), 1, "the others are cancelled");
    };
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        finds_the_first!(unsolved::first);
    });
}

#[test]
fn the_solution() {
    finds_the_first!(solution::first);
}
