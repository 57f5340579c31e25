//! Does a high job wait for one claim of low ones at most, also where those come first in turn?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Handle, Priority, Stealing};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker, WorkerHandle};
use serde::{Deserialize, Serialize};

const LIMIT: usize = 8;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Routine;

impl Job for Routine {
    const KIND: &'static str = "routine";
}

#[derive(Serialize, Deserialize)]
struct Urgent;

impl Job for Urgent {
    const KIND: &'static str = "urgent";
}

/// How many low jobs have begun.
type Begun = Arc<AtomicUsize>;

/// A worker that tells of each high job how many low ones have begun before it.
fn start(jobs: &Jobs, limit: usize, begun: &Begun, told: flume::Sender<usize>) -> WorkerHandle {
    let (counted, seen) = (begun.clone(), begun.clone());
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(limit))
        .handle(move |_: Routine, _: Ctx| {
            counted.fetch_add(1, Relaxed);
            async {
                sleep(Duration::from_millis(1)).await;
                Ok::<_, JobError>(())
            }
        })
        .handle(move |_: Urgent, _: Ctx| {
            told.send(seen.load(Relaxed)).unwrap();
            async { Ok::<_, JobError>(()) }
        });
    worker.start(&Handle::current()).unwrap()
}

#[test]
fn high_jobs_begin_before_the_low_ones_of_their_claim() {
    for seed in 0..3 {
        // A thief would take the claimer along, and go on with the low ones meanwhile.
        let sim = Sim::seed(seed).high(1).low(2).stealing(Stealing::None);
        let run = sim.run(async {
            let jobs = Jobs::new(SqliteStore::memory().unwrap());
            let low = (0..LIMIT).map(|_| jobs.enqueue(Routine));
            let high = (0..2).map(|_| jobs.enqueue(Urgent).lane(Priority::High));
            let all = low.chain(high).collect::<Vec<_>>();
            jobs.enqueue_all(all).await.unwrap();
            let begun = Begun::default();
            let (told, before) = flume::unbounded();
            let worker = start(&jobs, 2 * LIMIT, &begun, told);
            for _ in 0..2 {
                assert_eq!(before.recv_async().await, Ok(0));
            }
            assert!(worker.shutdown(SECOND).await.is_clean());
        });
        run.unwrap();
    }
}

#[test]
fn a_high_job_waits_for_one_claim_at_most() {
    for seed in 0..3 {
        let run = Sim::seed(seed).high(1).low(2).run(async {
            let jobs = Jobs::new(SqliteStore::memory().unwrap());
            let low = (0..1_000).map(|_| jobs.enqueue(Routine));
            jobs.enqueue_all(low).await.unwrap();
            let begun = Begun::default();
            let (told, before) = flume::unbounded();
            let worker = start(&jobs, LIMIT, &begun, told);
            for turn in 0..40 {
                sleep(Duration::from_micros(700 * (turn % 7))).await;
                let _ = jobs.enqueue(Urgent).lane(Priority::High).await.unwrap();
                let known = begun.load(Relaxed);
                let then = before.recv_async().await.unwrap();
                let between = then.saturating_sub(known);
                assert!(between <= LIMIT, "{between} low jobs came first");
            }
            assert!(begun.load(Relaxed) < 1_000, "it was behind low ones");
            let _ = worker.shutdown(SECOND).await;
        });
        run.unwrap();
    }
}
