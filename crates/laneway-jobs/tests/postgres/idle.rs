//! Does an idle worker leave the server alone, and does a job of another process reach it?

use std::time::{Duration, Instant};

use laneway::Runtime;
use laneway::time::sleep;
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

/// Counts the statements of the store by its own connections' transactions.
const COMMITS: &str = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'idle'";

/// One connection: it tells the server of its statements within a second while it is in use, and
/// ten seconds late where it is not.
async fn connect(url: &str) -> PostgresStore {
    let options = PostgresOptions::new().connections(1);
    options.connect(url).await.unwrap()
}

#[test]
fn an_idle_worker_asks_four_times_a_second_at_most_and_finds_what_others_enqueue() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let watcher = PostgresOptions::new().schema("watcher");
        let watcher = watcher.connect(&server.url()).await.unwrap();
        let watcher = watcher.client().await.unwrap();
        watcher.batch_execute("CREATE DATABASE idle").await.unwrap();
        let url = server.url_of("tester", "idle");
        let worker = Worker::new(&Jobs::new(connect(&url).await))
            .queue("default", Limit::in_flight(4))
            .handle(|_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&rt)
            .unwrap();
        let commits = async || -> i64 { watcher.query_one(COMMITS, &[]).await.unwrap().get(0) };
        // The pauses grow at first, and a connection that listens and asks nothing tells of its
        // beginning ten seconds late.
        let mut asked: Vec<i64> = Vec::new();
        while !asked.last().is_some_and(|asked| (1..=24).contains(asked)) {
            assert!(asked.len() < 6, "{asked:?} statements in six seconds each");
            let before = commits().await;
            sleep(Duration::from_secs(6)).await;
            asked.push(commits().await - before);
        }
        let others = Jobs::new(connect(&url).await);
        let begun = Instant::now();
        let id = others.enqueue(Nothing).await.unwrap().id();
        assert_eq!(others.wait::<()>(id).await, Ok(()));
        // A pause of the worker, and one of the caller that waits.
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    });
}
