//! What a no-op job costs on SQLite, in a file: 64 callers enqueue, then a worker drains.
//!
//! `cargo bench -p laneway-jobs --bench sqlite` prints jobs per second and processor time per job.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use laneway::{Priority, Runtime};
use laneway_jobs::sqlite::{Durability, SqliteOptions};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

const CALLERS: u32 = 64;
const EACH: u32 = 500;

#[derive(Serialize, Deserialize)]
struct Nothing(u32);

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn measured(what: &str, run: impl FnOnce()) {
    let jobs = f64::from(CALLERS * EACH);
    let (wall, processor) = (Instant::now(), processor_time());
    run();
    let rate = jobs / wall.elapsed().as_secs_f64();
    let each = (processor_time() - processor).as_secs_f64() * 1e6 / jobs;
    println!("{what}: {rate:.0} jobs/s, {each:.1} us of processor time per job");
}

async fn enqueue_each(jobs: Jobs) {
    for n in 0..EACH {
        let _ = jobs.enqueue(Nothing(n)).await.expect("it is enqueued");
    }
}

const ALL: u32 = CALLERS * EACH;

/// Starts a worker, and shuts it down when the last handler has run: that settles what is left.
fn drain(rt: &Runtime, jobs: &Jobs) {
    let (runs, (over, end)) = (AtomicU32::new(0), flume::bounded(1));
    let handler = move |_: Nothing, _: Ctx| {
        if runs.fetch_add(1, Relaxed) + 1 == ALL {
            let _ = over.send(());
        }
        async { Ok::<_, JobError>(()) }
    };
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(64))
        .handle(handler)
        .start(rt)
        .expect("it is set up");
    rt.block_on(async {
        let _ = end.recv_async().await;
        let report = worker.shutdown(Duration::from_secs(5)).await;
        assert_eq!(report.finished, u64::from(ALL), "{report}");
    });
}

fn main() {
    for durability in [Durability::Full, Durability::Normal] {
        let name = format!("laneway-jobs-bench-{}-{durability}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the file");
        let options = SqliteOptions::new().durability(durability);
        let jobs = Jobs::new(options.open(folder.join("jobs.db")).expect("a new file"));
        let rt = Runtime::builder().build().expect("the defaults work");
        measured(
            &format!("{durability}: enqueue by {CALLERS} callers"),
            || {
                let callers =
                    (0..CALLERS).map(|_| rt.spawn(enqueue_each(jobs.clone()), Priority::Low));
                laneway::join_all(callers);
            },
        );
        measured(&format!("{durability}: drain"), || {
            drain(&rt, &jobs);
        });
        std::fs::remove_dir_all(folder).expect("the folder goes");
    }
}
