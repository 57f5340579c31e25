//! What the text's questions have for answers.

use std::future::ready;

use chapter_08::{Step, run_next, spawn_on, step};
use laneway_book::prediction;

/// Six consumers look at the high queue alone and one at the low one, ten times each.
#[test]
fn without_thieves() {
    let (_high, high_tasks) = flume::unbounded();
    let (low, low_tasks) = flume::unbounded();
    let tasks: Vec<_> = (0..100).map(|_| spawn_on(&low, ready(()))).collect();
    let homes = [[&high_tasks; 6].as_slice(), &[&low_tasks]].concat();
    let steps = homes.iter().cycle().take(70);
    let ran = steps.filter(|home| run_next(home)).count();
    prediction!("without-thieves", ran);
    drop(tasks);
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
