//! Do the jobs of a killed process run at the next opening of the file, and those of a living one
//! not?

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{Bounds, Claim, ClaimId, ClaimOrder, KeyRound, Rescue, Whom};
use laneway_jobs::{Ctx, Job, JobError, JobId, JobState, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("laneway-jobs-owner-{}-{name}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.join("jobs.db")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// Enqueues a job and claims it for an hour.
async fn claimed(jobs: &Jobs) -> JobId {
    let id = jobs.enqueue(Nothing).await.unwrap().id();
    let claim = Claim {
        id: ClaimId::from_bytes([7; 16]),
        queue: "default".to_owned(),
        kinds: vec!["nothing".to_owned()],
        limit: 1,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease: HOUR,
        worker: "the owner".to_owned(),
        bounds: Bounds::default(),
        round: KeyRound::default(),
    };
    assert_eq!(jobs.store().claim(claim).await.unwrap().jobs.len(), 1);
    id
}

#[test]
fn the_jobs_of_a_dead_owner_run_at_the_next_opening() {
    let folder = Folder::new("dead");
    let rt = Runtime::builder().build().unwrap();
    // The lock ends with the store as it does with a process.
    let id = rt.block_on(async { claimed(&Jobs::new(folder.open())).await });
    let jobs = Jobs::new(folder.open());
    let at_once = Rescue {
        backoff: Duration::ZERO,
        ..Rescue::default()
    };
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(1))
        .rescue(at_once)
        .handle(|_: Nothing, ctx: Ctx| async move { Ok::<_, JobError>(ctx.attempt()) })
        .start(&rt)
        .unwrap();
    rt.block_on(async {
        let done = timeout(Duration::from_secs(20), jobs.wait::<u32>(id)).await;
        assert_eq!(done, Ok(Ok(2)), "long before the lease's hour is over");
        let view = jobs.store().look(vec![id]).await.unwrap().remove(0);
        assert_eq!(view.unwrap().crashes, 1);
        assert!(worker.shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn a_guest_leaves_the_jobs_of_a_living_owner_alone() {
    let folder = Folder::new("living");
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let owner = Jobs::new(folder.open());
        let id = claimed(&owner).await;
        let guest = Jobs::new(folder.open());
        let rescued = guest.store().rescue(Rescue::default()).await.unwrap();
        assert_eq!(rescued, Default::default());
        let view = guest.store().look(vec![id]).await.unwrap().remove(0);
        assert_eq!(view.unwrap().state, JobState::Running);
    });
}

#[test]
fn a_file_is_taken_over_beside_a_process_that_writes() {
    let folder = Folder::new("busy");
    drop(folder.open());
    let (writes, written) = mpsc::channel();
    let path = folder.0.join("jobs.db");
    let writer = std::thread::spawn(move || {
        let writer = rusqlite::Connection::open(path).unwrap();
        let begin = "BEGIN IMMEDIATE; UPDATE laneway_meta SET clock = clock";
        writer.execute_batch(begin).unwrap();
        writes.send(()).unwrap();
        // Long enough for the opening to come to it, and far from the end of its patience.
        laneway::block_on(laneway::time::sleep(Duration::from_millis(500)));
        writer.execute_batch("COMMIT").unwrap();
    });
    written.recv().unwrap();
    folder.open();
    writer.join().unwrap();
}

#[test]
fn an_owner_whose_lock_was_deleted_takes_no_more_jobs() {
    let folder = Folder::new("lock");
    laneway::block_on(async {
        let owner = Jobs::new(folder.open());
        assert!(owner.enqueue(Nothing).await.is_ok());
        std::fs::remove_file(folder.0.join("jobs.db-owner")).unwrap();
        // The next opening cannot know that the owner lives, and ends its leases.
        let next = Jobs::new(folder.open());
        let refused = owner.enqueue(Nothing).await.unwrap_err().to_string();
        assert!(refused.contains("jobs.db-owner"), "{refused}");
        assert!(next.enqueue(Nothing).await.is_ok());
    });
}
