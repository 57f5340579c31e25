//! `bench`: what jobs cost here that do nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use laneway::time::sleep;
use laneway::{Priority, Runtime};
use laneway_jobs::store::{ByHand, JobSearch, Store};
use laneway_jobs::{Ctx, Enqueued, IfExists, Job, JobError, JobId, JobState, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::interrupt;
use crate::out::{Form, Out};
use crate::progress::Progress;
use crate::spec::{Spec, value};
use crate::table::Table;
use crate::{open, processor};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "bench",
        takes: "",
        about: "measures jobs that do nothing, in a file of its own or in --database",
        options: &[
            value("jobs", "N", "the number of jobs; 10000 by default"),
            value("callers", "N", "enqueue by N callers; 64 by default"),
            value("in-flight", "N", "N run at the same time; 64 by default"),
        ],
    },
    run,
};

/// The name of the first queue; those of runs beside it have a number behind it.
const QUEUE: &str = "laneway-jobs-bench";
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Longer than any bench.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
const LAST_WORD: Duration = Duration::from_secs(10);
/// Jobs that are deleted in one transaction.
const AT_ONCE: usize = 500;

#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "laneway-jobs-bench";
}

/// The measurements that are to be made.
#[derive(Clone, Copy)]
struct Plan {
    jobs: usize,
    callers: usize,
    in_flight: usize,
}

/// The result of one part.
struct Measured {
    what: &'static str,
    jobs: usize,
    wall: Duration,
    processor: Option<Duration>,
}

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let plan = plan(args)?;
    interrupt::note()?;
    let folder = OwnFolder::new();
    let address = match args.value("database") {
        Some("") => return Err(Failure::usage("--database is empty")),
        Some(address) => address.to_owned(),
        None => folder.file()?,
    };
    let store = open::newest_store_at(&address)?;
    let measured = measure(plan, store)?;
    match out.form() {
        Form::People => out.table(&table(&measured)),
        Form::Json => measured
            .iter()
            .try_for_each(|measured| out.json(&to_json(measured))),
    }
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let at_least_one = |name: &str, default| match args.number(name)?.unwrap_or(default) {
        0 => Err(Failure::usage(format!("--{name} is at least 1"))),
        number => Ok(number),
    };
    Ok(Plan {
        jobs: at_least_one("jobs", 10_000)?,
        callers: at_least_one("callers", 64)?,
        in_flight: at_least_one("in-flight", 64)?,
    })
}

/// A queue that no other run works on.
struct OwnQueue {
    jobs: Jobs,
    name: String,
    /// The job that keeps other runs out.
    sign: JobId,
}

impl OwnQueue {
    /// Takes the first queue that is empty: runs that follow each other share one. A run that was
    /// killed leaves its jobs, and its queue to them.
    async fn take(jobs: Jobs) -> Result<OwnQueue, Failure> {
        let mut places = 1;
        loop {
            let name = match places {
                1 => QUEUE.to_owned(),
                _ => format!("{QUEUE}-{places}"),
            };
            if let Some(sign) = put_sign(&jobs, &name).await? {
                return Ok(OwnQueue { jobs, name, sign });
            }
            places += 1;
        }
    }
}

/// The sign of a run in a queue that is empty: a job that does not run before the deletion of all.
/// Of several runs at the same time one has it.
async fn put_sign(jobs: &Jobs, queue: &str) -> Result<Option<JobId>, Failure> {
    let unfinished = [JobState::Ready, JobState::Running].map(|state| JobSearch {
        queue: Some(queue.to_owned()),
        state: Some(state),
        limit: 1,
        ..JobSearch::default()
    });
    let found = jobs.store().search(unfinished.into()).await?;
    if found.iter().any(|page| !page.jobs.is_empty()) {
        return Ok(None);
    }
    let sign = jobs.enqueue(Nothing).queue(queue).after(CENTURY);
    let enqueued = sign.unique(queue, IfExists::Keep).await;
    match enqueued.map_err(|error| Failure::refused(error.to_string()))? {
        Enqueued::Inserted(id) => Ok(Some(id)),
        Enqueued::Existing(..) => Ok(None),
    }
}

/// Enqueues and drains; then the jobs are deleted, whatever has come in between.
fn measure(plan: Plan, store: Arc<dyn Store>) -> Result<Vec<Measured>, Failure> {
    let rt = Runtime::builder().build();
    let rt = rt.map_err(|error| Failure::refused(error.to_string()))?;
    let own = rt.block_on(OwnQueue::take(Jobs::shared(store)))?;
    let mut ids = Vec::new();
    let enqueue = measured("enqueue", plan.jobs, || {
        rt.block_on(enqueue(plan, &rt, &own, &mut ids))
    });
    let both = enqueue.and_then(|enqueue| {
        let drain = measured("drain", plan.jobs, || drain(plan, &rt, &own))?;
        Ok(vec![enqueue, drain])
    });
    // The sign is the last to go.
    ids.push(own.sign);
    let deleted = rt.block_on(delete(&own.jobs, &ids));
    let both = both?;
    deleted.map(|()| both)
}

fn measured(
    what: &'static str,
    jobs: usize,
    run: impl FnOnce() -> Result<(), Failure>,
) -> Result<Measured, Failure> {
    let (wall, processor) = (Instant::now(), processor::time());
    run()?;
    if interrupt::came() {
        return Err(Failure::Interrupted);
    }
    let since = |now: Duration| Some(now - processor?);
    Ok(Measured {
        what,
        jobs,
        wall: wall.elapsed(),
        processor: processor::time().and_then(since),
    })
}

/// Gives the ids of all jobs that were enqueued, even if others could not be.
async fn enqueue(
    plan: Plan,
    rt: &Runtime,
    own: &OwnQueue,
    ids: &mut Vec<JobId>,
) -> Result<(), Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    // No more than there are jobs have something to do.
    let callers = (0..plan.callers.min(plan.jobs)).map(|_| {
        let caller = enqueue_some(plan.jobs, next.clone(), own.jobs.clone(), own.name.clone());
        rt.spawn(caller, Priority::Low)
    });
    let callers: Vec<_> = callers.collect();
    watch("enqueue", plan.jobs, &next).await;
    let mut outcome = Ok(());
    for caller in callers {
        let (enqueued, ended) = caller.await;
        ids.extend(enqueued);
        outcome = outcome.and(ended);
    }
    outcome
}

async fn enqueue_some(
    all: usize,
    next: Arc<AtomicUsize>,
    jobs: Jobs,
    queue: String,
) -> (Vec<JobId>, Result<(), Failure>) {
    let mut ids = Vec::new();
    while !interrupt::came() && next.fetch_add(1, Relaxed) < all {
        match jobs.enqueue(Nothing).queue(&queue).await {
            Ok(enqueued) => ids.push(enqueued.id()),
            Err(error) => {
                // The other callers are to end as well, and the watch.
                next.store(all, Relaxed);
                return (ids, Err(Failure::refused(error.to_string())));
            }
        }
    }
    (ids, Ok(()))
}

/// Shows a count until it is full, or the bench is interrupted.
async fn watch(what: &str, all: usize, count: &AtomicUsize) {
    let mut progress = Progress::new();
    loop {
        let done = count.load(Relaxed).min(all);
        if done == all || interrupt::came() {
            return;
        }
        progress.bar(what, done, all);
        sleep(BETWEEN_LOOKS).await;
    }
}

fn drain(plan: Plan, rt: &Runtime, own: &OwnQueue) -> Result<(), Failure> {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let handler = move |_: Nothing, _: Ctx| {
        count.fetch_add(1, Relaxed);
        async { Ok::<_, JobError>(()) }
    };
    let worker = Worker::new(&own.jobs)
        .queue(&own.name, Limit::in_flight(plan.in_flight))
        .handle(handler)
        .start(rt)
        .map_err(|error| Failure::refused(error.to_string()))?;
    let report = rt.block_on(async {
        watch("drain", plan.jobs, &done).await;
        worker.shutdown(LAST_WORD).await
    });
    match report.is_clean() {
        true => Ok(()),
        false => Err(Failure::refused(format!(
            "the worker did not finish: {report}"
        ))),
    }
}

async fn delete(jobs: &Jobs, ids: &[JobId]) -> Result<(), Failure> {
    let mut progress = Progress::new();
    for (chunk, part) in ids.chunks(AT_ONCE).enumerate() {
        progress.bar("delete", chunk * AT_ONCE, ids.len());
        let changes = part.iter().map(|id| ByHand::Delete(*id)).collect();
        jobs.store().change(changes).await?;
    }
    Ok(())
}

impl Measured {
    fn jobs_per_second(&self) -> f64 {
        self.jobs as f64 / self.wall.as_secs_f64()
    }

    fn processor_us_per_job(&self) -> Option<f64> {
        Some(self.processor?.as_secs_f64() * 1e6 / self.jobs as f64)
    }
}

fn table(measured: &[Measured]) -> Table {
    let mut table = Table::new(&["part", "jobs", "seconds", "jobs/s", "CPU us per job"]);
    for measured in measured {
        let processor = measured.processor_us_per_job();
        table.row(vec![
            measured.what.to_owned(),
            measured.jobs.to_string(),
            format!("{:.2}", measured.wall.as_secs_f64()),
            format!("{:.0}", measured.jobs_per_second()),
            processor.map_or_else(|| "?".to_owned(), |us| format!("{us:.1}")),
        ]);
    }
    table
}

fn to_json(measured: &Measured) -> Value {
    json!({
        "part": measured.what,
        "jobs": measured.jobs,
        "seconds": measured.wall.as_secs_f64(),
        "jobs_per_second": measured.jobs_per_second(),
        "cpu_us_per_job": measured.processor_us_per_job(),
    })
}

/// The folder of a file that is measured in, gone with all in it at the end.
struct OwnFolder(PathBuf);

impl OwnFolder {
    fn new() -> OwnFolder {
        let name = format!("laneway-jobs-bench-{}", std::process::id());
        OwnFolder(std::env::temp_dir().join(name))
    }

    fn file(&self) -> Result<String, Failure> {
        let made = std::fs::create_dir_all(&self.0);
        made.map_err(|error| Failure::refused(format!("no file can be made: {error}")))?;
        Ok(self.0.join("jobs.db").display().to_string())
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
