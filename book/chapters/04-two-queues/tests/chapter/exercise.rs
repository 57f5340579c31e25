//! Can one consumer serve both queues, and starve neither?

#[path = "../../exercise.rs"]
mod unsolved;

#[path = "../../solution.rs"]
mod solution;

use async_task::Runnable;
use chapter_04::spawn_on;
use flume::{Receiver, Sender};
use futures_lite::future::yield_now;
use laneway_book::check::red;

use super::Log;

/// Puts a task into a queue that writes its name at each of its turns.
fn turns(queue: &Sender<Runnable>, log: &Log, name: &'static str, count: u32) {
    let log = log.clone();
    let task = async move {
        for _ in 0..count {
            log.write(name);
            yield_now().await;
        }
    };
    spawn_on(queue, task).detach();
}

/// Lets a consumer take 80 steps at most, and gives the turns that tasks had.
fn lines(
    high: u32,
    low: u32,
    mut run_next: impl FnMut(&Receiver<Runnable>, &Receiver<Runnable>) -> bool,
) -> Vec<String> {
    let (high_queue, high_tasks) = flume::unbounded();
    let (low_queue, low_tasks) = flume::unbounded();
    let log = Log::default();
    turns(&high_queue, &log, "high", high);
    turns(&low_queue, &log, "low", low);
    let _steps = (0..80)
        .take_while(|_| run_next(&high_tasks, &low_tasks))
        .count();
    log.lines()
}

/// Asserts that low tasks have every eighth turn and that no turn is wasted.
macro_rules! starves_nobody {
    ($module:ident) => {
        let run = |high, low| {
            let mut consumer = $module::Consumer::default();
            lines(high, low, move |high, low| consumer.run_next(high, low))
        };
        let both = run(1_000, 1_000);
        assert_eq!(both.len(), 80, "every step is a turn");
        let row = $module::IN_A_ROW as usize;
        for eight in both.chunks(row + 1) {
            assert_eq!(eight[..row], vec!["high"; row], "{row} high ones in a row");
            assert_eq!(eight[row], "low", "it is a low one's turn: {eight:?}");
        }
        assert_eq!(run(1_000, 0).len(), 79, "no task waits in the low queue");
        let few = run(2, 3);
        assert_eq!(few, ["high", "high", "low", "low", "low"]);
    };
}

#[test]
fn the_exercise() {
    red("the exercise is not solved yet", || {
        starves_nobody!(unsolved);
    });
}

#[test]
fn the_solution() {
    starves_nobody!(solution);
}
