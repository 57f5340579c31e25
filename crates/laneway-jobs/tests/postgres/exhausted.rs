//! Is nothing lost where there are no connections to be had?

use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{Priority, Runtime};
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::{Ctx, Job, JobError, JobId, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server::{self, Server};

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

const CALLERS: u32 = 64;
const EACH: u32 = 5;

const KILL: &str = "
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'laneway-jobs' AND pid <> pg_backend_pid()";

async fn connect(server: &Server, schema: &str) -> PostgresStore {
    let options = PostgresOptions::new().schema(schema).connections(1);
    let options = options.patience(Duration::from_secs(60));
    options.connect(&server.url()).await.unwrap()
}

async fn enqueue_each(jobs: Jobs) -> Vec<JobId> {
    let mut ids = Vec::new();
    for number in 0..EACH {
        ids.push(jobs.enqueue(Numbered(number)).await.unwrap().id());
    }
    ids
}

/// Takes all connections that the server gives.
async fn hold_all(server: &Server) -> Vec<Client> {
    let mut held = Vec::new();
    let options = PostgresOptions::new().schema("holding");
    let options = options.patience(Duration::ZERO);
    if let Ok(store) = options.connect(&server.url()).await {
        while let Ok(client) = store.client().await {
            held.push(client);
        }
    }
    held
}

#[test]
fn callers_wait_for_a_connection_and_nothing_is_lost() {
    let Some(server) = server::own() else { return };
    server.set("max_connections = 12");
    let rt = Runtime::builder().build().unwrap();
    let run = async {
        let store = connect(&server, "exhausted").await;
        let jobs = Jobs::new(store.clone());
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(16))
            .handle(|_: Numbered, _: Ctx| async { Ok::<_, JobError>(()) })
            .start(&rt)
            .unwrap();
        let held = hold_all(&server).await;
        assert!(held.len() > 2, "{}", held.len());
        // The store loses its connection, and others take the place.
        held[0].query(KILL, &[]).await.unwrap();
        let further = hold_all(&server).await;
        let callers = (0..CALLERS).map(|_| rt.spawn(enqueue_each(jobs.clone()), Priority::Low));
        let callers: Vec<_> = callers.collect();
        sleep(Duration::from_millis(500)).await;
        drop((held, further));
        for caller in callers {
            for id in caller.await {
                assert_eq!(jobs.wait::<()>(id).await, Ok(()));
            }
        }
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    };
    let ended = rt.block_on(timeout(Duration::from_secs(110), run));
    assert!(ended.is_ok(), "it hangs");
}
