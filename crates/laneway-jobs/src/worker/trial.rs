//! One run of one handler, with a made-up attempt.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use laneway::time::now;
use serde::Serialize;

use super::drain::{claim_one, claimed, settle};
use super::outcome::Made;
use crate::ctx::{Attempt, Ctx};
use crate::enqueue::DEFAULT_ATTEMPTS;
use crate::job::Job;
use crate::job_error::JobError;
use crate::job_id::JobId;
use crate::jobs::Jobs;
use crate::lease::Lease;
use crate::payload::{decode, encode};
use crate::retry::Retry;
use crate::store::{ClaimedJob, Outcome};

const HOUR: Duration = Duration::from_secs(3600);

/// One run of one job's handler, with a made-up [`Ctx`]: no worker, no queue.
///
/// The job is in the store, so that its steps, its progress and the jobs that it enqueues are kept
/// there, and it is settled at the end.
///
/// ```
/// use laneway_jobs::store::Outcome;
/// use laneway_jobs::testing::{Trial, assert_enqueued, simulated};
/// use laneway_jobs::{Ctx, Job, JobError, Retry};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order(u32);
/// impl Job for Order {
///     const KIND: &'static str = "order";
/// }
/// #[derive(Serialize, Deserialize)]
/// struct Receipt(u32);
/// impl Job for Receipt {
///     const KIND: &'static str = "receipt";
/// }
///
/// async fn order(Order(number): Order, ctx: Ctx) -> Result<u32, JobError> {
///     if ctx.attempt() == 3 {
///         return Err(Retry::never("sold out"));
///     }
///     ctx.enqueue(Receipt(number)).await?;
///     Ok(number)
/// }
///
/// simulated(|jobs| async move {
///     let tried = Trial::of(&jobs, Order(7)).run(order).await;
///     assert_eq!(tried.result.unwrap(), 7);
///     assert_enqueued(&jobs, |Receipt(number)| *number == 7).await;
///
///     let third = Trial::of(&jobs, Order(8)).attempt(3).run(order).await;
///     assert_eq!(third.outcome, Outcome::Failed { error: "sold out".to_owned() });
/// });
/// ```
#[derive(Debug)]
#[must_use = "a trial does nothing until `run()` is awaited"]
pub struct Trial<T> {
    jobs: Jobs,
    job: T,
    attempt: u32,
    max_attempts: u32,
    retry: Retry,
    asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ToGoOn,
    ToStop,
}

/// The result of a trial.
#[derive(Debug)]
#[must_use = "it says what came of the handler"]
pub struct Tried<R> {
    /// The job, which is in the store.
    pub id: JobId,
    /// The result of the handler.
    pub result: Result<R, JobError>,
    /// The outcome that a worker makes of it.
    pub outcome: Outcome,
}

impl<T: Job> Trial<T> {
    /// A trial of this job, in its first attempt.
    pub fn of(jobs: &Jobs, job: T) -> Trial<T> {
        Trial {
            jobs: jobs.clone(),
            job,
            attempt: 1,
            max_attempts: DEFAULT_ATTEMPTS,
            retry: Retry::default(),
            asked: Asked::ToGoOn,
        }
    }

    /// Sets the number of the attempt, from 1. Default: 1.
    pub fn attempt(mut self, attempt: u32) -> Trial<T> {
        self.attempt = attempt.max(1);
        self
    }

    /// Sets how many attempts the job gets. Default: [`DEFAULT_ATTEMPTS`].
    pub fn max_attempts(mut self, attempts: u32) -> Trial<T> {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the rule for further attempts. Default: [`Retry::default`].
    pub fn retry(mut self, retry: Retry) -> Trial<T> {
        self.retry = retry;
        self
    }

    /// The handler is asked to stop from the beginning. Default: it is not.
    pub fn cancelled(mut self) -> Trial<T> {
        self.asked = Asked::ToStop;
        self
    }

    /// Runs the handler in the caller's task. A panic goes through.
    ///
    /// # Panics
    ///
    /// If the handler does, the job cannot be stored, or the store has an error.
    pub async fn run<F, Fut, R, E>(self, handler: F) -> Tried<R>
    where
        F: FnOnce(T, Ctx) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        R: Serialize,
        E: Into<JobError>,
    {
        let job = self.begin().await;
        let lease = Arc::new(Lease::new(now(), HOUR));
        if self.asked == Asked::ToStop {
            lease.cancelled.set();
        }
        let ctx = Ctx::new(self.jobs.clone(), Attempt::at(&job, HOUR), lease);
        let made = Made {
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            retry: &self.retry,
        };
        let result = handler(self.job, ctx).await.map_err(Into::into);
        let outcome = made.outcome(stored(&result));
        settle(&self.jobs, job.held(), outcome.clone()).await;
        Tried {
            id: job.id,
            result,
            outcome,
        }
    }

    /// The job as the store has it, claimed.
    async fn begin(&self) -> ClaimedJob {
        // A queue of its own: no other job of the test is taken.
        let queue = format!("trial {}", self.jobs.next_id());
        let enqueue = self.jobs.enqueue(copy(&self.job)).queue(&queue);
        let enqueued = enqueue.max_attempts(self.max_attempts).await;
        let enqueued = enqueued.expect("the job can be stored");
        let claim = claim_one(&self.jobs, &queue, vec![T::KIND.to_owned()], HOUR);
        let job = claimed(&self.jobs, claim).await;
        let mut job = job.expect("a job that was enqueued now is due");
        assert_eq!(job.id, enqueued.id(), "it is alone in its queue");
        job.attempt = self.attempt;
        job
    }
}

/// The job as a worker gets it: by way of JSON.
fn copy<T: Job>(job: &T) -> T {
    let json = encode(job).expect("the job can be stored");
    decode(&json).expect("the job can be read back")
}

/// The result as it is stored.
fn stored<R: Serialize>(result: &Result<R, JobError>) -> Result<Vec<u8>, JobError> {
    match result {
        Ok(value) => Ok(encode(value)?),
        Err(error) => Err(JobError::with(error.next, &error.message)),
    }
}
