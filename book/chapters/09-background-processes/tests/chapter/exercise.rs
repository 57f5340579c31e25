//! Does `tended` begin again after a panic?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::panic::resume_unwind;

use chapter_09::{run_next, spawn_on};
use futures_lite::future::{block_on, yield_now};
use laneway_book::check::red;

/// Asserts that `$tended` makes a third future when two have panicked, and gives its output.
macro_rules! begins_again {
    ($tended:path) => {
        let (sender, queue) = flume::unbounded();
        let mut made = 0;
        let make = move || {
            made += 1;
            let number = made;
            async move {
                yield_now().await;
                if number < 3 {
                    // As `panic!`, without a message on the terminal.
                    resume_unwind(Box::new("on purpose"));
                }
                number
            }
        };
        let task = spawn_on(&sender, $tended(make));
        while run_next(&queue) {}
        assert_eq!(block_on(task), 3);
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
