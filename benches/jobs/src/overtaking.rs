//! How many low jobs begin before a high one that is enqueued behind 100,000 of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use laneway::Priority;
use laneway::time::sleep;
use laneway_jobs::{Ctx, Job, JobError, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::assignment::Assignment;
use crate::filling::{Filling, fill, vacuum};
use crate::no_op::NoOp;
use crate::opened::{Opened, PATIENCE};

/// As many low jobs are ready at least, whenever a high one is enqueued.
const BEHIND: u64 = 100_000;
/// A high job is enqueued this long after the start of the last one.
const PAUSE: Duration = Duration::from_millis(5);

/// A job of the high lane.
#[derive(Serialize, Deserialize)]
struct Urgent;

impl Job for Urgent {
    const KIND: &'static str = "urgent";
}

/// The work of a fresh process: as many low jobs run as the assignment has, with high ones between.
pub(crate) fn measure(assignment: &Assignment) {
    let opened = Opened::at(&assignment.address);
    opened.print_durability();
    let drained = u64::from(assignment.jobs);
    fill(&opened, Filling::Ready, 0..BEHIND + drained);
    vacuum(&opened);
    let low = Arc::new(AtomicU64::new(0));
    let (started, starts) = flume::unbounded();
    let (counted, begun) = (low.clone(), low.clone());
    let worker = Worker::new(&opened.jobs)
        .queue("default", Limit::in_flight(64))
        .handle(move |_: NoOp, _: Ctx| {
            counted.fetch_add(1, Relaxed);
            async { Ok::<_, JobError>(()) }
        })
        .handle(move |_: Urgent, _: Ctx| {
            let _ = started.send((begun.load(Relaxed), Instant::now()));
            async { Ok::<_, JobError>(()) }
        })
        .start(&opened.rt)
        .expect("it is set up");
    let (mut between, mut waits) = (Vec::new(), Vec::new());
    opened.rt.block_on(async {
        while low.load(Relaxed) < drained {
            sleep(PAUSE).await;
            let asked = opened.jobs.enqueue(Urgent).lane(Priority::High).await;
            let (before, known) = (low.load(Relaxed), Instant::now());
            let _ = asked.expect("it is enqueued");
            let (then, start) = starts.recv_async().await.expect("the worker runs it");
            between.push(then.saturating_sub(before) as f64);
            waits.push(start.saturating_duration_since(known).as_secs_f64() * 1e6);
        }
        let _ = worker.shutdown(PATIENCE).await;
    });
    print("low jobs", between);
    print("wait us", waits);
}

fn print(name: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| values[(values.len() - 1) * part / 100];
    println!("{name} p50,{}", at(50));
    println!("{name} p99,{}", at(99));
    println!("{name} most,{}", at(100));
    println!("{name} samples,{}", values.len());
}
