//! Does an idle worker leave the database alone?

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::{Moment, Probe, SqliteOptions, Transition, Verdict};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default)]
struct Counting(AtomicU32);

impl Probe for Counting {
    fn reached(&self, _: Transition, moment: Moment) -> Verdict {
        if moment == Moment::BeforeStatements {
            self.0.fetch_add(1, Relaxed);
        }
        Verdict::GoOn
    }
}

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

#[test]
fn an_idle_worker_makes_no_query() {
    let run = Sim::seed(0).run(async {
        let counting = Arc::new(Counting::default());
        let jobs = Jobs::new(
            SqliteOptions::new()
                .probe(counting.clone())
                .memory()
                .unwrap(),
        );
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .handle(|_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&Handle::current())
            .unwrap();
        let id = jobs.enqueue(Nothing).await.unwrap().id();
        jobs.wait::<()>(id).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let before = counting.0.load(Relaxed);
        sleep(Duration::from_secs(300)).await;
        assert_eq!(counting.0.load(Relaxed), before);
        let _ = worker.shutdown(Duration::from_secs(1)).await;
    });
    run.unwrap();
}
