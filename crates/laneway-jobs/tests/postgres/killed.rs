//! Does a server keep its promises while the process of the worker is killed, again and again?
//!
//! The test runs itself as the process that is killed: it enqueues jobs, tells of each that is
//! acknowledged, and works on all.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{Runtime, block_on};
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::store::Rescue;
use laneway_jobs::{Ctx, Job, JobError, JobId, Jobs, Limit, Worker, WorkerHandle};
use serde::{Deserialize, Serialize};

use crate::{faults, server};

const URL: &str = "LANEWAY_POSTGRES_KILLED_AT";
const WORKS: &str = "it works";
/// So many processes live at the same time.
const AT_ONCE: u32 = 2;
/// How long a process works, in milliseconds.
const WORKING: std::ops::Range<u64> = 0..80;

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "numbered";
}

/// Each completion of a job, written down by the database itself.
const LEDGER: &str = "
CREATE TABLE killed.completion (job uuid NOT NULL);
CREATE FUNCTION killed.note_completion() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO killed.completion VALUES (NEW.id); RETURN NULL; END';
CREATE TRIGGER noted AFTER UPDATE ON killed.laneway_job FOR EACH ROW
    WHEN (NEW.state = 2 AND OLD.state <> 2) EXECUTE FUNCTION killed.note_completion()";

async fn connect(url: &str) -> PostgresStore {
    let options = PostgresOptions::new().schema("killed");
    options.connect(url).await.unwrap()
}

fn start(jobs: &Jobs, rt: &Runtime) -> WorkerHandle {
    let rescue = Rescue {
        backoff: Duration::ZERO,
        max_crashes: 1_000,
        ..Rescue::default()
    };
    Worker::new(jobs)
        .queue("default", Limit::in_flight(8))
        .lease(Duration::from_secs(1))
        .rescue(rescue)
        .handle(|_: Numbered, _: Ctx| async {
            sleep(Duration::from_millis(1)).await;
            Ok::<_, JobError>(())
        })
        .start(rt)
        .unwrap()
}

/// The process that is killed; in other runs of the tests it has nothing to do.
#[test]
fn a_process_that_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let jobs = Jobs::new(connect(&url).await);
        let _worker = start(&jobs, &rt);
        let mut out = std::io::stdout();
        writeln!(out, "\n{WORKS}").unwrap();
        for number in 0.. {
            let id = jobs.enqueue(Numbered(number)).await.unwrap().id();
            writeln!(out, "{id}").unwrap();
            sleep(Duration::from_millis(2)).await;
        }
    });
}

fn process(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::a_process_that_is_killed", "--exact", "--nocapture"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a process some time after it has begun to work; answers what it has told.
fn one_life(url: &str) -> Vec<JobId> {
    let mut child = process(url);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == WORKS), "it has not begun");
    block_on(sleep(Duration::from_millis(fastrand::u64(WORKING))));
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may have been cut off: then its job was acknowledged to nobody.
    let told = lines.map_while(Result::ok);
    told.filter_map(|line| line.parse().ok()).collect()
}

/// Kills so many processes, some of which live at the same time.
fn lives(url: &str, kills: u32) -> HashSet<JobId> {
    let ids = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let ids = &ids;
            scope.spawn(move || {
                for _ in (first..kills).step_by(AT_ONCE as usize) {
                    let told = one_life(url);
                    ids.lock().unwrap().extend(told);
                }
            });
        }
    });
    ids.into_inner().unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_completed_twice() {
    let Some(server) = server::shared() else {
        return;
    };
    let (url, rt) = (server.url(), Runtime::builder().build().unwrap());
    let store = rt.block_on(connect(&url));
    rt.block_on(async {
        let client = store.client().await.unwrap();
        client.batch_execute(LEDGER).await.unwrap();
    });
    let ids = lives(&url, faults::worker_kills());
    assert!(!ids.is_empty());
    let run = async {
        let jobs = Jobs::new(store.clone());
        let worker = start(&jobs, &rt);
        for &id in &ids {
            assert_eq!(jobs.wait::<()>(id).await, Ok(()), "{id} was acknowledged");
        }
        let client = store.client().await.unwrap();
        let count = async |sql: &str| -> i64 { client.query_one(sql, &[]).await.unwrap().get(0) };
        // Those that were committed, but not acknowledged, run as well.
        while count("SELECT count(*) FROM killed.laneway_job WHERE state < 2").await > 0 {
            sleep(Duration::from_millis(50)).await;
        }
        let all = count("SELECT count(*) FROM killed.laneway_job").await;
        let done = "SELECT count(*) FROM killed.laneway_job WHERE state = 2";
        assert_eq!(count(done).await, all);
        assert_eq!(count("SELECT count(*) FROM killed.completion").await, all);
        let distinct = "SELECT count(DISTINCT job) FROM killed.completion";
        assert_eq!(count(distinct).await, all, "each was completed once");
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
    };
    let ended = rt.block_on(timeout(Duration::from_secs(100), run));
    assert!(ended.is_ok(), "a job has no end");
}
