//! Does `both` wait for two futures at once?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use chapter_01::{block_on, letter};
use laneway_book::check::red;

/// Asserts that `$both` polls both futures: the first waits for a letter that the second sends.
macro_rules! waits_for_two_at_once {
    ($both:path, $patience:expr) => {
        super::ends($patience, || {
            let (address, letter) = letter();
            let send = async move {
                address.send("from the second");
                2
            };
            assert_eq!(block_on($both(letter, send)), ("from the second", 2));
            assert_eq!(block_on($both(super::again(), super::again())), ((), ()));
        })
    };
}

#[test]
fn the_exercise() {
    red("the exercise is there to be solved", || {
        waits_for_two_at_once!(unsolved::both, super::SHORT);
    });
}

#[test]
fn the_solution() {
    waits_for_two_at_once!(solution::both, super::LONG);
}
