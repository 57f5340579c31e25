//! A store of Laneway's that a round has opened, and the work that is put through it.

use std::sync::Arc;
use std::time::Duration;

use laneway::{Priority, Runtime};
use laneway_jobs::postgres::PostgresStore;
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::sqlite::{Durability, SqliteOptions};
use laneway_jobs::{Ctx, JobError, Jobs, Limit, Worker};

use crate::assignment::CALLERS;
use crate::no_op::NoOp;
use crate::store_kind::StoreKind;
use crate::tally::Tally;

/// How long a worker may take for what it holds when it is shut down.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime, and a store that syncs each commit.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) rt: Runtime,
    pub(crate) jobs: Jobs,
    pub(crate) raw: Raw,
}

/// A way around the store, for what is no part of a measurement.
pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(Client),
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw")
    }
}

impl Opened {
    pub(crate) fn at(address: &str) -> Opened {
        let rt = Runtime::builder().build().expect("the defaults work");
        let (jobs, raw) = match StoreKind::at(address) {
            StoreKind::Sqlite => sqlite(address),
            StoreKind::Postgres => rt.block_on(postgres(address)),
        };
        Opened { rt, jobs, raw }
    }

    /// Lets all callers enqueue so many jobs in all, numbered from 0 on.
    pub(crate) fn enqueue(&self, jobs: u32) {
        let each = jobs / CALLERS;
        let callers = (0..CALLERS).map(|caller| {
            let numbers = caller * each..(caller + 1) * each;
            let enqueuing = enqueue_each(self.jobs.clone(), numbers);
            self.rt.spawn(enqueuing, Priority::Low)
        });
        laneway::join_all(callers);
    }

    /// Runs all jobs that a tally is of, and settles them.
    pub(crate) fn drain(&self, in_flight: usize, tally: &Arc<Tally>) -> u64 {
        let counted = tally.clone();
        let worker = Worker::new(&self.jobs)
            .queue("default", Limit::in_flight(in_flight))
            .handle(move |NoOp(number): NoOp, _: Ctx| {
                counted.ran(number);
                async { Ok::<_, JobError>(()) }
            })
            .start(&self.rt)
            .expect("it is set up");
        self.rt.block_on(async {
            tally.all_ran().await;
            worker.shutdown(PATIENCE).await.finished
        })
    }

    /// Reads back what a commit waits for, and prints it.
    pub(crate) fn print_durability(&self) {
        match &self.raw {
            // The store has set its own connection and read that back, or it would not be open.
            Raw::Sqlite(_) => println!("synchronous,2"),
            Raw::Postgres(client) => self.rt.block_on(async {
                for setting in ["fsync", "synchronous_commit"] {
                    let row = client.query_one(&format!("SHOW {setting}"), &[]).await;
                    let value: String = row.expect("each server has it").get(0);
                    println!("{setting},{}", u8::from(value == "on"));
                }
            }),
        }
    }
}

fn sqlite(path: &str) -> (Jobs, Raw) {
    let options = SqliteOptions::new().durability(Durability::Full);
    let store = options.open(path).expect("a new file");
    let raw = rusqlite::Connection::open(path).expect("the file is there");
    (Jobs::new(store), Raw::Sqlite(raw))
}

async fn postgres(url: &str) -> (Jobs, Raw) {
    let store = PostgresStore::connect(url).await;
    let store = store.expect("the server lets us in");
    let client = store.client().await.expect("the server lets us in");
    (Jobs::new(store), Raw::Postgres(client))
}

async fn enqueue_each(jobs: Jobs, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let _ = jobs.enqueue(NoOp(number)).await.expect("it is enqueued");
    }
}
