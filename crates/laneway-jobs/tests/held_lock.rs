//! Are jobs looked at while another process holds the lock for writing?

use laneway::block_on;
use laneway_jobs::dashboard::{Dashboard, PageRequest};
use laneway_jobs::sqlite::{SqliteOptions, SqliteStore};
use laneway_jobs::store::{JobSearch, Store, StoreError, ViewStore};
use laneway_jobs::{Job, Jobs};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::folder::Folder;

mod folder;

#[derive(Serialize, Deserialize)]
struct SendMail;

impl Job for SendMail {
    const KIND: &'static str = "send-mail";
}

/// A file with one job, and its store as a visitor has it.
fn with_a_job(folder: &Folder) -> (SqliteStore, laneway_jobs::JobId) {
    let path = folder.file("jobs.db");
    let jobs = Jobs::new(SqliteStore::open(&path).unwrap());
    let id = block_on(jobs.enqueue(SendMail).into_future()).unwrap().id();
    (SqliteOptions::new().visit(path).unwrap(), id)
}

/// Holds the lock for writing until it is dropped.
fn writing(folder: &Folder) -> Connection {
    let connection = Connection::open(folder.file("jobs.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn views_do_not_wait_for_a_writer() {
    let folder = Folder::new("held-lock-views");
    let (store, id) = with_a_job(&folder);
    let held = writing(&folder);
    block_on(async {
        assert!(store.look(vec![id]).await.unwrap()[0].is_some());
        let found = store.search(vec![JobSearch::default()]).await.unwrap();
        assert_eq!(found[0].jobs.len(), 1);
        assert_eq!(store.queues().await.unwrap().queues.len(), 1);
        assert!(store.stories(vec![id]).await.unwrap()[0].is_some());
        assert!(store.leases(9).await.unwrap().is_empty());
        let pause = laneway_jobs::store::ByHand::Pause("default".to_owned());
        // A change waits, and is told of the lock in the end.
        assert_eq!(
            store.change(vec![pause.clone()]).await,
            Err(StoreError::Busy)
        );
        drop(held);
        assert!(store.change(vec![pause]).await.is_ok());
    });
}

#[test]
fn pages_of_the_dashboard_do_not_wait_for_a_writer() {
    let folder = Folder::new("held-lock-pages");
    let (store, id) = with_a_job(&folder);
    let held = writing(&folder);
    let dashboard = Dashboard::new(&Jobs::new(store));
    for path in [
        "/",
        "/jobs",
        &format!("/jobs/{id}"),
        "/errors",
        "/schedules",
        "/workers",
    ] {
        let asked = PageRequest::new("GET", path)
            .header("host", b"localhost")
            .peer("127.0.0.1".parse().unwrap());
        let page = block_on(dashboard.page(asked));
        assert_eq!(page.status, 200, "{path}");
    }
    drop(held);
}
