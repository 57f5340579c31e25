//! Does `yield_now` let the others go first?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use chapter_02::{run_next, spawn_on};
use laneway_book::check::red;

use super::Log;

/// Asserts that a task which yields after each of its calls takes turns with another.
macro_rules! takes_turns {
    ($yield_now:path) => {
        let (sender, receiver) = flume::unbounded();
        let log = Log::default();
        for name in ["a", "b"] {
            let log = log.clone();
            let task = async move {
                for call in 1..=2 {
                    log.write(format!("{name}{call}"));
                    $yield_now().await;
                }
            };
            spawn_on(&sender, task).detach();
        }
        let polls = (0..100).take_while(|_| run_next(&receiver)).count();
        assert_eq!(log.lines(), ["a1", "b1", "a2", "b2"]);
        assert_eq!(polls, 6, "two yields and an end each");
    };
}

#[test]
fn the_exercise() {
    red("the exercise is there to be solved", || {
        takes_turns!(unsolved::yield_now);
    });
}

#[test]
fn the_solution() {
    takes_turns!(solution::yield_now);
}
