//! Do the statements find rows by the index that is meant, in a young table that the server has no
//! statistics of?

use std::time::Duration;

use laneway::Runtime;
use laneway::time::sleep;
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

const JOBS: u32 = 1_000;

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// How many entries of an index were read, as far as the server's connections have told.
async fn read(client: &Client, index: &str) -> i64 {
    let text = "
        SELECT idx_tup_read FROM pg_stat_user_indexes
        WHERE schemaname = 'plans' AND indexrelname = $1";
    client.query_one(text, &[&index]).await.unwrap().get(0)
}

#[test]
fn settlements_go_by_ids_and_not_through_all_that_runs() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("plans");
        let store = options.connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        let jobs = Jobs::new(store);
        let all = (0..JOBS).map(|n| jobs.enqueue(Numbered(n)));
        let ids = jobs.enqueue_all(all).await.unwrap();
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(256))
            .handle(|_: Numbered, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&rt)
            .unwrap();
        for job in ids {
            assert_eq!(jobs.wait::<()>(job.id()).await, Ok(()));
        }
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
        // A connection tells of its work when it ends, at the latest.
        drop(jobs);
        while read(&client, "laneway_job_pkey").await < i64::from(2 * JOBS) {
            sleep(Duration::from_millis(50)).await;
        }
        let running = read(&client, "laneway_job_running").await;
        assert!(running < i64::from(JOBS), "{running} entries of what ran");
        let scans = "
            SELECT seq_tup_read FROM pg_stat_user_tables
            WHERE schemaname = 'plans' AND relname = 'laneway_job'";
        let scanned: i64 = client.query_one(scans, &[]).await.unwrap().get(0);
        assert_eq!(scanned, 0, "rows of the whole table were read");
    });
}
