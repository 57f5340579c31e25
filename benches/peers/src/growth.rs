//! What a task costs when there are few and when there are many.
//!
//! Every measurement is made by one task, which spawns empty tasks and awaits them.

use std::time::Instant;

use crate::executors::{Executor, Lane};

/// How many tasks, and how many of them at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) tasks: usize,
    pub(crate) at_once: usize,
}

/// However few tasks there are, a measurement goes through at least so many, so that it takes
/// long enough to be timed.
const AT_LEAST: usize = 1_000_000;

/// Spawns the crowd from inside a task, and awaits it wave by wave.
pub(crate) fn ns_per_task<E: Executor>(on: &'static E, crowd: Crowd) -> f64 {
    let times = AT_LEAST.div_ceil(crowd.tasks);
    let start = Instant::now();
    for _ in 0..times {
        on.block_on(on.spawn(Lane::Default, in_waves(on, crowd)));
    }
    start.elapsed().as_nanos() as f64 / (times * crowd.tasks) as f64
}

async fn in_waves<E: Executor>(on: &'static E, crowd: Crowd) {
    let mut wave = Vec::with_capacity(crowd.at_once);
    for _ in 0..crowd.tasks / crowd.at_once {
        wave.extend((0..crowd.at_once).map(|_| on.spawn_inside(Lane::Default, async {})));
        for task in wave.drain(..) {
            task.await;
        }
    }
}
