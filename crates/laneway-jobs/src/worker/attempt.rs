//! One attempt at one job: a task in the job's lane.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_lite::FutureExt;
use futures_lite::future::or;
use laneway::IntoQueueName;
use laneway::time::{now, sleep_until};

use super::core::Core;
use super::handlers::Handler;
use super::outcome::Made;
use super::roster::{HeldJob, HeldStage, Phase};
use crate::ctx::{Attempt, Ctx};
use crate::job_error::JobError;
use crate::lease::Lease;
use crate::store::{ClaimedJob, Held, Outcome, Settlement};

/// How a handler ended.
pub(super) enum Ended {
    By(Result<Vec<u8>, JobError>),
    /// The worker's own deadline came: the store may have given the job to another worker.
    LeaseLapsed,
}

/// Holds a job that was claimed at `sent`, and spawns its attempt. While the worker stops, the job
/// goes back instead.
pub(super) fn begin(core: &Arc<Core>, job: ClaimedJob, queue: usize, sent: Instant) {
    let held = Held {
        id: job.id,
        fence: job.fence,
    };
    let lease = Arc::new(Lease::new(sent, core.settings.lease));
    let mut roster = core.roster();
    roster.hold(
        job.id,
        HeldJob {
            fence: job.fence,
            kind: job.kind.as_str().into(),
            queue,
            lease: lease.clone(),
            stage: HeldStage::Starting,
        },
    );
    let phase = roster.phase;
    drop(roster);
    if phase == Phase::Stopping {
        return give_back(core, held);
    }
    let lane = job.lane.into_queue_name();
    let place = core.queues[queue]
        .spawn_on
        .map_or(lane, IntoQueueName::into_queue_name);
    match core.runtime.try_spawn(run(core.clone(), job, lease), place) {
        Ok(task) => {
            core.roster().started(held, task.abort_handle());
            task.detach();
        }
        Err(_) => give_back(core, held),
    }
}

fn give_back(core: &Core, held: Held) {
    core.handled(Settlement {
        held,
        outcome: Outcome::Returned,
    });
}

async fn run(core: Arc<Core>, job: ClaimedJob, lease: Arc<Lease>) {
    let held = Held {
        id: job.id,
        fence: job.fence,
    };
    let attempt = Attempt {
        held,
        number: job.attempt,
        max: job.max_attempts,
        awaited_by: job.awaited_by,
        timeout_at: now() + job.timeout.unwrap_or(core.settings.timeout),
    };
    let Some(handler) = core.handlers.get(&job.kind) else {
        return give_back(&core, held);
    };
    let ctx = Ctx::new(core.jobs.clone(), &attempt, lease.clone());
    match ended(handler, job.payload, ctx, &lease).await {
        Ended::LeaseLapsed => {
            core.lease_lost(held);
            core.release(held);
        }
        Ended::By(result) => {
            let made = Made {
                attempt: attempt.number,
                max_attempts: attempt.max,
                retry: handler.retry.as_ref().unwrap_or(&core.settings.retry),
            };
            core.handled(Settlement {
                held,
                outcome: made.outcome(result),
            });
        }
    }
}

/// The handler is polled first: one that ends at once arms no timer.
pub(super) async fn ended(handler: &Handler, payload: Vec<u8>, ctx: Ctx, lease: &Lease) -> Ended {
    let timeout_at = ctx.deadline();
    let handling = async {
        let handling = AssertUnwindSafe((handler.run)(payload, ctx)).catch_unwind();
        Ended::By(
            handling
                .await
                .unwrap_or_else(|panic| Err(panicked(&*panic))),
        )
    };
    let timed_out = async {
        sleep_until(timeout_at).await;
        Ended::By(Err(JobError::new("the attempt timed out")))
    };
    let lapsed = async {
        lease.lapsed().await;
        Ended::LeaseLapsed
    };
    or(handling, or(lapsed, timed_out)).await
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> JobError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    JobError::new(format!(
        "the handler panicked: {}",
        text.unwrap_or("no message")
    ))
}
