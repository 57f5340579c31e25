//! Seven consumers, shared out in two ways, on three days. How many turns does each kind get?

use async_task::Task;
use chapter_08::{Step, spawn_on, step};
use flume::Sender;
use futures_lite::future::yield_now;

/// Turns of high and of low tasks, when each consumer has taken ten steps.
fn turns(high_consumers: usize, high_tasks: usize, low_tasks: usize) -> (usize, usize) {
    let (high, of_high) = flume::unbounded();
    let (low, of_low) = flume::unbounded();
    let _tasks = [endless(&high, high_tasks), endless(&low, low_tasks)];
    let (mut high_turns, mut low_turns) = (0, 0);
    for number in (0..7).cycle().take(70) {
        let (own, other) = match number < high_consumers {
            true => (&of_high, &of_low),
            false => (&of_low, &of_high),
        };
        match (step(own, other), number < high_consumers) {
            (Step::Own, true) | (Step::Stolen, false) => high_turns += 1,
            (Step::Own, false) | (Step::Stolen, true) => low_turns += 1,
            (Step::Rest, _) => {}
        }
    }
    (high_turns, low_turns)
}

/// Puts this number of tasks into a queue, which go to its back after each turn and never end.
fn endless(queue: &Sender<async_task::Runnable>, count: usize) -> Vec<Task<()>> {
    let task = || async {
        loop {
            yield_now().await;
        }
    };
    (0..count).map(|_| spawn_on(queue, task())).collect()
}

fn main() {
    for (day, high_tasks, low_tasks) in [
        ("low tasks only", 0, 100),
        ("high tasks only", 100, 0),
        ("both without end", 100, 100),
    ] {
        println!("{day}:");
        for high in [6, 1] {
            let (high_turns, low_turns) = turns(high, high_tasks, low_tasks);
            let low = 7 - high;
            println!("  {high} high and {low} low: turns high {high_turns}, low {low_turns}");
        }
    }
}
