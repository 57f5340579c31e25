//! Laneway on a modelled machine, as the workloads want it.

use std::future::Future;
use std::time::Duration;

use laneway_counted::counted::{Costs, Counts, charge, conclude, measure, restart};
use laneway_counted::sim::Sim;
use laneway_counted::time::sleep;
use laneway_counted::{Priority, Task, block_on, yield_now};

use crate::workloads::{EMPTY_TASKS, Executor, Handle, LINKS, Lane, PAIRS, WAITS, Workload};
use crate::workloads::{YIELDING_TASKS, YIELDS};

/// The simulation that goes on.
struct Simulated;

impl Executor for Simulated {
    type Task<T: Send + 'static> = Task<T>;

    fn spawn<F>(&'static self, lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = self.spawn_inside(lane, future);
        // The workers go on beside the thread outside, and not only when it waits.
        block_on(yield_now());
        task
    }

    fn spawn_inside<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        charge();
        laneway_counted::spawn(future, Priority::Low)
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        block_on(future)
    }
}

impl<T: Send + 'static> Handle<T> for Task<T> {
    fn detach(self) {
        Task::detach(self);
    }
}

/// Plays one of `parts` equal parts of a workload on so many workers, of which one is a low one.
pub(crate) fn play(
    workload: Workload,
    workers: usize,
    (seed, parts): (u64, usize),
    costs: Costs,
) -> Counts {
    let sim = Sim::seed(seed).high(workers - 1).low(1).max_steps(u64::MAX);
    let program = async move {
        // When nothing else can go on: all workers are parked by then.
        sleep(Duration::from_millis(1)).await;
        restart();
        workload.run_part(&Simulated, parts);
        conclude();
    };
    let (run, counts) = measure(workers, costs, || sim.run(program));
    run.expect("the workload comes to its end");
    counts
}

/// How many tasks there are in one of `parts` parts of a workload. Of tasks that yield, the polls.
pub(crate) fn tasks(workload: Workload, parts: usize) -> usize {
    match workload {
        Workload::SpawnMany | Workload::SpawnInside => EMPTY_TASKS / parts,
        Workload::YieldMany => YIELDING_TASKS * (YIELDS / parts + 1),
        Workload::PingPong => 2 * PAIRS / parts,
        Workload::Chain => LINKS / parts,
        Workload::SpawnAndWait => WAITS / parts,
    }
}
