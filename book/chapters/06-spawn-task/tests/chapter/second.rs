//! How many times does a macro evaluate its argument?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use futures_lite::future::block_on;
use laneway_book::check::red;

/// Asserts that an expression which counts is evaluated once.
macro_rules! evaluates_once {
    ($module:ident) => {
        let (mut log, mut names) = (Vec::new(), 0);
        let mut next = || {
            names += 1;
            format!("task {names}")
        };
        let task = $module::spawn_logged!(log, next(), async { 1 });
        assert_eq!(block_on(task), 1);
        assert_eq!(log, ["task 1 is handed in", "task 1 has a ticket"]);
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        evaluates_once!(unsolved);
    });
}

#[test]
fn the_solution() {
    evaluates_once!(solution);
}
