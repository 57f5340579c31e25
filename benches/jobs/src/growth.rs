//! The cost of a job beside few rows and beside many.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use laneway_jobs::{Ctx, JobError, Limit, Worker};

use crate::assignment::Assignment;
use crate::filling::{Filling, fill, vacuum};
use crate::gauge::{Cost, Gauge};
use crate::no_op::NoOp;
use crate::opened::{Opened, PATIENCE};

/// How many rows there are beside the jobs that are measured.
pub(crate) const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// So many rows are added at once, and told of.
const ADDED: u64 = 500_000;

/// So many jobs are enqueued and drained at each size, so many times over.
const JOBS: u32 = 3_200;
const LAPS: usize = 5;

/// The work of a fresh process: one kind of rows, at each size up to the assignment's.
pub(crate) fn measure(assignment: &Assignment, filling: Filling) {
    let opened = Opened::at(&assignment.address);
    opened.print_durability();
    let gauge = Gauge {
        server: assignment.server,
    };
    let mut rows = 0;
    lap(&opened, gauge);
    for size in sizes(u64::from(assignment.jobs)) {
        grow(&opened, filling, rows..size);
        rows = size;
        // The first one brings the new rows' pages in.
        lap(&opened, gauge);
        for _ in 0..LAPS {
            print(filling, size, lap(&opened, gauge));
        }
    }
}

pub(crate) fn sizes(most: u64) -> impl Iterator<Item = u64> {
    SIZES.into_iter().filter(move |&size| size <= most)
}

/// Adds the rows with these numbers, in parts.
fn grow(opened: &Opened, filling: Filling, numbers: Range<u64>) {
    for from in numbers.clone().step_by(ADDED as usize) {
        let to = numbers.end.min(from + ADDED);
        fill(opened, filling, from..to);
        eprintln!("  {to} rows {}", filling.name());
    }
    vacuum(opened);
}

fn print(filling: Filling, size: u64, [enqueued, drained]: [f64; 2]) {
    let name = filling.name();
    println!("{name} {size} enqueue us,{enqueued}");
    println!("{name} {size} drain us,{drained}");
}

/// The cost of a job: to enqueue, and from there to its end.
fn lap(opened: &Opened, gauge: Gauge) -> [f64; 2] {
    let begun = gauge.begin();
    opened.enqueue(JOBS);
    let enqueued = gauge.end(&begun).us_per_job(f64::from(JOBS));
    let (cost, finished) = drain(opened, gauge);
    [enqueued, cost.us_per_job(finished as f64)]
}

/// Runs as many jobs as were enqueued, and those that are held by then.
fn drain(opened: &Opened, gauge: Gauge) -> (Cost, u64) {
    let begun = gauge.begin();
    let (last, told) = flume::bounded(1);
    let left = Arc::new(AtomicU32::new(JOBS));
    let worker = Worker::new(&opened.jobs)
        .queue("default", Limit::in_flight(64))
        .handle(move |_: NoOp, _: Ctx| {
            if left.fetch_sub(1, Relaxed) == 1 {
                let _ = last.send(());
            }
            async { Ok::<_, JobError>(()) }
        })
        .start(&opened.rt)
        .expect("it is set up");
    let report = opened.rt.block_on(async {
        let _ = told.recv_async().await;
        worker.shutdown(PATIENCE).await
    });
    (gauge.end(&begun), report.finished)
}
