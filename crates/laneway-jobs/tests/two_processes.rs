//! Does a worker hear of what another process writes to its file, in each of its queues?

use std::path::PathBuf;
use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
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
