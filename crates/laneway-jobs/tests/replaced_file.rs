//! Does a file that is moved, deleted or replaced while it is open lose jobs without a word?
#![cfg(unix)]

mod folder;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use laneway::{Runtime, block_on};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::StoreError;
use laneway_jobs::{Ctx, EnqueueError, Enqueued, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use folder::Folder;

#[derive(Serialize, Deserialize)]
struct Text(String);

impl Job for Text {
    const KIND: &'static str = "text";
}

fn enqueue(jobs: &Jobs) -> Result<Enqueued, EnqueueError> {
    block_on(async { jobs.enqueue(Text("a".to_owned())).await })
}

fn assert_refused(jobs: &Jobs, why: &str) {
    let Err(EnqueueError::Store(StoreError::Database(told))) = enqueue(jobs) else {
        panic!("a job was taken that no other opening of the path can see");
    };
    assert!(told.contains(why) && told.contains("jobs.db"), "{told}");
    let all = block_on(jobs.search(Default::default()));
    assert!(all.is_err(), "what is shown is not in the file");
}

/// All that SQLite keeps beside a file moves along.
fn rename(from: &Path, to: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let named = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        if named(from).exists() {
            fs::rename(named(from), named(to)).unwrap();
        }
    }
}

#[test]
fn a_file_that_is_deleted_takes_no_jobs_and_one_that_is_put_back_does() {
    let folder = Folder::new("replaced-deleted");
    let (file, elsewhere) = (folder.file("jobs.db"), folder.file("elsewhere.db"));
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    assert!(enqueue(&jobs).is_ok());
    rename(&file, &elsewhere);
    assert_refused(&jobs, "moved or deleted");
    rename(&elsewhere, &file);
    assert!(enqueue(&jobs).is_ok());
    let all = block_on(jobs.search(Default::default())).unwrap();
    assert_eq!(all.jobs.len(), 2);
}

#[test]
fn a_file_that_is_replaced_takes_no_jobs_by_an_earlier_opening() {
    let folder = Folder::new("replaced-replaced");
    let (file, restored) = (folder.file("jobs.db"), folder.file("restored.db"));
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    assert!(enqueue(&jobs).is_ok());
    let other = Jobs::new(SqliteStore::open(&restored).unwrap());
    assert!(enqueue(&other).is_ok());
    rename(&file, &folder.file("old.db"));
    rename(&restored, &file);
    assert_refused(&jobs, "another file");
    let Err(EnqueueError::Store(_)) = enqueue(&other) else {
        panic!("its file was moved as well");
    };
    drop((jobs, other));
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    assert!(enqueue(&jobs).is_ok());
    let all = block_on(jobs.search(Default::default())).unwrap();
    assert_eq!(all.jobs.len(), 2, "its own, and the new one");
}

#[test]
fn a_log_that_is_deleted_takes_no_jobs_and_loses_none_that_were_taken() {
    for ending in ["-wal", "-shm"] {
        let folder = Folder::new(&format!("replaced{ending}"));
        let file = folder.file("jobs.db");
        let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
        assert!(enqueue(&jobs).is_ok());
        fs::remove_file(format!("{}{ending}", file.display())).unwrap();
        assert_refused(&jobs, "moved or deleted");
        drop(jobs);
        // The end of an opening brings its log into the file.
        let begun = Instant::now();
        let all = loop {
            let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
            let all = block_on(jobs.search(Default::default())).unwrap().jobs;
            if !all.is_empty() || begun.elapsed() > Duration::from_secs(10) {
                break all;
            }
        };
        assert_eq!(all.len(), 1, "{ending}");
    }
}

#[test]
fn a_worker_whose_file_is_gone_ends_when_it_is_told_to() {
    let folder = Folder::new("replaced-worker");
    let file = folder.file("jobs.db");
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    let (begins, begun) = flume::bounded(1);
    let (go_on, gate) = flume::bounded::<()>(1);
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(2))
        .handle(move |_: Text, _: Ctx| {
            let (begins, gate) = (begins.clone(), gate.clone());
            async move {
                begins.send_async(()).await?;
                gate.recv_async().await?;
                Ok::<_, JobError>(())
            }
        })
        .start(&rt)
        .unwrap();
    rt.block_on(async {
        assert!(jobs.enqueue(Text("a".to_owned())).await.is_ok());
        begun.recv_async().await.unwrap();
        rename(&file, &folder.file("elsewhere.db"));
        go_on.send_async(()).await.unwrap();
        let report = worker.shutdown(Duration::from_millis(200)).await;
        assert_eq!(report.cut_off.len(), 1, "its end is not written");
        assert!(!report.is_clean());
    });
}
