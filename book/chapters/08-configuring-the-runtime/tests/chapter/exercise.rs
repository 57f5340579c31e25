//! Is the number of consumers that of the one who counts most?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use laneway_book::check::red;

/// Asserts that `$number` asks in the right order, and says when it does not understand.
macro_rules! settles {
    ($number:path) => {
        assert_eq!($number(None, None, 1), Ok(1));
        assert_eq!($number(None, Some("3"), 1), Ok(3));
        assert_eq!(
            $number(None, Some(" 3\n"), 1),
            Ok(3),
            "spaces do not matter"
        );
        assert_eq!($number(Some(2), Some("3"), 1), Ok(2));
        for nonsense in ["three", "-1", "", "3.5"] {
            assert!($number(None, Some(nonsense), 1).is_err(), "{nonsense:?}");
        }
    };
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        settles!(unsolved::number);
    });
}

#[test]
fn the_solution() {
    settles!(solution::number);
}
