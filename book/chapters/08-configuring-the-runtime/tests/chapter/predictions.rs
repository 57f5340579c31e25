//! What the text's questions have for answers.

use std::future::ready;

use chapter_08::{Step, high_for, spawn_on, step};
use laneway_book::prediction;

#[test]
fn two_cores() {
    prediction!("two-cores", high_for(2));
}

#[test]
fn how_many_at_once() {
    let (_high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let tasks: Vec<_> = (0..10).map(|_| spawn_on(&low, ready(()))).collect();
    // One step each of three high consumers and a low one.
    let high = (0..3).map(|_| step(&high_tasks, &low_tasks));
    let low = [step(&low_tasks, &high_tasks)];
    let taken = high.chain(low).filter(|step| *step != Step::Rest);
    prediction!("how-many-at-once", taken.count());
    drop(tasks);
}
