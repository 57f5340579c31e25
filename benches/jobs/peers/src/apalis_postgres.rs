//! apalis with `apalis-postgres`.

use apalis::prelude::*;
use apalis_postgres::{Config, PostgresStorage};
use sqlx::PgPool;
use tokio::runtime::Runtime;

use crate::assignment::Assignment;
use crate::gauge::Gauge;
use crate::peer::Peer;
use crate::{callers, counted, durability};

/// Handlers at the same time.
const CONCURRENCY: usize = 64;
/// Jobs that are fetched at once, where it is tuned.
const BATCH: usize = 256;
/// As many as a claim of Laneway's with its default limit has.
const SMALL_BATCH: usize = 64;

async fn no_op(number: u32) -> Result<(), BoxDynError> {
    counted::tally().ran(number);
    Ok(())
}

pub(crate) fn measure(rt: &Runtime, assignment: &Assignment) {
    let pool = rt.block_on(open(&assignment.address));
    rt.block_on(durability::print_of_postgres(&assignment.address));
    let batch = match assignment.peer {
        Peer::Apalis64 => SMALL_BATCH,
        _ => BATCH,
    };
    let config = Config::default().queue("no-op").batch_size(batch);
    let storage: PostgresStorage<u32> = PostgresStorage::new(&pool).with_config(config);
    let jobs = assignment.jobs;
    let gauge = Gauge {
        server: assignment.server,
    };
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

/// A pool of the default size.
async fn open(url: &str) -> PgPool {
    let pool = PgPool::connect(url).await.expect("the server lets us in");
    PostgresStorage::<()>::setup(&pool)
        .await
        .expect("it is set up");
    pool
}
