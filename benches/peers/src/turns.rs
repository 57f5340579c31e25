//! Whether a yield lets other tasks go first.
//!
//! Tasks on an executor of one thread yield again and again, and each counts how many polls the
//! others have had since its own last one. An executor that polls a task again at once, because the
//! task was woken during its poll, is quick at workloads of yields, and gives others no turn.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::executors::{Lane, Yields};
use crate::figures::Figure;
use crate::harness::{Exercise, WakeByRef};
use crate::statistics::Estimate;
use crate::subject::Subject;

const TASKS: usize = 100;
const YIELDS: usize = 100;

/// The workloads of yields, as the columns are called.
pub(crate) const KINDS: [Exercise; 3] =
    [Exercise::YieldMany, Exercise::YieldWake, Exercise::YieldOwn];

/// The threads of each executor: with more, tasks have a turn elsewhere meanwhile.
pub(crate) const THREADS: usize = 1;

/// Measures an executor of [`THREADS`] with each kind of yield.
pub(crate) fn measure(on: &'static dyn Subject) -> Vec<Figure> {
    let figure = |kind: Exercise| Figure::new(kind.name(), on.polls_of_others(kind));
    KINDS.map(figure).into()
}

/// The median of the polls of other tasks between two polls of a task.
pub(crate) fn polls_of_others<E: Yields>(on: &'static E, kind: Exercise) -> f64 {
    match kind {
        Exercise::YieldMany => between_yields(on, futures_lite::future::yield_now),
        Exercise::YieldWake => between_yields(on, WakeByRef::new),
        Exercise::YieldOwn => between_yields(on, E::yield_now),
        _ => unreachable!("its tasks do not yield"),
    }
}

/// The polls of all tasks so far, and what the tasks have counted.
#[derive(Default)]
struct Turns {
    polls: AtomicU64,
    of_others: Mutex<Vec<f64>>,
}

fn between_yields<E, F, Y>(on: &'static E, yield_once: F) -> f64
where
    E: Yields,
    F: Fn() -> Y + Copy + Send + 'static,
    Y: Future<Output = ()> + Send + 'static,
{
    // Never freed, as all that detached tasks share here.
    let turns: &'static Turns = Box::leak(Box::default());
    let spawning = async move {
        let tasks = [(); TASKS].map(|()| on.spawn_inside(Lane::Default, count(turns, yield_once)));
        for task in tasks {
            task.await;
        }
    };
    on.block_on(on.spawn(Lane::Default, spawning));
    let of_others = turns.of_others.lock().expect("no task panics");
    assert_eq!(of_others.len(), TASKS * YIELDS, "a yield was lost");
    Estimate::of(&of_others).median
}

async fn count<Y: Future<Output = ()>>(turns: &'static Turns, yield_once: impl Fn() -> Y) {
    let mut counted = Vec::with_capacity(YIELDS);
    let mut last = turns.polls.fetch_add(1, Ordering::Relaxed);
    for _ in 0..YIELDS {
        yield_once().await;
        let now = turns.polls.fetch_add(1, Ordering::Relaxed);
        counted.push((now - last - 1) as f64);
        last = now;
    }
    let mut of_others = turns.of_others.lock().expect("no task panics");
    of_others.extend(counted);
}
