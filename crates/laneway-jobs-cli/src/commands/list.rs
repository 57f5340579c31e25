//! `list`: jobs, newest first, or queues with their counts.

use std::time::SystemTime;

use laneway::block_on;
use laneway_jobs::JobState;
use laneway_jobs::store::{
    JobSearch, JobView, LIST_LIMIT, QueueCount, QueueState, QueueView, Store,
};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::clock::relative;
use crate::failure::Failure;
use crate::out::Out;
use crate::selection::{
    BATCH, ERROR, FILTERS, KIND, LIMIT_KEY, QUEUE, SINCE, STATE, UNIQUE, UNTIL, next_page, search,
};
use crate::spec::{Spec, flag, value};
use crate::table::Table;
use crate::text::short;
use crate::{json, open};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "list",
        takes: "",
        about: "lists jobs, newest first, or queues",
        options: &[
            QUEUE,
            KIND,
            STATE,
            ERROR,
            UNIQUE,
            LIMIT_KEY,
            BATCH,
            SINCE,
            UNTIL,
            value(
                "before",
                "ID",
                "older than this job: the last one of a list",
            ),
            value("limit", "N", "at most N jobs; 50 by default"),
            flag("queues", "lists queues, with their jobs by state"),
        ],
    },
    run,
};

/// How many jobs of a queue and state are counted.
const COUNTED: u64 = 100_000;
const SHOWN: usize = 50;
/// Characters of a cell whose text comes from outside.
const CELL: usize = 40;

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    if args.has("queues") {
        return all_queues(args, out);
    }
    let wanted = JobSearch {
        before: args.id("before")?,
        ..search(args)?
    };
    let limit = match args.number("limit")? {
        Some(0) => return Err(Failure::usage("--limit is at least 1")),
        limit => limit.unwrap_or(SHOWN),
    };
    let store = open::store(args)?;
    jobs(&*store, wanted, limit, out)
}

fn all_queues(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let mut of_jobs = FILTERS.into_iter().chain(["before", "limit"]);
    match of_jobs.find(|option| args.has(option)) {
        Some(option) => Err(Failure::usage(format!(
            "--{option} is about jobs, and does not go with --queues"
        ))),
        None => queues(&*open::store(args)?, out),
    }
}

fn jobs(store: &dyn Store, wanted: JobSearch, limit: usize, out: &mut Out) -> Result<(), Failure> {
    let found = block_on(found(store, wanted, limit))?;
    out.rows(&found, json::job, ("no jobs match", table))
}

async fn found(
    store: &dyn Store,
    wanted: JobSearch,
    limit: usize,
) -> Result<Vec<JobView>, Failure> {
    let (mut search, mut found) = (Some(wanted), Vec::new());
    while found.len() < limit {
        if let Some(search) = &mut search {
            search.limit = (limit - found.len()).min(LIST_LIMIT);
        }
        match next_page(store, &mut search).await? {
            Some(page) => found.extend(page.jobs),
            None => break,
        }
    }
    Ok(found)
}

fn table(jobs: &[JobView]) -> Table {
    let now = SystemTime::now();
    let headings = [
        "id", "state", "kind", "queue", "lane", "attempt", "run at", "error",
    ];
    let mut table = Table::new(&headings);
    for job in jobs {
        table.row(vec![
            job.id.to_string(),
            job.state.to_string(),
            short(&job.kind, CELL),
            short(&job.queue, CELL),
            json::lane(job.lane).to_owned(),
            format!("{} of {}", job.attempt, job.max_attempts),
            relative(job.run_at, now),
            short(job.error.as_deref().unwrap_or_default(), CELL),
        ]);
    }
    table
}

fn queues(store: &dyn Store, out: &mut Out) -> Result<(), Failure> {
    let queues = block_on(store.queues())?.queues;
    let counts = block_on(store.counts(COUNTED))?;
    let table = |queues: &[QueueView]| queue_table(queues, &counts);
    let to_json = |queue: &QueueView| queue_json(queue, &counts);
    out.rows(&queues, to_json, ("no queue has had a job", table))
}

fn count(counts: &[QueueCount], queue: &str, state: JobState) -> u64 {
    let mut found = counts.iter();
    let found = found.find(|count| count.queue == queue && count.state == state);
    found.map_or(0, |found| found.count)
}

fn queue_json(queue: &QueueView, counts: &[QueueCount]) -> Value {
    let by_state = JobState::ALL.map(|state| {
        let count = count(counts, &queue.name, state);
        (state.name().to_owned(), count.into())
    });
    json!({
        "name": queue.name,
        "paused": queue.state == QueueState::Paused,
        "counted_to": COUNTED,
        "jobs": Value::Object(by_state.into_iter().collect()),
    })
}

fn queue_table(queues: &[QueueView], counts: &[QueueCount]) -> Table {
    let mut headings = vec!["queue", "is"];
    headings.extend(JobState::ALL.map(JobState::name));
    let mut table = Table::new(&headings);
    for queue in queues {
        let is = match queue.state {
            QueueState::Open => "open",
            QueueState::Paused => "paused",
        };
        let mut row = vec![short(&queue.name, CELL), is.to_owned()];
        let counts = JobState::ALL.map(|state| count(counts, &queue.name, state));
        row.extend(counts.map(counted));
        table.row(row);
    }
    table
}

fn counted(count: u64) -> String {
    match count >= COUNTED {
        true => format!("{count}+"),
        false => count.to_string(),
    }
}
