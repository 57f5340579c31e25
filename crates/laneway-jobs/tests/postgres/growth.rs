//! Does a job cost as much beside many rows as beside few? Processor time depends on what else the
//! machine does, so the blocks are counted that the server touches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use laneway::Runtime;
use laneway::time::sleep;
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

const JOBS: u32 = 1_024;
const FEW: i64 = 1_000;
const MANY: i64 = 200_000;

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// Rows that were written and blocks that were touched, as far as connections have told.
async fn told(client: &Client) -> (i64, i64) {
    let text = "
        SELECT n_tup_ins + n_tup_upd,
            heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read
        FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid)
        WHERE pg_stat_user_tables.schemaname = 'growth'
            AND pg_stat_user_tables.relname = 'laneway_job'";
    let row = client.query_one(text, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// Waits until as many rows are told of.
async fn blocks_after(client: &Client, rows: i64) -> i64 {
    loop {
        let (written, blocks) = told(client).await;
        if written >= rows {
            return blocks;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Jobs that were done just now: old ones would be deleted meanwhile, the more the longer it takes.
async fn fill(client: &Client, rows: i64) {
    let text = format!(
        "INSERT INTO growth.laneway_job (id, kind, queue, lane, state, run_at, attempt, created_at,
            finished_at, max_attempts, payload)
        SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'numbered',
            'default', 1, 2, n, 1, n, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
            20, '0'
        FROM generate_series(1, {rows}) AS number (n)
        ON CONFLICT DO NOTHING"
    );
    client.batch_execute(&text).await.unwrap();
    let vacuum = "VACUUM ANALYZE growth.laneway_job";
    client.batch_execute(vacuum).await.unwrap();
}

/// Enqueues and runs jobs, over connections that end with them.
async fn run(rt: &Runtime, url: &str) {
    let options = PostgresOptions::new().schema("growth");
    let jobs = Jobs::new(options.connect(url).await.unwrap());
    let all = (0..JOBS).map(|n| jobs.enqueue(Numbered(n)));
    jobs.enqueue_all(all).await.unwrap();
    let (last, ended) = flume::bounded(1);
    let left = Arc::new(AtomicU32::new(JOBS));
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(64))
        .handle(move |_: Numbered, _: Ctx| {
            if left.fetch_sub(1, Relaxed) == 1 {
                last.send(()).unwrap();
            }
            async { Ok::<_, JobError>(()) }
        })
        .start(rt)
        .unwrap();
    ended.recv_async().await.unwrap();
    let report = worker.shutdown(Duration::from_secs(30)).await;
    assert_eq!(report.finished, u64::from(JOBS));
}

/// Blocks for each job.
async fn cost(rt: &Runtime, client: &Client, url: &str, rows: i64) -> f64 {
    fill(client, rows).await;
    // A connection tells of its work after a transaction, if it has not done so for a second.
    sleep(Duration::from_millis(1_100)).await;
    told(client).await;
    let (written, before) = told(client).await;
    run(rt, url).await;
    // A job is inserted, claimed and completed.
    let after = blocks_after(client, written + i64::from(3 * JOBS)).await;
    (after - before) as f64 / f64::from(JOBS)
}

#[test]
fn a_job_touches_hardly_more_blocks_beside_many_rows() {
    let Some(server) = server::own() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let url = server.url();
        let options = PostgresOptions::new().schema("growth");
        let store = options.connect(&url).await.unwrap();
        let client = store.client().await.unwrap();
        drop(store);
        run(&rt, &url).await;
        let few = cost(&rt, &client, &url, FEW).await;
        let many = cost(&rt, &client, &url, MANY).await;
        println!("{few:.1} blocks beside few rows, {many:.1} beside many");
        assert!(
            many < 1.3 * few,
            "{few} blocks, and {many} beside many rows"
        );
    });
}
