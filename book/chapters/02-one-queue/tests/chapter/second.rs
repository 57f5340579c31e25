//! Do tasks run whose tickets the caller does not get?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use chapter_02::run_next;
use laneway_book::check::red;

use super::Log;

/// Asserts that all of three futures have run.
macro_rules! runs_all {
    ($spawn_all:path) => {
        let (sender, receiver) = flume::unbounded();
        let log = Log::default();
        let write = |number: u32| {
            let log = log.clone();
            async move { log.write(number) }
        };
        $spawn_all(&sender, vec![write(1), write(2), write(3)]);
        while run_next(&receiver) {}
        assert_eq!(log.lines(), ["1", "2", "3"], "the futures that have run");
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        runs_all!(unsolved::spawn_all);
    });
}

#[test]
fn the_solution() {
    runs_all!(solution::spawn_all);
}
