//! Do high jobs begin before the low ones that are claimed with them?

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
    // A thief takes the claimer along at times, and the low jobs with it.
    let stealing = [Stealing::None, Stealing::Both];
    for (seed, stealing) in (0..64).flat_map(|seed| stealing.map(|stealing| (seed, stealing))) {
        let sim = Sim::seed(seed).high(1).low(2).stealing(stealing);
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
