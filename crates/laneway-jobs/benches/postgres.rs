//! What a no-op job costs on Postgres, with a server of the bench's own that syncs each commit: 64
//! callers enqueue, then a worker drains; then the same while an old snapshot is held open.
//!
//! `cargo bench -p laneway-jobs --features postgres --bench postgres` prints jobs per second, and
//! processor time per job here and in the server.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use laneway::{Priority, Runtime};
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

#[allow(dead_code, reason = "the tests' server can be stopped as well")]
#[path = "../src/postgres/own_server.rs"]
mod server;
#[path = "../../../benches/jobs/src/server_time.rs"]
mod server_time;

use server_time::server_time;

const CALLERS: u32 = 64;
const EACH: u32 = 500;

#[derive(Serialize, Deserialize)]
struct Nothing(u32);

impl Job for Nothing {
    const KIND: &'static str = "nothing";
}

fn own_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_secs_f64()
}

fn first_process(server: &server::Server) -> u32 {
    let file = fs::read_to_string(server.folder.join("data/postmaster.pid"));
    let file = file.expect("the server runs");
    let id = file.lines().next().and_then(|line| line.parse().ok());
    id.expect("the file begins with it")
}

fn measured(what: &str, server: u32, run: impl FnOnce()) {
    let jobs = f64::from(CALLERS * EACH);
    let (wall, own, servers) = (Instant::now(), own_time(), server_time(server));
    run();
    let rate = jobs / wall.elapsed().as_secs_f64();
    let each = |time: f64| time * 1e6 / jobs;
    let (own, servers) = (each(own_time() - own), each(server_time(server) - servers));
    println!(
        "{what}: {rate:.0} jobs/s, {own:.1} us of processor time per job here, {servers:.1} us in the server"
    );
}

async fn enqueue_each(jobs: Jobs) {
    for n in 0..EACH {
        let _ = jobs.enqueue(Nothing(n)).await.expect("it is enqueued");
    }
}

/// Runs all jobs. No query tells when they are done, since it would be measured as well.
fn drain(rt: &Runtime, jobs: &Jobs, in_flight: usize) {
    let (all, ended) = flume::bounded(1);
    let left = Arc::new(AtomicU32::new(CALLERS * EACH));
    let worker = Worker::new(jobs)
        .queue("default", Limit::in_flight(in_flight))
        .handle(move |_: Nothing, _: Ctx| {
            if left.fetch_sub(1, Relaxed) == 1 {
                let _ = all.send(());
            }
            async { Ok::<_, JobError>(()) }
        })
        .start(rt)
        .expect("it is set up");
    ended.recv().expect("the worker runs");
    let report = rt.block_on(worker.shutdown(Duration::from_secs(5)));
    assert_eq!(report.finished, u64::from(CALLERS * EACH));
}

/// What else goes on in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// A transaction that began before all jobs.
    OldSnapshot,
}

fn run(server: &server::Server, in_flight: usize, beside: Beside) {
    let rt = Runtime::builder().build().expect("the defaults work");
    let schema = format!("bench_{in_flight}_{beside:?}");
    let options = PostgresOptions::new().schema(schema);
    let url = server.url();
    let store = rt.block_on(options.connect(&url)).expect("it is connected");
    let other = rt.block_on(store.client()).expect("it is connected");
    if beside == Beside::OldSnapshot {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
        rt.block_on(other.batch_execute(begin)).expect("it begins");
    }
    let jobs = Jobs::new(store);
    let first = first_process(server);
    measured(
        &format!("{beside:?}: enqueue by {CALLERS} callers"),
        first,
        || {
            let callers = (0..CALLERS).map(|_| rt.spawn(enqueue_each(jobs.clone()), Priority::Low));
            laneway::join_all(callers);
        },
    );
    measured(
        &format!("{beside:?}: drain, claims of {in_flight}"),
        first,
        || drain(&rt, &jobs, in_flight),
    );
}

fn main() {
    let Some(server) = server::own() else { return };
    for in_flight in [64, 256] {
        run(&server, in_flight, Beside::Nothing);
        run(&server, in_flight, Beside::OldSnapshot);
    }
}
