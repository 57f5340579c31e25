//! What the text's questions have for answers.

use chapter_05::{Step, spawn_on, step};
use futures_lite::future::yield_now;
use laneway_book::prediction;

use super::Log;
use super::day::Day;

#[test]
fn where_is_leo() {
    let (_high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    spawn_on(&low, yield_now()).detach();
    assert_eq!(step(&high_tasks, &low_tasks), Step::Stolen);
    let answer = match (high_tasks.len(), low_tasks.len()) {
        (1, 0) => "in the high queue",
        (0, 1) => "in the low queue",
        other => panic!("{other:?}"),
    };
    prediction!("where-is-leo", answer);
}

#[test]
fn helping_hands() {
    let (_high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (day, log) = (Day::default(), Log::default());
    for _ in 0..8 {
        let (carving, clock, log) = (day.work(1, 60), day.clone(), log.clone());
        let task = async move {
            carving.await;
            log.write(clock.now() / 60);
        };
        spawn_on(&low, task).detach();
    }
    day.run(4, |who| match who {
        0 | 1 => step(&high_tasks, &low_tasks) != Step::Rest,
        _ => step(&low_tasks, &high_tasks) != Step::Rest,
    });
    let ends = log.lines();
    assert_eq!(ends.len(), 8);
    let last = ends.last().expect("all are done");
    prediction!("helping-hands", format!("after {last} hours"));
}

/// Four carvings of an hour, and a customer with a high note who comes after ten minutes.
#[test]
fn a_customer_at_ten_past() {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (day, log) = (Day::default(), Log::default());
    for _ in 0..4 {
        spawn_on(&low, day.work(1, 60)).detach();
    }
    let (clock, time) = (day.clone(), log.clone());
    let mut note = Some(async move { time.write(clock.now()) });
    day.run(5, |who| match who {
        0 | 1 => step(&high_tasks, &low_tasks) != Step::Rest,
        2 | 3 => step(&low_tasks, &high_tasks) != Step::Rest,
        _ if day.now() < 10 => {
            day.set(10);
            true
        }
        _ => note
            .take()
            .map(|note| spawn_on(&high, note).detach())
            .is_some(),
    });
    let minutes = &log.lines()[0];
    prediction!("a-customer-at-ten-past", format!("after {minutes} minutes"));
}
