//! `workers`: workers that hold jobs, by their leases.

use std::collections::BTreeMap;
use std::time::SystemTime;

use laneway::block_on;
use laneway_jobs::store::{LIST_LIMIT, LeaseView};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::clock::{exact, relative};
use crate::failure::Failure;
use crate::out::{Form, Out};
use crate::spec::Spec;
use crate::table::Table;
use crate::text::short;
use crate::{json, open};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "workers",
        takes: "",
        about: "lists workers that hold jobs, with their leases",
        options: &[],
    },
    run,
};

const CELL: usize = 40;

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let store = open::store(args)?;
    let leases = block_on(store.leases(LIST_LIMIT))?;
    let workers = by_worker(&leases);
    if out.form() == Form::Json {
        let mut workers = workers.iter();
        return workers.try_for_each(|(name, leases)| out.json(&to_json(name, leases)));
    }
    if workers.is_empty() {
        return out.line("no worker holds a job");
    }
    out.table(&table(&workers))?;
    match leases.len() < LIST_LIMIT {
        true => Ok(()),
        false => out.line(&format!(
            "the first {LIST_LIMIT} leases to end; there may be more"
        )),
    }
}

type Workers<'l> = BTreeMap<&'l str, Vec<&'l LeaseView>>;

fn by_worker(leases: &[LeaseView]) -> Workers<'_> {
    let mut workers = Workers::new();
    for lease in leases {
        let name = lease.job.worker.as_deref().unwrap_or_default();
        workers.entry(name).or_default().push(lease);
    }
    workers
}

fn to_json(name: &str, leases: &[&LeaseView]) -> Value {
    let leases = leases.iter().map(|lease| {
        json!({
            "job": lease.job.id.to_string(),
            "kind": lease.job.kind,
            "queue": lease.job.queue,
            "attempt": lease.job.attempt,
            "started_at": json::time(lease.started_at),
            "lease_until": exact(lease.until),
        })
    });
    json!({"worker": name, "leases": leases.collect::<Vec<_>>()})
}

fn table(workers: &Workers<'_>) -> Table {
    let now = SystemTime::now();
    let mut table = Table::new(&["worker", "job", "kind", "queue", "started", "lease ends"]);
    for (name, leases) in workers {
        for lease in leases {
            let started = lease.started_at.map(|started| relative(started, now));
            table.row(vec![
                short(name, CELL),
                lease.job.id.to_string(),
                short(&lease.job.kind, CELL),
                short(&lease.job.queue, CELL),
                started.unwrap_or_default(),
                relative(lease.until, now),
            ]);
        }
    }
    table
}
