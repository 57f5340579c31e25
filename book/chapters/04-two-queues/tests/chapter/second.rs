//! Does a wrapper leave the label as it is?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use std::cell::Cell;

use chapter_04::{Labelled, Priority, high, low};
use futures_lite::future::block_on;
use laneway_book::check::red;

/// Asserts that what is wrapped keeps its priority and its output.
macro_rules! keeps_the_label {
    ($with_end:path) => {
        let done = Cell::new(0);
        let count = || done.set(done.get() + 1);
        let relaxed = $with_end(low(async { 1 }), count);
        assert_eq!(relaxed.priority(), Priority::Low);
        assert_eq!((block_on(relaxed), done.get()), (1, 1));
        let urgent = $with_end(high(async { 2 }), count);
        assert_eq!(urgent.priority(), Priority::High, "a high future, wrapped");
        assert_eq!((block_on(urgent), done.get()), (2, 2));
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        keeps_the_label!(unsolved::with_end);
    });
}

#[test]
fn the_solution() {
    keeps_the_label!(solution::with_end);
}
