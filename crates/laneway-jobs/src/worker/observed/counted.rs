//! Counts of attempts through the `metrics` crate (feature `metrics`).
//!
//! | name | labels | |
//! |---|---|---|
//! | `laneway_jobs_attempts_total` | `queue`, `kind`, `lane`, `end` | ended attempts |
//! | `laneway_jobs_attempt_seconds` | `queue`, `kind`, `lane` | how long they took, a histogram |
//! | `laneway_jobs_leases_lost_total` | `queue` | jobs that another worker may have |
//!
//! An `end` is `done`, `retried`, `failed`, `snoozed` or `returned`.

use std::time::Instant;

use laneway::Priority;
use laneway::time::now;
use metrics_facade::{counter, histogram};

use crate::store::{ClaimedJob, Outcome};

/// An attempt that is under way, by its labels.
#[derive(Debug)]
pub(crate) struct Counted {
    began: Instant,
    queue: String,
    kind: String,
    lane: &'static str,
}

impl Counted {
    pub(crate) fn begin(job: &ClaimedJob, queue: &str) -> Counted {
        Counted {
            began: now(),
            queue: queue.to_owned(),
            kind: job.kind.clone(),
            lane: match job.lane {
                Priority::High => "high",
                Priority::Low => "low",
            },
        }
    }

    /// Counts the attempt. Without an outcome its lease was lost.
    pub(crate) fn end(self, outcome: Option<&Outcome>) {
        let Counted {
            began,
            queue,
            kind,
            lane,
        } = self;
        let Some(outcome) = outcome else {
            return counter!("laneway_jobs_leases_lost_total", "queue" => queue).increment(1);
        };
        let end = end_of(outcome);
        let labels = [("queue", queue), ("kind", kind), ("lane", lane.to_owned())];
        let took = now().saturating_duration_since(began);
        histogram!("laneway_jobs_attempt_seconds", &labels).record(took);
        let [queue, kind, lane] = labels;
        let labels = [queue, kind, lane, ("end", end.to_owned())];
        counter!("laneway_jobs_attempts_total", &labels).increment(1);
    }
}

fn end_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed(_) => "done",
        Outcome::Retry { .. } => "retried",
        Outcome::Failed { .. } => "failed",
        Outcome::Snoozed(_) => "snoozed",
        Outcome::Returned => "returned",
    }
}
