//! A crowd of empty tasks, and what each of them costs.

use std::time::Instant;

use futures_lite::future::yield_now;

use crate::executors::{Executor, Handle, Lane};

/// How many tasks, and how many of them at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) tasks: usize,
    pub(crate) at_once: usize,
}

impl Crowd {
    pub(crate) fn in_waves(tasks: usize, at_once: usize) -> Crowd {
        Crowd { tasks, at_once }
    }
}

/// However few tasks there are, a measurement goes through at least so many, so that it takes
/// long enough to be timed.
pub(crate) const AT_LEAST: usize = 1_000_000;

/// Spawns the crowd from inside a task, and awaits it wave by wave.
pub(crate) fn ns_per_task<E: Executor>(on: &'static E, crowd: Crowd) -> f64 {
    let times = AT_LEAST.div_ceil(crowd.tasks);
    let start = Instant::now();
    on.block_on(on.spawn(Lane::Default, async move {
        let mut wave = Vec::with_capacity(crowd.at_once);
        for _ in 0..times * crowd.tasks / crowd.at_once {
            wave.extend((0..crowd.at_once).map(|_| on.spawn_inside(Lane::Default, async {})));
            for task in wave.drain(..) {
                task.await;
            }
        }
    }));
    start.elapsed().as_nanos() as f64 / (times * crowd.tasks) as f64
}

/// The same on one thread and without handles: the spawning task lets the others go first.
pub(crate) fn ns_per_detached_task<E: Executor>(on: &'static E, crowd: Crowd) -> f64 {
    let start = Instant::now();
    on.block_on(on.spawn(Lane::Default, async move {
        for _ in 0..crowd.tasks / crowd.at_once {
            for _ in 0..crowd.at_once {
                on.spawn_inside(Lane::Default, async {}).detach();
            }
            yield_now().await;
        }
    }));
    start.elapsed().as_nanos() as f64 / crowd.tasks as f64
}
