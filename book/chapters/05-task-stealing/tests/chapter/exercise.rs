//! Does one consumer stay at home while another is away?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_task::Runnable;
use chapter_05::{Step, spawn_on};
use flume::Receiver;
use laneway_book::check::red;

use super::Log;

type StepOf = fn(&Receiver<Runnable>, &Receiver<Runnable>, &AtomicUsize) -> Step;

/// Two high consumers, two low tasks, and a high task that comes while the first low task runs.
/// The second consumer takes its steps inside the poll that the first has stolen.
fn one_stays(step: StepOf) {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (at_home, log) = (Arc::new(AtomicUsize::new(2)), Log::default());
    let (own, other) = (high_tasks.clone(), low_tasks.clone());
    let (count, steps) = (at_home.clone(), log.clone());
    let stolen = async move {
        steps.write(format!("{:?}", step(&own, &other, &count)));
        spawn_on(&high, async {}).detach();
        steps.write(format!("{:?}", step(&own, &other, &count)));
    };
    spawn_on(&low, stolen).detach();
    spawn_on(&low, async {}).detach();

    let first = step(&high_tasks, &low_tasks, &at_home);
    assert_eq!(first, Step::Stolen, "two are at home: one may go");
    assert_eq!(log.lines(), ["Rest", "Own"], "the second one stays at home");
    assert_eq!(at_home.load(Ordering::SeqCst), 2, "the first one is back");
    assert_eq!(step(&high_tasks, &low_tasks, &at_home), Step::Stolen);
    assert_eq!(step(&high_tasks, &low_tasks, &at_home), Step::Rest);
    assert_eq!(at_home.load(Ordering::SeqCst), 2);
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        one_stays(unsolved::step);
    });
}

#[test]
fn the_solution() {
    one_stays(solution::step);
}
