//! Does a database of a former version open, with all that it has?

use std::time::Duration;

use laneway::Runtime;
use laneway_jobs::postgres::{MIGRATIONS, PostgresOptions};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Old(u32);

impl Job for Old {
    const KIND: &'static str = "old";
}

/// As a release of version 1 left it, with a job that is ready.
fn first_version(schema: &str) -> String {
    format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema};
        CREATE TABLE laneway_schema (
            version bigint PRIMARY KEY,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        INSERT INTO laneway_schema (version) VALUES (1);
        {};
        INSERT INTO laneway_queue (name) VALUES ('default');
        INSERT INTO laneway_job
            (id, run_at, created_at, max_attempts, lane, kind, queue, payload)
        VALUES ('018f0e9c-7b3a-7c00-8a1b-000000000001', 0, 0, 1, 1, 'old', 'default', '7')",
        MIGRATIONS[0]
    )
}

#[test]
fn the_first_version_opens_and_keeps_batches_from_then_on() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let other = PostgresOptions::new().schema("beside");
        let other = other.connect(&server.url()).await.unwrap();
        let client = other.client().await.unwrap();
        let made = client.batch_execute(&first_version("former")).await;
        made.unwrap();
        let options = PostgresOptions::new().schema("former");
        let jobs = Jobs::new(options.connect(&server.url()).await.unwrap());
        let versions = "SELECT count(*) FROM former.laneway_schema";
        let versions = client.query_one(versions, &[]).await.unwrap();
        assert_eq!(versions.get::<_, i64>(0), MIGRATIONS.len() as i64);
        let (sender, ran) = flume::unbounded();
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(1))
            .handle(move |Old(number): Old, _: Ctx| {
                let sent = sender.send(number);
                async move { Ok::<_, JobError>(sent?) }
            })
            .start(&rt)
            .unwrap();
        assert_eq!(ran.recv_async().await, Ok(7), "the job of before");
        let batch = jobs.batch().member(jobs.enqueue(Old(8)));
        let batch = batch.then(jobs.enqueue(Old(9))).await.unwrap();
        assert_eq!(jobs.wait::<()>(batch.then).await, Ok(()));
        assert_eq!(ran.try_iter().collect::<Vec<u32>>(), [8, 9]);
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    });
}
