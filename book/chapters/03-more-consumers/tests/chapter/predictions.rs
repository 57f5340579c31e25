//! What the text's questions have for answers.

use chapter_03::{run_next, spawn_on};
use futures_lite::future::yield_now;
use laneway_book::prediction;

use super::Log;
use super::day::Day;

/// Two consumers take a task each, and the second is done with its poll first.
#[test]
fn who_is_ahead() {
    let (sender, receiver) = flume::unbounded();
    let log = Log::default();
    for name in ["Anna", "Ben", "Cleo"] {
        let log = log.clone();
        let task = async move {
            yield_now().await;
            log.write(name);
        };
        spawn_on(&sender, task).detach();
    }
    let anna = receiver.recv().unwrap();
    let ben = receiver.recv().unwrap();
    ben.run();
    anna.run();
    while run_next(&receiver) {}
    prediction!("who-is-ahead", log.lines().join(", "));
}

/// At what time a tile runs that was queued behind four carvings of an hour, with three consumers.
fn time_of_the_tile(stretches: u32) -> u32 {
    let (sender, receiver) = flume::unbounded();
    let (day, log) = (Day::default(), Log::default());
    for _ in 0..4 {
        spawn_on(&sender, day.work(stretches, 60 / stretches)).detach();
    }
    let (clock, time) = (day.clone(), log.clone());
    spawn_on(&sender, async move { time.write(clock.now()) }).detach();
    day.run(3, |_| run_next(&receiver));
    log.lines()[0].parse().expect("a time in minutes")
}

#[test]
fn four_carvings() {
    let minutes = time_of_the_tile(1);
    prediction!("four-carvings", format!("after {minutes} minutes"));
}

#[test]
fn carvings_in_slices() {
    let minutes = time_of_the_tile(6);
    prediction!("carvings-in-slices", format!("after {minutes} minutes"));
}
