//! Does `first` give whatever ends first?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::future::{pending, ready};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use chapter_07::{run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::check::red;

/// Asserts that `$first` finds the one task of three that ends, and cancels the others.
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
        let mut look = || first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(look(), Poll::Pending, "nothing has run");
        (0..3).for_each(|_| assert!(run_next(&receiver)));
        assert_eq!(look(), Poll::Ready("early"));
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
