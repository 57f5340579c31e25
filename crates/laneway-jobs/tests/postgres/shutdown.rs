//! Is what a runtime holds settled while it shuts down?

use std::time::Duration;

use laneway::Runtime;
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::store::Store;
use laneway_jobs::{Ctx, Job, JobError, JobState, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Slow;

impl Job for Slow {
    const KIND: &'static str = "slow";
}

#[test]
fn a_runtime_that_shuts_down_settles_what_it_holds() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    let options = PostgresOptions::new().schema("shutdown");
    let store = rt.block_on(options.connect(&server.url())).unwrap();
    let jobs = Jobs::new(store.clone());
    let (started, starts) = flume::bounded(1);
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(4))
        .handle(move |_: Slow, ctx: Ctx| {
            let started = started.clone();
            async move {
                started.send(()).unwrap();
                ctx.cancelled().await;
                Ok::<_, JobError>(())
            }
        })
        .start(&rt)
        .unwrap();
    let id = rt
        .block_on(async { jobs.enqueue(Slow).await })
        .unwrap()
        .id();
    starts.recv().unwrap();
    let report = rt.shutdown(Duration::from_secs(10));
    assert!(report.is_clean(), "{report:?}");
    drop(worker);
    // There is no runtime here: the operation serves its connection by itself.
    let view = laneway::block_on(store.look(vec![id])).unwrap().remove(0);
    assert_eq!(view.unwrap().state, JobState::Done);
}
