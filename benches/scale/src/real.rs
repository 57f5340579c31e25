//! Laneway on this machine's own cores.

use std::env;
use std::future::Future;
use std::io;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::Instant;

use clap::ValueEnum;
use laneway::{Priority, Runtime, Task};

use crate::simulated::tasks;
use crate::workloads::{Executor, Handle, Lane, Workload};

/// What this program says to itself when it is to measure one workload.
pub(crate) const DO: &str = "--do";

/// Fresh processes for each figure.
const PROCESSES: usize = 5;

struct Real(Runtime);

impl Executor for Real {
    type Task<T: Send + 'static> = Task<T>;

    fn spawn<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future, Priority::Low)
    }

    fn spawn_inside<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        laneway::spawn(future, Priority::Low)
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}

impl<T: Send + 'static> Handle<T> for Task<T> {
    fn detach(self) {
        Task::detach(self);
    }
}

pub(crate) fn name(workload: Workload) -> String {
    let value = workload.to_possible_value();
    value.expect("none is skipped").get_name().to_owned()
}

/// Measures a workload on so many threads, of which one is a low one, in this process: the
/// nanoseconds that a task takes.
pub(crate) fn in_this_process(workload: Workload, threads: usize) -> f64 {
    median(rounds(workload, threads, 5))
}

/// The same for the fastest of many rounds on one thread.
pub(crate) fn fastest_round(workload: Workload) -> f64 {
    let rounds = rounds(workload, 1, 100);
    rounds.into_iter().fold(f64::INFINITY, f64::min)
}

fn rounds(workload: Workload, threads: usize, count: usize) -> Vec<f64> {
    let builder = Runtime::builder().with_high_num(threads.saturating_sub(1));
    let builder = builder.with_low_num(1).with_standby(0).with_low_nice(0);
    let real = Real(builder.build().expect("the threads start"));
    let real: &Real = Box::leak(Box::new(real));
    let round = || {
        let begun = Instant::now();
        workload.run(real);
        begun.elapsed().as_nanos() as f64 / tasks(workload, 1) as f64
    };
    round();
    (0..count).map(|_| round()).collect()
}

/// The median of several fresh processes.
pub(crate) fn measure(workload: Workload, threads: usize) -> io::Result<f64> {
    let rounds = (0..PROCESSES).map(|_| in_child(workload, threads));
    Ok(median(rounds.collect::<io::Result<_>>()?))
}

fn in_child(workload: Workload, threads: usize) -> io::Result<f64> {
    let output = Command::new(env::current_exe()?)
        .args([DO, &name(workload), &threads.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .parse()
        .map_err(|_| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// How many cores there are to measure on.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
