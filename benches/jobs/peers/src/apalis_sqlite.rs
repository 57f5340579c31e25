//! apalis with `apalis-sqlite`.

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::runtime::Runtime;

use crate::assignment::Assignment;
use crate::gauge::Gauge;
use crate::{callers, counted, durability};

/// Handlers at the same time.
const CONCURRENCY: usize = 64;
/// Jobs that are fetched at once.
const BATCH: usize = 64;

async fn no_op(number: u32) -> Result<(), BoxDynError> {
    counted::tally().ran(number);
    Ok(())
}

pub(crate) fn measure(rt: &Runtime, assignment: &Assignment) {
    let pool = rt.block_on(open(&assignment.address));
    rt.block_on(durability::print_of_sqlite(&pool));
    let config = Config::default().queue("no-op").batch_size(BATCH);
    let storage: SqliteStorage<u32> = SqliteStorage::new(&pool).with_config(config);
    let (jobs, gauge) = (assignment.jobs, Gauge { server: None });
    let pushing = storage.clone();
    let push = move |number: u32| {
        let mut storage = pushing.clone();
        async move { storage.push(number).await.expect("it is enqueued") }
    };
    gauge.phase("enqueue", jobs, || {
        rt.block_on(callers::enqueue(jobs, push))
    });
    gauge.phase("drain", jobs, || {
        let worker = WorkerBuilder::new("drain")
            .backend(storage)
            .concurrency(CONCURRENCY)
            .build(no_op);
        rt.spawn(worker.run());
        rt.block_on(counted::tally().all_ran());
    });
}

/// A file with its tables, and a pool of the default size. Its connections are set up as apalis
/// sets up the one that makes the tables, apart from the durability of a commit: apalis has
/// `synchronous = OFF` there.
async fn open(path: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "64000");
    let pool = SqlitePool::connect_with(options.clone()).await;
    let pool = pool.expect("a new file");
    SqliteStorage::<()>::setup(&pool)
        .await
        .expect("it is set up");
    pool.close().await;
    SqlitePool::connect_with(options)
        .await
        .expect("the file is there")
}
