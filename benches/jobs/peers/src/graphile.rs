//! graphile_worker, batched as its documentation and its own benches have it.

use std::time::Duration;

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::assignment::Assignment;
use crate::gauge::Gauge;
use crate::{callers, counted, durability};

/// Handlers at the same time.
const CONCURRENCY: usize = 96;
/// Jobs that are fetched at once.
const LOCAL_QUEUE: usize = 500;
/// Completions are gathered for so long.
const BATCH: Duration = Duration::from_millis(5);
/// As many as its own benches allow is more than the server's default does.
const CONNECTIONS: u32 = 32;

#[derive(Serialize, Deserialize)]
struct NoOp {
    number: u32,
}

impl TaskHandler for NoOp {
    const IDENTIFIER: &'static str = "no-op";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        counted::tally().ran(self.number);
        Ok::<(), String>(())
    }
}

pub(crate) fn measure(rt: &Runtime, assignment: &Assignment) {
    let url = &assignment.address;
    rt.block_on(durability::print_of_postgres(url));
    let options = WorkerOptions::default()
        .database_url(url)
        .max_pg_conn(CONNECTIONS)
        .concurrency(CONCURRENCY)
        .local_queue(LocalQueueConfig::default().with_size(LOCAL_QUEUE))
        .complete_job_batch_delay(BATCH)
        .define_job::<NoOp>();
    let worker = rt.block_on(options.init()).expect("it is set up");
    let jobs = assignment.jobs;
    let gauge = Gauge {
        server: assignment.server,
    };
    let utils = worker.create_utils();
    let push = move |number: u32| {
        let utils = utils.clone();
        async move {
            let added = utils.add_job(NoOp { number }, JobSpec::default()).await;
            added.expect("it is enqueued");
        }
    };
    gauge.phase("enqueue", jobs, || {
        rt.block_on(callers::enqueue(jobs, push))
    });
    gauge.phase("drain", jobs, || {
        rt.block_on(async {
            let worker = std::sync::Arc::new(worker);
            let running = worker.clone();
            tokio::spawn(async move { running.run().await.is_ok() });
            counted::tally().all_ran().await;
        });
    });
}
