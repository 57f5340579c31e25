//! Does `counted` count the polls?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use chapter_06::{Count, spawn_task};
use futures_lite::future::block_on;
use laneway_book::check::red;

/// Asserts that `$counted` counts the polls of a hand-written future and of an async block.
macro_rules! counts {
    ($counted:path) => {
        assert_eq!(block_on($counted(async { "at once" })), ("at once", 1));
        let task = spawn_task!($counted(Count::to(3, "counted")));
        assert_eq!(block_on(task), (3, 4), "three numbers, and the end");
    };
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        counts!(unsolved::counted);
    });
}

#[test]
fn the_solution() {
    counts!(solution::counted);
}
