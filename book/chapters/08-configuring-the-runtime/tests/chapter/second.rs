//! Does the first number count?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use laneway_book::check::red;

/// Asserts that the first call settles the number, be it a question or not.
macro_rules! settles_once {
    ($pool:path) => {
        let pool = <$pool>::default();
        assert_eq!(pool.settle(3), 3, "the first number counts");
        assert_eq!((pool.settle(5), pool.size()), (3, 3));
        let asked = <$pool>::default();
        assert_eq!(
            (asked.size(), asked.settle(3)),
            (1, 1),
            "a question settles it"
        );
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        settles_once!(unsolved::Pool);
    });
}

#[test]
fn the_solution() {
    settles_once!(solution::Pool);
}
