//! Does a worker hear of what another process writes to its file, in each of its queues?

use std::path::PathBuf;
use std::time::Duration;

use laneway::time::timeout;
use laneway::{Handle, Priority, Runtime};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{Rescue, Rescued, StoreError};
use laneway_jobs::{Ctx, EnqueueError, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LIMIT: Duration = Duration::from_secs(20);

/// By way of a link, as a deploy may lay one.
#[cfg(unix)]
#[test]
fn a_link_leads_to_the_same_owner_and_the_same_changes() {
    let folder = std::env::temp_dir().join(format!("laneway-jobs-link-{}", std::process::id()));
    let folder = Folder(folder);
    std::fs::create_dir_all(&folder.0).unwrap();
    let (file, link) = (folder.0.join("jobs.db"), folder.0.join("link.db"));
    let rt = Runtime::builder().build().unwrap();
    let owner = Jobs::new(SqliteStore::open(&file).unwrap());
    let (begun, has_begun) = flume::bounded(1);
    let (end, ends) = flume::bounded::<()>(1);
    let slow = move |_: Nothing, ctx: Ctx| {
        let (begun, ends) = (begun.clone(), ends.clone());
        async move {
            begun.send_async(()).await?;
            ends.recv_async().await?;
            Ok::<_, JobError>(ctx.attempt())
        }
    };
    let worker = Worker::new(&owner).queue("slow", Limit::in_flight(1));
    let worker = worker.handle(slow).start(&rt).unwrap();
    rt.block_on(async {
        let id = owner.enqueue(Nothing).queue("slow").await.unwrap().id();
        has_begun.recv_async().await.unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let guest = Jobs::new(SqliteStore::open(&link).unwrap());
        let rescued = guest.store().rescue(Rescue::default()).await;
        assert_eq!(rescued, Ok(Rescued::default()), "the owner lives");
        let handler = |_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) };
        let other = Worker::new(&guest).queue("default", Limit::in_flight(1));
        let other = other.handle(handler).start(&Handle::current()).unwrap();
        for _ in 0..2 {
            let job = owner.enqueue(Nothing).await.unwrap();
            let done = timeout(LIMIT, owner.wait::<()>(job.id())).await;
            assert!(matches!(done, Ok(Ok(()))), "{done:?}");
        }
        end.send(()).unwrap();
        assert_eq!(owner.wait::<u32>(id).await, Ok(1));
        assert!(other.shutdown(LIMIT).await.is_clean());
        assert!(worker.shutdown(LIMIT).await.is_clean());
    });
}

#[test]
fn each_queue_of_a_worker_hears_of_another_process() {
    let folder = std::env::temp_dir().join(format!("laneway-jobs-two-{}", std::process::id()));
    let folder = Folder(folder);
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("jobs.db");
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    // A store of its own has hints of its own, as another process has.
    let elsewhere = Jobs::new(SqliteStore::open(&file).unwrap());
    let names = ["a", "b", "c", "d"];
    let mut worker = Worker::new(&jobs);
    for name in names {
        worker = worker.queue(name, Limit::in_flight(1));
    }
    let handler = |_: Nothing, _: Ctx| async { Ok::<_, JobError>(()) };
    let worker = worker.handle(handler).start(&rt).unwrap();
    rt.block_on(async {
        for name in names.into_iter().cycle().take(12) {
            let job = elsewhere.enqueue(Nothing).queue(name).await.unwrap();
            let done = timeout(LIMIT, elsewhere.wait::<()>(job.id())).await;
            assert!(matches!(done, Ok(Ok(()))), "{name}: {done:?}");
        }
        assert!(worker.shutdown(LIMIT).await.is_clean());
    });
}

/// All callers hear of it in about the time that a transaction waits, however many they are.
#[test]
fn callers_of_a_file_that_is_locked_for_long_do_not_wait_one_after_the_other() {
    let folder = std::env::temp_dir().join(format!("laneway-jobs-busy-{}", std::process::id()));
    let folder = Folder(folder);
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("jobs.db");
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteStore::open(&file).unwrap());
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    rt.block_on(async {
        let enqueue = |_| {
            let jobs = jobs.clone();
            rt.spawn(async move { jobs.enqueue(Nothing).await }, Priority::Low)
        };
        let callers: Vec<_> = (0..8).map(enqueue).collect();
        let refused = async {
            for caller in callers {
                assert_eq!(caller.await, Err(EnqueueError::Store(StoreError::Busy)));
            }
        };
        // Eight times five seconds, one after the other.
        assert!(
            timeout(LIMIT, refused).await.is_ok(),
            "they wait for longer"
        );
        other.execute_batch("COMMIT").unwrap();
        assert!(jobs.enqueue(Nothing).await.is_ok());
    });
}
