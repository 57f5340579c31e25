//! `retry`, `run-now`, `cancel` and `delete`: some jobs by their ids, or all that match.

use laneway::block_on;
use laneway_jobs::store::{Changed, JobAction, JobSearch, Store};
use laneway_jobs::{JobId, JobState};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::Out;
use crate::progress::Progress;
use crate::selection::{
    ALL, BATCH, ERROR, FILTERS, KIND, LIMIT_KEY, QUEUE, SINCE, STATE, UNIQUE, UNTIL, YES, all_ids,
    kind, search, state_or, unique_key,
};
use crate::spec::{OptionSpec, Spec};

const OPTIONS: &[OptionSpec] = &[
    ALL, QUEUE, KIND, STATE, ERROR, UNIQUE, LIMIT_KEY, BATCH, SINCE, UNTIL, YES,
];

pub(super) const RETRY: Command = Command {
    spec: Spec {
        name: "retry",
        takes: "ID...",
        about: "lets failed, cancelled or quarantined jobs run again",
        options: OPTIONS,
    },
    run: |args, out| run(JobAction::Retry, args, out),
};

pub(super) const RUN_NOW: Command = Command {
    spec: Spec {
        name: "run-now",
        takes: "ID...",
        about: "lets ready jobs wait for no time any more",
        options: OPTIONS,
    },
    run: |args, out| run(JobAction::RunNow, args, out),
};

pub(super) const CANCEL: Command = Command {
    spec: Spec {
        name: "cancel",
        takes: "ID...",
        about: "cancels ready jobs, and asks running ones to stop",
        options: OPTIONS,
    },
    run: |args, out| run(JobAction::Cancel, args, out),
};

pub(super) const DELETE: Command = Command {
    spec: Spec {
        name: "delete",
        takes: "ID...",
        about: "deletes jobs that do not run",
        options: OPTIONS,
    },
    run: |args, out| run(JobAction::Delete, args, out),
};

/// Jobs that change in one transaction.
const AT_ONCE: usize = 500;

/// The end of the sentence that tells of a change.
fn done(action: JobAction) -> &'static str {
    match action {
        JobAction::Retry => "runs again",
        JobAction::RunNow => "waits for no time any more",
        JobAction::Cancel => "is cancelled",
        JobAction::Delete => "is deleted",
    }
}

fn run(action: JobAction, args: &Args, out: &mut Out) -> Result<(), Failure> {
    match (args.has("all"), args.words()) {
        (true, []) => all(action, args, out),
        (true, _) => Err(Failure::usage("give ids or --all, not both")),
        (false, []) if args.has("unique") => by_key(action, args, out),
        (false, []) => Err(Failure::usage(
            "give the ids of jobs, or --all, or --kind KIND --unique KEY",
        )),
        (false, _) => by_id(action, args, out),
    }
}

/// The one job that has a unique key among those of a kind and has not ended.
fn by_key(action: JobAction, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let beside = FILTERS.into_iter().chain(["yes"]);
    let mut beside = beside.filter(|name| !["kind", "unique"].contains(name));
    if let Some(only) = beside.find(|option| args.has(option)) {
        return Err(Failure::usage(format!("--{only} goes with --all")));
    }
    let (Some(kind), Some(key)) = (kind(args)?, unique_key(args)?) else {
        return Err(Failure::usage("--unique without --all goes with --kind"));
    };
    let store = open::store(args)?;
    let none = format!("no unfinished job of the kind {kind:?} has the unique key {key:?}");
    let found = block_on(store.unfinished(kind, key))?;
    let (id, _) = found.ok_or_else(|| Failure::refused(none))?;
    match change(action, &*store, &[id], out)? {
        0 => Ok(()),
        _ => Err(Failure::Told),
    }
}

fn by_id(action: JobAction, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let only = FILTERS
        .into_iter()
        .chain(["yes"])
        .find(|option| args.has(option));
    if let Some(only) = only {
        return Err(Failure::usage(format!("--{only} goes with --all")));
    }
    let ids = args.ids()?;
    let store = open::store(args)?;
    match change(action, &*store, &ids, out)? {
        0 => Ok(()),
        _ => Err(Failure::Told),
    }
}

/// Changes jobs and tells of each; how many did not allow it.
fn change(
    action: JobAction,
    store: &dyn Store,
    ids: &[JobId],
    out: &mut Out,
) -> Result<usize, Failure> {
    let (mut refused, mut told) = (0, Ok(()));
    for ids in ids.chunks(AT_ONCE) {
        let answers = block_on(make(action, store, ids))?;
        for (id, changed) in ids.iter().zip(answers) {
            let (text, object) = (sentence(action, *id, changed), one(*id, changed));
            // An output that is closed does not end the changes.
            told = told.and_then(|()| out.tell(&text, &object));
            refused += usize::from(!changed.is_made());
        }
    }
    match refused {
        0 => told.map(|()| 0),
        refused => Ok(refused),
    }
}

async fn make(
    action: JobAction,
    store: &dyn Store,
    ids: &[JobId],
) -> Result<Vec<Changed>, Failure> {
    let changes = ids.iter().map(|id| action.of(*id)).collect();
    Ok(store.change(changes).await?)
}

fn sentence(action: JobAction, id: JobId, changed: Changed) -> String {
    let (verb, done) = (action.name(), done(action));
    match changed {
        Changed::Done => format!("{id} {done}"),
        Changed::Asked => format!("{id} runs; its worker is asked to stop it"),
        Changed::Not(state) => format!("{id} is {state}; {verb} does not apply to it"),
        Changed::KeyTaken => format!("{id}: an unfinished job has the same unique key"),
        Changed::Missing => format!("there is no job {id}"),
    }
}

fn one(id: JobId, changed: Changed) -> Value {
    let (name, state) = match changed {
        Changed::Done => ("done", None),
        Changed::Asked => ("asked", None),
        Changed::Not(state) => ("not", Some(state.name())),
        Changed::KeyTaken => ("key-taken", None),
        Changed::Missing => ("missing", None),
    };
    json!({"id": id.to_string(), "changed": name, "state": state})
}

fn all(action: JobAction, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let wanted = matching(action, args)?;
    let store = open::store(args)?;
    let ids = block_on(all_ids(&*store, wanted))?;
    let (count, verb) = (ids.len(), action.name());
    if !args.has("yes") {
        let text = format!("{verb}: {count} jobs match; nothing was changed: add --yes");
        Failure::unless_closed(out.tell(&text, &json!({"matched": count, "changed": 0})))?;
        return Err(Failure::Told);
    }
    let changed = block_on(make_all(action, &*store, &ids))?;
    let text = format!("{verb}: {changed} of {count} jobs that matched");
    Failure::unless_closed(out.tell(&text, &json!({"matched": count, "changed": changed})))?;
    match changed == count {
        true => Ok(()),
        false => Err(Failure::Told),
    }
}

/// Each change has states that it applies to; deleting says which.
fn matching(action: JobAction, args: &Args) -> Result<JobSearch, Failure> {
    let state = match action {
        JobAction::Retry => state_or(args, JobState::Failed)?,
        JobAction::RunNow | JobAction::Cancel => state_or(args, JobState::Ready)?,
        JobAction::Delete => args
            .state("state")?
            .ok_or_else(|| Failure::usage("delete --all wants --state"))?,
    };
    let verb = action.name();
    match action.applies_to(state) {
        true => Ok(JobSearch {
            state: Some(state),
            ..search(args)?
        }),
        false => Err(Failure::usage(format!(
            "{verb} does not apply to jobs that are {state}"
        ))),
    }
}

/// Jobs that have changed meanwhile are left as they are.
async fn make_all(action: JobAction, store: &dyn Store, ids: &[JobId]) -> Result<usize, Failure> {
    let (mut progress, mut changed) = (Progress::new(), 0);
    for (chunk, part) in ids.chunks(AT_ONCE).enumerate() {
        progress.bar(action.name(), chunk * AT_ONCE, ids.len());
        let answers = make(action, store, part).await?;
        changed += answers
            .into_iter()
            .filter(|answer| answer.is_made())
            .count();
    }
    Ok(changed)
}
