//! Is nothing lost, and nothing completed twice, while connections are killed and the server is
//! started again?

use std::collections::HashSet;
use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{Priority, Runtime};
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::store::{Rescue, Store, StoreError, ViewStore};
use laneway_jobs::{Ctx, Job, JobError, JobId, Jobs, Limit, Worker, WorkerHandle};
use serde::{Deserialize, Serialize};

use crate::faults;
use crate::server::{self, Server};

const CALLERS: u32 = 4;
const EACH: u32 = 250;

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// Each completion of a job, written down by the database itself.
const LEDGER: &str = "
CREATE TABLE completion (job uuid NOT NULL);
CREATE FUNCTION note_completion() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.completion VALUES (NEW.id); RETURN NULL; END';
CREATE TRIGGER noted AFTER UPDATE ON lost.laneway_job FOR EACH ROW
    WHEN (NEW.state = 2 AND OLD.state <> 2) EXECUTE FUNCTION note_completion()";

const KILL: &str = "
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'laneway-jobs'";

async fn connect(server: &Server) -> PostgresStore {
    let options = PostgresOptions::new()
        .schema("lost")
        .patience(Duration::from_secs(60));
    options.connect(&server.url()).await.unwrap()
}

fn start(jobs: &Jobs, rt: &Runtime) -> WorkerHandle {
    let rescue = Rescue {
        backoff: Duration::ZERO,
        max_crashes: 1_000,
        ..Rescue::default()
    };
    Worker::new(jobs)
        .queue("default", Limit::in_flight(16))
        .lease(Duration::from_secs(2))
        .rescue(rescue)
        .handle(|_: Numbered, _: Ctx| async {
            sleep(Duration::from_millis(1)).await;
            Ok::<_, JobError>(())
        })
        .start(rt)
        .unwrap()
}

async fn enqueue_each(jobs: Jobs) -> Vec<JobId> {
    let mut ids = Vec::new();
    for n in 0..EACH {
        ids.push(jobs.enqueue(Numbered(n)).await.unwrap().id());
    }
    ids
}

async fn disturb(server: &Server, store: &PostgresStore) {
    let mut client = store.client().await.unwrap();
    let kills = faults::connection_kills();
    for kill in 1..=kills {
        sleep(Duration::from_millis(30)).await;
        if kill % (kills / faults::restarts()) == 0 {
            server.stop();
            server.start_again();
            client = store.client().await.unwrap();
        }
        client.query(KILL, &[]).await.unwrap();
    }
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[test]
fn nothing_is_lost_and_nothing_completed_twice() {
    let Some(server) = server::own() else { return };
    let rt = Runtime::builder().build().unwrap();
    let run = async {
        let (store, other) = (connect(&server).await, connect(&server).await);
        let ledger = store.client().await.unwrap();
        ledger.batch_execute(LEDGER).await.unwrap();
        drop(ledger);
        let (jobs, others) = (Jobs::new(store.clone()), Jobs::new(other));
        let workers = [start(&jobs, &rt), start(&others, &rt)];
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| rt.spawn(enqueue_each(jobs.clone()), Priority::Low))
            .collect();
        disturb(&server, &store).await;
        let mut ids = HashSet::new();
        for caller in callers {
            ids.extend(caller.await);
        }
        for &id in &ids {
            assert_eq!(jobs.wait::<()>(id).await, Ok(()));
        }
        for worker in workers {
            let report = worker.shutdown(Duration::from_secs(10)).await;
            assert!(report.is_clean(), "{report}");
        }
        let all = i64::from(CALLERS * EACH);
        assert_eq!(ids.len() as i64, all, "each acknowledged id is another one");
        let client = store.client().await.unwrap();
        let rows = "SELECT count(*) FROM lost.laneway_job";
        assert_eq!(count(&client, rows).await, all, "no job was inserted twice");
        let done = "SELECT count(*) FROM public.completion";
        assert_eq!(count(&client, done).await, all, "each was completed once");
        let distinct = "SELECT count(DISTINCT job) FROM public.completion";
        assert_eq!(count(&client, distinct).await, all);
    };
    let ended = rt.block_on(timeout(Duration::from_secs(120), run));
    assert!(ended.is_ok(), "it hangs");
}

#[test]
fn a_commit_whose_connection_died_is_an_unknown_outcome() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("unknown").connections(1);
        let store = options.connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        // The statement waits for this lock when its connection is killed.
        client
            .batch_execute("BEGIN; LOCK unknown.laneway_job")
            .await
            .unwrap();
        let asked = rt.spawn(
            {
                let store = store.clone();
                async move { store.prune(Default::default()).await }
            },
            Priority::High,
        );
        let listing = rt.spawn(
            {
                let store = store.clone();
                async move { store.search(vec![Default::default()]).await }
            },
            Priority::High,
        );
        let waiting = "
            SELECT pg_terminate_backend(pid) FROM pg_locks
            WHERE NOT granted AND relation = 'unknown.laneway_job'::regclass";
        while client.query(waiting, &[]).await.unwrap().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        let _ = asked.await;
        assert_eq!(
            listing.await.map(|pages| pages[0].jobs.len()),
            Err(StoreError::OutcomeUnknown)
        );
        client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(
            store
                .search(vec![Default::default()])
                .await
                .map(|pages| pages[0].jobs.len()),
            Ok(0)
        );
    });
}
