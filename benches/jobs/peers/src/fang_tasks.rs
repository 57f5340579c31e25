//! fang, with its asynchronous queue on both databases.

use fang::asynk::async_queue::{AsyncQueue, AsyncQueueable};
use fang::asynk::async_runnable::AsyncRunnable;
use fang::asynk::async_worker_pool::AsyncWorkerPool;
use fang::{FangError, async_trait, typetag};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{PgPool, SqlitePool};
use tokio::runtime::Runtime;

use crate::assignment::Assignment;
use crate::gauge::Gauge;
use crate::store_kind::StoreKind;
use crate::{callers, counted, durability};

/// Each takes one task at a time.
const WORKERS: u32 = 16;

/// The table that fang works on, with its indices.
const ON_SQLITE: &str = "
CREATE TABLE fang_tasks (
    id BLOB NOT NULL PRIMARY KEY, metadata TEXT NOT NULL, error_message TEXT,
    state TEXT NOT NULL DEFAULT 'new', task_type TEXT NOT NULL DEFAULT 'common',
    uniq_hash CHAR(64), retries INTEGER NOT NULL DEFAULT 0,
    scheduled_at INTEGER NOT NULL DEFAULT (unixepoch('now')),
    created_at INTEGER NOT NULL DEFAULT (unixepoch('now')),
    updated_at INTEGER NOT NULL DEFAULT (unixepoch('now')));
CREATE INDEX fang_tasks_state_index ON fang_tasks (state);
CREATE INDEX fang_tasks_type_index ON fang_tasks (task_type);
CREATE INDEX fang_tasks_scheduled_at_index ON fang_tasks (scheduled_at);
CREATE INDEX fang_tasks_uniq_hash ON fang_tasks (uniq_hash);";

const ON_POSTGRES: &str = "
CREATE TYPE fang_task_state AS ENUM ('new', 'in_progress', 'failed', 'finished', 'retried');
CREATE TABLE fang_tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), metadata jsonb NOT NULL, error_message text,
    state fang_task_state NOT NULL DEFAULT 'new', task_type text NOT NULL DEFAULT 'common',
    uniq_hash text, retries integer NOT NULL DEFAULT 0,
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX fang_tasks_state_index ON fang_tasks (state);
CREATE INDEX fang_tasks_type_index ON fang_tasks (task_type);
CREATE INDEX fang_tasks_scheduled_at_index ON fang_tasks (scheduled_at);
CREATE INDEX fang_tasks_uniq_hash ON fang_tasks (uniq_hash);";

#[derive(Serialize, Deserialize)]
struct NoOp {
    number: u32,
}

#[typetag::serde]
#[async_trait]
impl AsyncRunnable for NoOp {
    async fn run(&self, _: &dyn AsyncQueueable) -> Result<(), FangError> {
        counted::tally().ran(self.number);
        Ok(())
    }
}

pub(crate) fn measure(rt: &Runtime, assignment: &Assignment) {
    let queue = rt.block_on(open(&assignment.address));
    let jobs = assignment.jobs;
    let gauge = Gauge {
        server: assignment.server,
    };
    let pushing = queue.clone();
    let push = move |number: u32| {
        let queue = pushing.clone();
        async move {
            let inserted = queue.insert_task(&NoOp { number }).await;
            inserted.expect("it is enqueued");
        }
    };
    gauge.phase("enqueue", jobs, || {
        rt.block_on(callers::enqueue(jobs, push))
    });
    let mut pool: AsyncWorkerPool<AsyncQueue> = AsyncWorkerPool::builder()
        .number_of_workers(WORKERS)
        .queue(queue)
        .build();
    gauge.phase("drain", jobs, || {
        rt.block_on(async {
            pool.start().await;
            counted::tally().all_ran().await;
        });
    });
}

async fn open(address: &str) -> AsyncQueue {
    let uri = match StoreKind::at(address) {
        StoreKind::Sqlite => on_sqlite(address).await,
        StoreKind::Postgres => on_postgres(address).await,
    };
    let mut queue = AsyncQueue::builder()
        .uri(uri)
        .max_pool_size(WORKERS)
        .build();
    queue.connect().await.expect("the database is there");
    queue
}

/// fang's connections have the settings of its driver, as the one that is asked here has.
async fn on_sqlite(path: &str) -> String {
    let options = SqliteConnectOptions::new().filename(path);
    let new = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_with(new).await.expect("a new file");
    sqlx::raw_sql(ON_SQLITE)
        .execute(&pool)
        .await
        .expect("new tables");
    durability::print_of_sqlite(&pool).await;
    pool.close().await;
    format!("sqlite://{path}")
}

async fn on_postgres(url: &str) -> String {
    let pool = PgPool::connect(url).await.expect("the server lets us in");
    sqlx::raw_sql(ON_POSTGRES)
        .execute(&pool)
        .await
        .expect("new tables");
    pool.close().await;
    durability::print_of_postgres(url).await;
    url.to_owned()
}
