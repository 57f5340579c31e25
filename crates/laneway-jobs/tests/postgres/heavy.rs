//! Does a list of jobs that is heavier than a statement may be get to the server, and as a whole?
//!
//! The server ends a connection that sends a message of 1 GiB or more. The tests have it do so at
//! one that is far smaller.

use laneway::{Priority, Runtime};
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::store::JobSearch;
use laneway_jobs::{Enqueue, Job, Jobs};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Heavy(String);

impl Job for Heavy {
    const KIND: &'static str = "heavy";
}

const JOBS: usize = 40;
const REFUSED: &str = "refused";

fn refusing(schema: &str) -> String {
    format!(
        "CREATE FUNCTION \"{schema}\".watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT sum(octet_length(payload)) FROM fresh) > 20000000
                THEN PERFORM pg_terminate_backend(pg_backend_pid());
            END IF;
            IF EXISTS (SELECT 1 FROM fresh WHERE substr(payload, 2, 7) = '{REFUSED}')
                THEN RAISE 'a job is refused';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER watch AFTER INSERT ON \"{schema}\".laneway_job
            REFERENCING NEW TABLE AS fresh
            FOR EACH STATEMENT EXECUTE FUNCTION \"{schema}\".watch()"
    )
}

async fn store(server: &server::Server, schema: &str) -> PostgresStore {
    let options = PostgresOptions::new().schema(schema);
    let store = options.connect(&server.url()).await.unwrap();
    let client = store.client().await.unwrap();
    client.batch_execute(&refusing(schema)).await.unwrap();
    store
}

fn heavy(jobs: &Jobs) -> Enqueue {
    jobs.enqueue(Heavy("x".repeat(1_000_000)))
}

async fn count(jobs: &Jobs) -> usize {
    jobs.search(JobSearch::default()).await.unwrap().jobs.len()
}

#[test]
fn a_heavy_list_gets_there_in_parts_and_as_a_whole() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let jobs = Jobs::new(store(server, "heavy list").await);
        let bad = [jobs.enqueue(Heavy(REFUSED.to_owned()))];
        let list = (0..JOBS).map(|_| heavy(&jobs)).chain(bad);
        let refused = jobs.enqueue_all(list).await.unwrap_err();
        assert!(
            refused.to_string().contains("a job is refused"),
            "{refused}"
        );
        assert_eq!(count(&jobs).await, 0, "a part of the list is there");

        let all = jobs.enqueue_all((0..JOBS).map(|_| heavy(&jobs))).await;
        assert_eq!(all.unwrap().len(), JOBS);
        assert_eq!(count(&jobs).await, JOBS);
    });
}

#[test]
fn a_batch_with_heavy_members_gets_there() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let jobs = Jobs::new(store(server, "heavy batch").await);
        let batch = jobs.batch().members((0..JOBS).map(|_| heavy(&jobs)));
        let enqueued = batch.then(heavy(&jobs)).await.unwrap();
        assert_eq!(enqueued.members.len(), JOBS);
        assert_eq!(count(&jobs).await, JOBS + 1);
    });
}

#[test]
fn heavy_jobs_of_many_callers_share_no_statement_that_is_too_heavy() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let jobs = Jobs::new(store(server, "heavy callers").await);
        let callers = (0..JOBS).map(|_| {
            let job = heavy(&jobs);
            rt.spawn(async move { job.await }, Priority::Low)
        });
        let callers: Vec<_> = callers.collect();
        for caller in callers {
            assert!(caller.await.is_ok());
        }
        assert_eq!(count(&jobs).await, JOBS);
    });
}
