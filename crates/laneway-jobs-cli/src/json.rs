//! Jobs and what belongs to them as JSON.

use std::time::SystemTime;

use laneway::Priority;
use laneway_jobs::store::{AttemptView, Fire, FireOutcome, JobView, ScheduleState, ScheduleView};
use serde_json::{Value, json};

use crate::clock::exact;

pub(crate) fn lane(lane: Priority) -> &'static str {
    match lane {
        Priority::High => "high",
        Priority::Low => "low",
    }
}

pub(crate) fn time(time: Option<SystemTime>) -> Value {
    time.map(exact).into()
}

/// A job as lists have it.
pub(crate) fn job(job: &JobView) -> Value {
    json!({
        "id": job.id.to_string(),
        "kind": job.kind,
        "queue": job.queue,
        "lane": lane(job.lane),
        "state": job.state.name(),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "crashes": job.crashes,
        "fence": job.fence.map(laneway_jobs::Fence::number),
        "worker": job.worker,
        "run_at": exact(job.run_at),
        "created_at": exact(job.created_at),
        "finished_at": time(job.finished_at),
        "unique_key": job.unique_key,
        "limit_key": job.limit_key,
        "parent": job.parent.map(|id| id.to_string()),
        "awaited_by": job.awaited_by.map(|id| id.to_string()),
        "progress": job.progress,
        "progress_text": job.progress_text,
        "error": job.error,
    })
}

/// The stored bytes as JSON, or as text where they are none.
pub(crate) fn stored(json: &[u8]) -> Value {
    let parsed = serde_json::from_slice(json);
    parsed.unwrap_or_else(|_| String::from_utf8_lossy(json).into())
}

pub(crate) fn attempt(attempt: &AttemptView) -> Value {
    json!({
        "attempt": attempt.attempt,
        "fence": attempt.fence.number(),
        "worker": attempt.worker,
        "started_at": time(attempt.started_at),
        "ended_at": exact(attempt.ended_at),
        "error": attempt.error,
    })
}

pub(crate) fn schedule(schedule: &ScheduleView) -> Value {
    let fires: Vec<Value> = schedule.fires.iter().map(fire).collect();
    json!({
        "name": schedule.name,
        "pattern": schedule.pattern,
        "zone": schedule.zone,
        "kind": schedule.kind,
        "paused": schedule.state == ScheduleState::Paused,
        "next": time(schedule.next),
        "served_at": exact(schedule.served_at),
        "fires": fires,
    })
}

fn fire(fire: &Fire) -> Value {
    let (outcome, job, error) = match &fire.outcome {
        FireOutcome::Enqueued(id) => ("enqueued", Some(id), None),
        FireOutcome::Unfinished(id) => ("unfinished", Some(id), None),
        FireOutcome::Refused(why) => ("refused", None, Some(why)),
    };
    json!({
        "at": exact(fire.at),
        "fired_at": exact(fire.fired_at),
        "outcome": outcome,
        "job": job.map(|id| id.to_string()),
        "error": error,
    })
}
