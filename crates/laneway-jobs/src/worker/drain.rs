//! Jobs that run one after the other in the caller's task, for tests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use laneway::time::now;

use super::attempt::{Ended, ended};
use super::builder::Worker;
use super::outcome::Made;
use crate::ctx::{Attempt, Ctx};
use crate::job_id::JobId;
use crate::jobs::Jobs;
use crate::lease::Lease;
use crate::store::{
    Bounds, Claim, ClaimId, ClaimOrder, ClaimedJob, Held, KeyRound, Outcome, Settlement, Whom,
};

/// Runs all that is due in a worker's queues, one job after the other, until nothing is left, and
/// says what ran. The worker is not started; its handlers, retries, timeouts and names of queues
/// count, and so do limits by key; rates do not.
///
/// Jobs that handlers enqueue, and retries that are due at once, run as well. Later ones are left:
/// move the clock on and drain again. Schedules do not fire.
///
/// # Panics
///
/// If 10,000 runs do not come to an end, or the store has an error.
///
/// ```
/// use laneway::time::sleep;
/// use laneway_jobs::testing::{drain, simulated};
/// use laneway_jobs::{Ctx, Job, JobError, Limit, Retry, Worker};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Ping;
/// impl Job for Ping {
///     const KIND: &'static str = "ping";
/// }
///
/// simulated(|jobs| async move {
///     let hour = Duration::from_secs(3600);
///     let worker = Worker::new(&jobs)
///         .queue("default", Limit::in_flight(8))
///         .retry(Retry::fixed(hour))
///         .handle(|_: Ping, ctx: Ctx| async move {
///             match ctx.attempt() {
///                 1 => Err(JobError::new("no answer")),
///                 attempt => Ok(attempt),
///             }
///         });
///     let id = jobs.enqueue(Ping).await.unwrap().id();
///     let first = drain(&worker).await;
///     assert_eq!((first.runs.len(), first.completed()), (1, 0), "{first}");
///     sleep(hour).await; // of simulated time
///     assert_eq!(drain(&worker).await.completed(), 1);
///     assert_eq!(jobs.wait::<u32>(id).await, Ok(2));
/// });
/// ```
pub async fn drain(worker: &Worker) -> Drained {
    let mut drained = Drained::default();
    while let Some(ran) = worker.run_next().await {
        drained.runs.push(ran);
        assert!(drained.runs.len() < MOST, "no end after {MOST} runs");
    }
    drained
}

const MOST: usize = 10_000;

/// The jobs that ran while a worker's queues were drained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it says what ran, and what came of it"]
pub struct Drained {
    /// The runs, in their order.
    pub runs: Vec<Ran>,
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The outcome.
    pub outcome: Outcome,
}

impl Drained {
    /// How many runs completed their jobs.
    #[must_use]
    pub fn completed(&self) -> usize {
        let completed = |ran: &&Ran| matches!(ran.outcome, Outcome::Completed(_));
        self.runs.iter().filter(completed).count()
    }

    /// How many runs failed, for good or to be tried again.
    #[must_use]
    pub fn failed(&self) -> usize {
        let failed =
            |ran: &&Ran| matches!(ran.outcome, Outcome::Failed { .. } | Outcome::Retry { .. });
        self.runs.iter().filter(failed).count()
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs", self.runs.len())?;
        for ran in &self.runs {
            write!(f, "\n{} {} attempt {}: ", ran.kind, ran.id, ran.attempt)?;
            match &ran.outcome {
                Outcome::Completed(_) => f.write_str("completed")?,
                Outcome::Retry { after, error } => write!(f, "again in {after:?}: {error}")?,
                Outcome::Failed { error } => write!(f, "failed: {error}")?,
                Outcome::Snoozed(wait) => write!(f, "snoozed for {wait:?}")?,
                Outcome::Returned => f.write_str("returned")?,
            }
        }
        Ok(())
    }
}

impl Worker {
    async fn run_next(&self) -> Option<Ran> {
        let kinds: Vec<String> = self.handlers.kinds().map(str::to_owned).collect();
        for (queue, limit) in &self.queues {
            for whom in [Whom::Innocents, Whom::Keyed, Whom::Suspects] {
                let claim = Claim {
                    whom,
                    bounds: Bounds {
                        rate: None,
                        ..limit.bounds
                    },
                    ..claim_one(&self.jobs, queue, kinds.clone(), self.settings.lease)
                };
                if let Some(job) = claimed(&self.jobs, claim).await {
                    return Some(self.run(job).await);
                }
            }
        }
        None
    }

    async fn run(&self, job: ClaimedJob) -> Ran {
        let handler = self.handlers.get(&job.kind);
        let handler = handler.expect("kinds without a handler are not claimed");
        let lease = Arc::new(Lease::new(now(), self.settings.lease));
        let attempt = Attempt::at(&job, self.settings.timeout);
        let ctx = Ctx::new(self.jobs.clone(), attempt, lease.clone());
        let outcome = match ended(handler, job.payload.clone(), ctx, &lease).await {
            Ended::By(result) => Made::of(&job, handler, &self.settings).outcome(result),
            Ended::LeaseLapsed => panic!("{} took longer than its lease", job.kind),
        };
        settle(&self.jobs, job.held(), outcome.clone()).await;
        Ran {
            id: job.id,
            kind: job.kind,
            attempt: job.attempt,
            outcome,
        }
    }
}

pub(super) fn claim_one(jobs: &Jobs, queue: &str, kinds: Vec<String>, lease: Duration) -> Claim {
    Claim {
        id: ClaimId::new(jobs.next_id()),
        queue: queue.to_owned(),
        kinds,
        limit: 1,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease,
        worker: "the test".to_owned(),
        bounds: Bounds::default(),
        round: KeyRound {
            after: String::new(),
            keys: u32::MAX,
        },
    }
}

pub(super) async fn claimed(jobs: &Jobs, claim: Claim) -> Option<ClaimedJob> {
    let claimed = jobs.store().claim(claim).await;
    claimed.expect("the store answers a claim").jobs.pop()
}

pub(super) async fn settle(jobs: &Jobs, held: Held, outcome: Outcome) {
    let settled = jobs
        .store()
        .settle(vec![Settlement { held, outcome }])
        .await;
    settled.expect("the store answers a settlement");
}
