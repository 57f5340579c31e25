//! Does `tended` begin again after a panic?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chapter_09::{run_next, spawn_on, try_join};
use futures_lite::future::block_on;
use laneway_book::check::red;

/// Asserts that `$tended` makes a third future when two have panicked, gives its output, and lets
/// another task have its turn in between.
macro_rules! begins_again {
    ($tended:path) => {
        let (sender, queue) = flume::unbounded();
        let made = Arc::new(AtomicU32::new(0));
        let seen = made.clone();
        let make = move || {
            let number = made.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                if number < 3 {
                    // As `panic!`, without a message on the terminal.
                    resume_unwind(Box::new("on purpose"));
                }
                number
            }
        };
        let task = spawn_on(&sender, $tended(make));
        let other = spawn_on(&sender, async move { seen.load(Ordering::Relaxed) });
        while run_next(&queue) {}
        let outcome = try_join!(task).remove(0);
        assert_eq!(outcome.ok(), Some(3), "the output of the third future");
        let seen = block_on(other);
        assert_eq!(seen, 1, "futures made when the other task had its turn");
    };
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        begins_again!(unsolved::tended);
    });
}

#[test]
fn the_solution() {
    begins_again!(solution::tended);
}
