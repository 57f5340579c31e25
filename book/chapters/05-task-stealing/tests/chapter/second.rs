//! Does a consumer that helps out look at its own queue in between?

#[path = "../../second.rs"]
mod unsolved;

#[path = "../../second_solution.rs"]
mod solution;

use chapter_05::spawn_on;
use laneway_book::check::red;

use super::Log;

/// Asserts that a high task which comes during a stolen poll runs before the next one is stolen.
macro_rules! looks_in_between {
    ($step:path) => {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        let log = Log::default();
        let (first, second, urgent) = (log.clone(), log.clone(), log.clone());
        let stolen = async move {
            first.write("low 1");
            spawn_on(&high, async move { urgent.write("high") }).detach();
        };
        spawn_on(&low, stolen).detach();
        spawn_on(&low, async move { second.write("low 2") }).detach();
        for _ in 0..4 {
            $step(&high_tasks, &low_tasks);
        }
        assert_eq!(log.lines(), ["low 1", "high", "low 2"]);
    };
}

#[test]
fn the_exercise() {
    red("the fault is there to be found", || {
        looks_in_between!(unsolved::step);
    });
}

#[test]
fn the_solution() {
    looks_in_between!(solution::step);
}
