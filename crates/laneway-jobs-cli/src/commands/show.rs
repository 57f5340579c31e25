//! `show`: all that is known of one job.

use laneway::block_on;
use laneway_jobs::JobId;
use laneway_jobs::store::{BatchCounts, JobStory, JobView, Step, StopRequest, Store};
use serde_json::{Value, json};

use super::Command;
use crate::args::Args;
use crate::clock::shown;
use crate::failure::Failure;
use crate::out::{Form, Out};
use crate::spec::Spec;
use crate::table::Table;
use crate::{json, length, open};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "show",
        takes: "ID",
        about: "shows one job: its payload, result, attempts and steps",
        options: &[],
    },
    run,
};

/// A job, and what belongs to it.
struct Whole {
    job: JobView,
    story: JobStory,
    steps: Vec<Step>,
    batch: Option<BatchCounts>,
}

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.one_word("ID")?;
    let id = args.ids()?[0];
    let store = open::store(args)?;
    let whole = block_on(whole(&*store, id))?;
    match out.form() {
        Form::Json => out.json(&to_json(&whole)),
        Form::People => tell(&whole, out),
    }
}

async fn whole(store: &dyn Store, id: JobId) -> Result<Whole, Failure> {
    let missing = || Failure::refused(format!("there is no job {id}"));
    let job = store.look(vec![id]).await?.pop().flatten();
    let story = store.stories(vec![id]).await?.pop().flatten();
    Ok(Whole {
        job: job.ok_or_else(missing)?,
        story: story.ok_or_else(missing)?,
        steps: store.steps(id).await?,
        batch: store.batches(vec![id]).await?.pop().flatten(),
    })
}

fn to_json(whole: &Whole) -> Value {
    let mut job = json::job(&whole.job);
    let steps = whole.steps.iter();
    let steps = steps.map(|step| json!({"name": step.name, "value": json::stored(&step.value)}));
    let more = json!({
        "payload": json::stored(&whole.job.payload),
        "result": whole.job.result.as_deref().map(json::stored),
        "started_at": json::time(whole.story.started_at),
        "lease_until": json::time(whole.story.lease_until),
        "expires_at": json::time(whole.story.expires_at),
        "timeout_s": whole.story.timeout.map(|timeout| timeout.as_secs_f64()),
        "asked_to_stop": whole.story.stop == StopRequest::Asked,
        "attempts": whole.story.attempts.iter().map(json::attempt).collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
        "batch": whole.batch.map(batch),
    });
    if let (Value::Object(job), Value::Object(more)) = (&mut job, more) {
        job.extend(more);
    }
    job
}

fn batch(counts: BatchCounts) -> Value {
    json!({
        "total": counts.total,
        "left": counts.left(),
        "done": counts.done,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "quarantined": counts.quarantined,
    })
}

fn tell(whole: &Whole, out: &mut Out) -> Result<(), Failure> {
    for (name, value) in facts(whole) {
        out.line(&format!("{name:<13} {value}"))?;
    }
    attempts(whole, out)
}

/// The facts about a job, in order; those that are not there are left out.
fn facts(whole: &Whole) -> Vec<(&'static str, String)> {
    let (job, story) = (&whole.job, &whole.story);
    let stored = |json: &[u8]| json::stored(json).to_string();
    let facts = [
        ("id", Some(job.id.to_string())),
        ("kind", Some(job.kind.clone())),
        ("state", Some(job.state.to_string())),
        ("queue", Some(job.queue.clone())),
        ("lane", Some(json::lane(job.lane).to_owned())),
        (
            "attempt",
            Some(format!("{} of {}", job.attempt, job.max_attempts)),
        ),
        (
            "crashes",
            Some(job.crashes.to_string()).filter(|_| job.crashes > 0),
        ),
        ("created", Some(shown(job.created_at))),
        ("run at", Some(shown(job.run_at))),
        ("started", story.started_at.map(shown)),
        ("finished", job.finished_at.map(shown)),
        ("lease until", story.lease_until.map(shown)),
        ("expires", story.expires_at.map(shown)),
        ("timeout", story.timeout.map(length::shown)),
        ("worker", job.worker.clone()),
        ("fence", job.fence.map(|fence| fence.to_string())),
        ("stop", asked(story.stop)),
        ("unique key", job.unique_key.clone()),
        ("limit key", job.limit_key.clone()),
        ("parent", job.parent.map(|id| id.to_string())),
        ("awaited by", job.awaited_by.map(|id| id.to_string())),
        ("progress", progress(job)),
        ("members", whole.batch.map(members)),
        ("error", job.error.clone()),
        ("payload", Some(stored(&job.payload))),
        ("result", job.result.as_deref().map(stored)),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name, value?.replace('\n', "\\n"))))
        .collect()
}

fn asked(stop: StopRequest) -> Option<String> {
    match stop {
        StopRequest::None => None,
        StopRequest::Asked => Some("the worker is asked to stop it".to_owned()),
    }
}

fn progress(job: &JobView) -> Option<String> {
    let part = job.progress? * 100.0;
    let text = job.progress_text.as_deref().unwrap_or_default();
    Some(format!("{part:.0}% {text}"))
}

fn members(counts: BatchCounts) -> String {
    format!("{} of {} left", counts.left(), counts.total)
}

fn attempts(whole: &Whole, out: &mut Out) -> Result<(), Failure> {
    if !whole.story.attempts.is_empty() {
        let mut table = Table::new(&["attempt", "ended", "worker", "error"]);
        for attempt in &whole.story.attempts {
            table.row(vec![
                attempt.attempt.to_string(),
                shown(attempt.ended_at),
                attempt.worker.clone().unwrap_or_default(),
                attempt.error.clone(),
            ]);
        }
        out.line("")?;
        out.table(&table)?;
    }
    steps(whole, out)
}

fn steps(whole: &Whole, out: &mut Out) -> Result<(), Failure> {
    if whole.steps.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["step", "value"]);
    for step in &whole.steps {
        let value = json::stored(&step.value).to_string();
        table.row(vec![step.name.clone(), value]);
    }
    out.line("")?;
    out.table(&table)
}
