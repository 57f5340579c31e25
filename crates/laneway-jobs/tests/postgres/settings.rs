//! Do settings of the server, the role or the database change what holds?

use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::conformance::{CASES, Case, Stage};
use laneway_jobs::postgres::tokio_postgres::Client;
use laneway_jobs::postgres::{ConnectError, PostgresOptions, PostgresStore};
use laneway_jobs::store::StoreError;
use laneway_jobs::{Ctx, EnqueueError, Job, JobError, Jobs, Limit, Retry, WaitError, Worker};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Call;

impl Job for Call {
    const KIND: &'static str = "\u{1f980} ä";
}

/// A role with settings that an administrator may have given it for other programs. Its timeouts
/// are longer than any pause of a busy machine: each of them ends a statement for its own reason,
/// which is no fault of the store.
const ODD: &str = "
CREATE ROLE odd LOGIN SUPERUSER;
ALTER ROLE odd SET search_path = nowhere;
ALTER ROLE odd SET timezone = 'Asia/Kathmandu';
ALTER ROLE odd SET datestyle = 'german';
ALTER ROLE odd SET bytea_output = 'escape';
ALTER ROLE odd SET intervalstyle = 'iso_8601';
ALTER ROLE odd SET extra_float_digits = -15;
ALTER ROLE odd SET standard_conforming_strings = off;
ALTER ROLE odd SET backslash_quote = off;
ALTER ROLE odd SET default_transaction_isolation = 'serializable';
ALTER ROLE odd SET default_transaction_deferrable = on;
ALTER ROLE odd SET client_min_messages = 'debug1';
ALTER ROLE odd SET enable_indexscan = off;
ALTER ROLE odd SET enable_nestloop = off;
ALTER ROLE odd SET plan_cache_mode = 'force_custom_plan';
ALTER ROLE odd SET synchronous_commit = off;
ALTER ROLE odd SET statement_timeout = '10min';
ALTER ROLE odd SET lock_timeout = '10min';
ALTER ROLE odd SET idle_in_transaction_session_timeout = '10min';
ALTER ROLE odd SET default_tablespace = 'pg_default';
ALTER ROLE odd SET work_mem = '64kB'";

/// The cases of these files ask for all transitions, and none waits for long.
const FILES: [&str; 9] = [
    "inserts",
    "claims",
    "taken_along",
    "settlements",
    "fences",
    "uniqueness",
    "by_hand",
    "chains",
    "views",
];

/// A case that takes longer hangs. It is no measure of speed.
const PATIENCE: Duration = Duration::from_secs(600);

async fn client_of(url: &str) -> Client {
    let store = PostgresOptions::new().schema("by hand").connect(url);
    store.await.unwrap().client().await.unwrap()
}

async fn run(number: usize, case: &Case, url: &str) {
    println!("{case:?}");
    let options = PostgresOptions::new().schema(format!("odd {number}"));
    let store = options.connect(url).await.unwrap();
    let ended = timeout(PATIENCE, case.run(Stage::new(store)));
    assert!(ended.await.is_ok(), "{case:?} hangs");
}

#[test]
fn a_role_with_settings_of_its_own_changes_nothing() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let client = client_of(&server.url()).await;
        client.batch_execute(ODD).await.unwrap();
        let url = server.url_of("odd", "postgres");
        for (number, case) in CASES.iter().enumerate() {
            let file = case.name().split("::").next().unwrap_or_default();
            if FILES.contains(&file) {
                run(number, case, &url).await;
            }
        }
    });
}

/// The commit of an insert that was answered is on the disk, whatever the role says.
#[test]
fn a_commit_is_waited_for_also_where_the_server_would_not() {
    const WATCH: &str = "
        CREATE ROLE hasty LOGIN SUPERUSER;
        ALTER ROLE hasty SET synchronous_commit = off;
        CREATE FUNCTION \"hasty\".watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('synchronous_commit') = 'off' THEN RAISE 'it is not waited for';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON \"hasty\".laneway_job
            FOR EACH ROW EXECUTE FUNCTION \"hasty\".watch()";
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = || PostgresOptions::new().schema("hasty");
        let store = options().connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        client.batch_execute(WATCH).await.unwrap();
        let url = server.url_of("hasty", "postgres");
        let jobs = Jobs::new(options().connect(&url).await.unwrap());
        assert!(jobs.enqueue(Call).await.is_ok());
    });
}

/// So are the sessions of a standby.
#[test]
fn a_session_that_takes_no_writes_is_told_in_words_of_a_server() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = || PostgresOptions::new().schema("only read");
        drop(options().connect(&server.url()).await.unwrap());
        let only = "?options=-c%20default_transaction_read_only%3Don";
        let url = format!("{}{only}", server.url());
        let store = options().connect(&url);
        let jobs = Jobs::new(store.await.unwrap());
        let refused = jobs.enqueue(Call).await.unwrap_err();
        assert_eq!(refused, EnqueueError::Store(StoreError::ReadOnly));
        assert!(
            refused.to_string().contains("a server that takes writes"),
            "{refused}"
        );
    });
}

async fn database(encoding: &str) -> Option<Result<PostgresStore, ConnectError>> {
    let server = server::shared()?;
    let client = client_of(&server.url()).await;
    let name = encoding.to_lowercase();
    let create = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'
        LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    client.batch_execute(&create).await.unwrap();
    let url = server.url_of("tester", &name);
    Some(PostgresOptions::new().connect(&url).await)
}

#[test]
fn an_encoding_that_lacks_signs_is_refused_in_words() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(refused) = database("LATIN1").await else {
            return;
        };
        let refused = refused.unwrap_err();
        assert_eq!(refused, ConnectError::Encoding("LATIN1".to_owned()));
        assert!(refused.to_string().contains("UTF8"), "{refused}");
    });
}

#[test]
fn a_database_without_an_encoding_keeps_all_texts() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let Some(store) = database("SQL_ASCII").await else {
            return;
        };
        let jobs = Jobs::new(store.unwrap());
        let worker = Worker::new(&jobs)
            .queue("\u{1f980}", Limit::in_flight(1))
            .handle(|_: Call, _: Ctx| async { Err::<(), JobError>(Retry::never("ä\u{1f980}")) })
            .start(&rt)
            .unwrap();
        let id = jobs.enqueue(Call).queue("\u{1f980}").await.unwrap().id();
        let failed = WaitError::Failed("ä\u{1f980}".to_owned());
        assert_eq!(jobs.wait::<()>(id).await, Err(failed));
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    });
}
