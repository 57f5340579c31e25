//! One attempt at one job: a task in the job's lane.

use std::any::Any;
use std::convert::Infallible;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_lite::FutureExt;
use futures_lite::future::or;
use laneway::time::sleep_until;
use laneway::{AbortHandle, IntoQueueName};

use super::core::Core;
use super::handlers::Handler;
use super::observed::{Counted, within};
use super::outcome::Made;
use crate::ctx::{Attempt, Ctx};
use crate::job_error::JobError;
use crate::lease::Lease;
use crate::retry::Retry;
use crate::store::{ClaimedJob, Held, Outcome, Settlement};

/// How a handler ended.
pub(super) enum Ended {
    By(Result<Vec<u8>, JobError>),
    /// The worker's own deadline came: the store may have given the job to another worker.
    LeaseLapsed,
}

/// Dropped when a handler has had its first poll, or gets none.
pub(super) type Begins = flume::Sender<Infallible>;

/// Spawns the attempt at a job that is held. While the worker stops, the job goes back instead.
pub(super) fn begin(core: &Arc<Core>, job: ClaimedJob, queue: usize, begins: Option<Begins>) {
    let held = job.held();
    let begun = core.roster().begin(held);
    let Some(lease) = begun else {
        return give_back(core, held);
    };
    let lane = job.lane.into_queue_name();
    let place = core.queues[queue]
        .spawn_on
        .map_or(lane, IntoQueueName::into_queue_name);
    let attempt = run(core.clone(), job, queue, lease, begins);
    match core.runtime.try_spawn(attempt, place) {
        Ok(task) => {
            let stopped = core.roster().started(held, task.abort_handle());
            stopped.iter().for_each(AbortHandle::abort);
            task.detach();
        }
        Err(_) => give_back(core, held),
    }
}

/// The job goes back to the store without charge.
pub(super) fn give_back(core: &Core, held: Held) {
    core.handled(Settlement {
        held,
        outcome: Outcome::Returned,
    });
}

async fn run(
    core: Arc<Core>,
    mut job: ClaimedJob,
    queue: usize,
    lease: Arc<Lease>,
    begins: Option<Begins>,
) {
    let held = job.held();
    let Some(handler) = core.handlers.get(&job.kind) else {
        return give_back(&core, held);
    };
    let attempt = Attempt::at(&job, core.settings.timeout);
    let ctx = Ctx::new(core.jobs.clone(), attempt, lease.clone());
    lease.ends_with(ctx.deadline());
    let queue = &core.queues[queue].name;
    let counted = Counted::begin(&job, queue);
    let payload = mem::take(&mut job.payload);
    let made = Made::of(&job, handler, &core.settings);
    let outcome = within(&job, queue, outcome(handler, payload, ctx, &lease, &made));
    let outcome = or(outcome, after_first_poll(begins)).await;
    counted.end(outcome.as_ref());
    match outcome {
        Some(outcome) => core.handled(Settlement { held, outcome }),
        None => core.lose(held),
    }
}

/// Never ends; it is polled after the handler.
async fn after_first_poll<T>(begins: Option<Begins>) -> T {
    drop(begins);
    std::future::pending().await
}

/// The outcome of the attempt; `None` where its lease has lapsed. A destructor that panics when the
/// handler is dropped, or a rule that does, is the job's error as well: without an outcome the job
/// would be held for ever.
async fn outcome(
    handler: &Handler,
    payload: Vec<u8>,
    ctx: Ctx,
    lease: &Lease,
    made: &Made<'_>,
) -> Option<Outcome> {
    let ending = async {
        match ended(handler, payload, ctx, lease).await {
            Ended::By(result) => Some(made.outcome(result)),
            Ended::LeaseLapsed => None,
        }
    };
    let ending = AssertUnwindSafe(ending).catch_unwind().await;
    ending.unwrap_or_else(|panic| {
        let retry = &Retry::default();
        let error = panicked("the end of the attempt", panic);
        Some(Made { retry, ..*made }.outcome(Err(error)))
    })
}

/// The handler is polled first: one that ends at once arms no timer.
pub(super) async fn ended(handler: &Handler, payload: Vec<u8>, ctx: Ctx, lease: &Lease) -> Ended {
    let timeout_at = ctx.deadline();
    let handling = async {
        let handling = AssertUnwindSafe((handler.run)(payload, ctx)).catch_unwind();
        let handled = handling.await;
        Ended::By(handled.unwrap_or_else(|panic| Err(panicked("the handler", panic))))
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

fn panicked(what: &str, panic: Box<dyn Any + Send>) -> JobError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    let error = JobError::new(format!("{what} panicked: {text}"));
    // The payload of the panic is the handler's as well, and may panic when it is dropped.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(second);
    }
    error
}
