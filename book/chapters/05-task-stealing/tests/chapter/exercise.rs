//! Does one consumer stay at home while another is away?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;

use async_task::Runnable;
use chapter_05::{Step, run_next, spawn_on};
use flume::Receiver;
use laneway_book::check::red;

use super::Log;
use crate::at_home::AtHome;

type StepOf = fn(&Receiver<Runnable>, &Receiver<Runnable>, &AtHome) -> Step;

/// Two high consumers, two low tasks, and a high task that comes while the first low task runs.
/// The second consumer takes its steps inside the poll that the first has stolen.
fn one_stays(step: StepOf) {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (at_home, log) = (Arc::new(AtHome::of(2)), Log::default());
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

/// Two consumers leave at the same time: the second takes its step behind an operation of the first,
/// whichever that is, and is still away when the first goes on.
fn one_of_two_stays(step: StepOf) {
    for operation in 1..=4 {
        let (_high, own) = flume::unbounded();
        let (low, other) = flume::unbounded();
        let (at_home, log) = (Arc::new(AtHome::of(2)), Log::default());
        let (returns, first_is_over) = flume::bounded::<()>(0);
        let (tells, second_is_away) = mpsc::channel();
        for _ in 0..2 {
            let (count, log) = (at_home.clone(), log.clone());
            let (tells, first_is_over) = (tells.clone(), first_is_over.clone());
            let stolen = async move {
                log.write(count.load(Ordering::SeqCst));
                if thread::current().name() == Some("second") {
                    tells.send(()).expect("the first consumer waits");
                    // Its other end is dropped, and nothing is ever sent.
                    let _ = first_is_over.recv();
                }
            };
            spawn_on(&low, stolen).detach();
        }
        let (second_own, second_other) = (own.clone(), other.clone());
        let count = at_home.clone();
        at_home.let_in(operation, move || {
            let second = thread::Builder::new().name("second".to_owned());
            let takes_a_step = move || {
                step(&second_own, &second_other, &count);
                // If it was away, the first consumer does not wait any more.
                let _ = tells.send(());
            };
            second.spawn(takes_a_step).expect("the system has a thread");
            second_is_away
                .recv()
                .expect("it goes away, or its step is over");
        });
        step(&own, &other, &at_home);
        drop(returns);
        let counts = log.lines();
        assert!(!counts.is_empty(), "one of two may go");
        assert!(!counts.contains(&"0".to_owned()), "no consumer is at home");
    }
}

/// The mistake that the text warns of: a look, and then a count.
fn look_then_count(own: &Receiver<Runnable>, other: &Receiver<Runnable>, at_home: &AtHome) -> Step {
    if run_next(own) {
        return Step::Own;
    }
    if at_home.load(Ordering::SeqCst) < 2 {
        return Step::Rest;
    }
    at_home.fetch_sub(1, Ordering::SeqCst);
    let stolen = run_next(other);
    at_home.fetch_add(1, Ordering::SeqCst);
    if stolen { Step::Stolen } else { Step::Rest }
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        one_stays(unsolved::step);
        one_of_two_stays(unsolved::step);
    });
}

#[test]
fn the_solution() {
    one_stays(solution::step);
    one_of_two_stays(solution::step);
}

#[test]
fn a_solution_that_looks_and_then_counts_is_seen() {
    one_stays(look_then_count);
    let seen = std::panic::catch_unwind(|| one_of_two_stays(look_then_count));
    assert!(seen.is_err(), "both consumers were away");
}
