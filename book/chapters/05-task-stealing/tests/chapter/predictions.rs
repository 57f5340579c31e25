//! What the text's questions have for answers.

use async_task::Runnable;
use chapter_05::{Step, run_next, spawn_on, step};
use flume::Receiver;
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

/// When a high tile is taken that comes after ten minutes, while four carvings of an hour are in
/// the low queue. `of_high` is the step of the two high consumers.
fn tile_is_taken(of_high: fn(&Receiver<Runnable>, &Receiver<Runnable>) -> Step) -> String {
    let (high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let (day, log) = (Day::default(), Log::default());
    for _ in 0..4 {
        spawn_on(&low, day.work(1, 60)).detach();
    }
    let (clock, time) = (day.clone(), log.clone());
    let mut tile = Some(async move { time.write(clock.now()) });
    day.run(5, |who| match who {
        0 | 1 => of_high(&high_tasks, &low_tasks) != Step::Rest,
        2 | 3 => step(&low_tasks, &high_tasks) != Step::Rest,
        _ if day.now() < 10 => {
            day.set(10);
            true
        }
        _ => tile
            .take()
            .map(|tile| spawn_on(&high, tile).detach())
            .is_some(),
    });
    format!("after {} minutes", log.lines()[0])
}

#[test]
fn a_customer_at_ten_past() {
    prediction!("a-customer-at-ten-past", tile_is_taken(step));
}

#[test]
fn one_way_only() {
    let stays_at_home = |own: &Receiver<Runnable>, _: &Receiver<Runnable>| match run_next(own) {
        true => Step::Own,
        false => Step::Rest,
    };
    prediction!("one-way-only", tile_is_taken(stays_at_home));
}
