//! The context of a handler: its job's id, fence, time, steps and batch.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::Future;
use laneway::time::now;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::callers_transaction::CallersTransaction;
use crate::complete_error::{CompleteError, PROGRESS_LIMIT};
use crate::deadline::after;
use crate::enqueue::Enqueue;
use crate::fence::Fence;
use crate::job::Job;
use crate::job_error::JobError;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::jobs::Jobs;
use crate::lease::Lease;
use crate::made_steps::{KnownStep, MadeSteps};
use crate::name::{check_key, kept_text};
use crate::payload::{PayloadError, decode, encode};
use crate::resend::resend;
use crate::retry::Retry;
use crate::store::{
    BatchCounts, ClaimedJob, Guarded, Held, JobSearch, Note, NoteKind, Outcome, Settlement, Step,
    StoreError,
};

/// Results come with payloads, which may be a mebibyte each.
const RESULTS_AT_ONCE: usize = 100;

/// The context that a handler is given beside its job. Cheap to clone.
#[derive(Clone)]
pub struct Ctx(Arc<Inner>);

struct Inner {
    jobs: Jobs,
    attempt: Attempt,
    lease: Arc<Lease>,
    steps: MadeSteps,
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("id", &self.id())
            .field("fence", &self.fence())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

/// The facts that a worker knows of an attempt at its beginning.
pub(crate) struct Attempt {
    held: Held,
    kind: String,
    number: u32,
    max_attempts: u32,
    timeout_at: Instant,
    awaited_by: Option<JobId>,
}

impl Attempt {
    /// The attempt at a job that begins now. Where the job says nothing else it may take this long.
    pub(crate) fn at(job: &ClaimedJob, timeout: Duration) -> Attempt {
        Attempt {
            held: job.held(),
            kind: job.kind.clone(),
            number: job.attempt,
            max_attempts: job.max_attempts,
            timeout_at: after(now(), job.timeout.unwrap_or(timeout)),
            awaited_by: job.awaited_by,
        }
    }
}

impl Ctx {
    pub(crate) fn new(jobs: Jobs, attempt: Attempt, lease: Arc<Lease>) -> Ctx {
        Ctx(Arc::new(Inner {
            jobs,
            attempt,
            lease,
            steps: MadeSteps::default(),
        }))
    }

    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.0.attempt.held.id
    }

    /// The kind under which the job is stored: one of its type's names.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.attempt.kind
    }

    /// The fence of this attempt. The store refuses all older ones; send (id, fence) along to
    /// others that can do so too, since a worker that stalls may wake up after its lease.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.0.attempt.held.fence
    }

    /// The number of this attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt.number
    }

    /// How many attempts the job gets.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.0.attempt.max_attempts
    }

    /// When this attempt times out, by the clock of [`laneway::time::now`].
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.0.attempt.timeout_at
    }

    /// Waits until the job should stop by itself: an operator has cancelled it, or the worker
    /// shuts down. A handler that goes on is let go on until the deadline. One that gives an error
    /// then ends a cancelled job: it does not run again.
    pub async fn cancelled(&self) {
        self.0.lease.cancelled.wait().await;
    }

    /// Whether [`cancelled`](Ctx::cancelled) has ended.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.lease.cancelled.is_set()
    }

    /// Tells how far the job has come: `part` from 0 to 1, and what it is at, in at most
    /// [`PROGRESS_LIMIT`] bytes.
    ///
    /// # Errors
    ///
    /// [`CompleteError::LeaseLost`] when another worker may have the job; the handler is dropped
    /// soon after. [`CompleteError::LongProgress`] when the text is too long.
    pub async fn progress(&self, part: f64, text: impl Into<String>) -> Result<(), CompleteError> {
        // A part that is no number counts as none.
        let part = if part > 0.0 { part.min(1.0) } else { 0.0 };
        let text: String = text.into();
        match text.len() {
            bytes if bytes > PROGRESS_LIMIT => Err(CompleteError::LongProgress { bytes }),
            _ => {
                let text = kept_text(&text);
                self.note(NoteKind::Progress { part, text }).await
            }
        }
    }

    /// Makes a step once: a later attempt gets the value that was stored, and does not poll the
    /// future. Two steps of one job have two names.
    ///
    /// A worker that is lost between the end of the future and the store's commit makes the step
    /// again; give the other side (id, name) where that must not be. An attempt keeps the values of
    /// all steps of its job in memory until it ends.
    ///
    /// # Errors
    ///
    /// [`CompleteError::Name`] when the name is none, before the future is polled.
    ///
    /// The future's own error, after which the step has not been made; or that of the store. A
    /// value that cannot be stored, since it is too large, too deep or no JSON, or cannot be read
    /// back, is an error after which the job is not [tried again](crate::Retry::never): the step's
    /// effects would come again.
    ///
    /// # Cancellation
    ///
    /// The step's future is dropped as well, and a later attempt makes the step again. If that
    /// future had ended, its value is stored or not.
    pub async fn step<T, E>(
        &self,
        name: &str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, JobError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<JobError>,
    {
        check_key("the name of a step", name).map_err(CompleteError::Name)?;
        if let Some(made) = self.made(name).await? {
            return Ok(decode(&made)?);
        }
        let value = step.await.map_err(Into::into)?;
        let unkept = |error| Retry::never(format!("the step {name} is not kept: {error}"));
        let step = Step {
            name: name.to_owned(),
            value: readable::<T>(&value).map_err(unkept)?,
        };
        self.0.steps.begins(name);
        self.note(NoteKind::Step(step.clone())).await?;
        self.0.steps.is_kept(step);
        Ok(value)
    }

    /// The value of a step that was made.
    async fn made(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.steps.look(name) {
            KnownStep::Made(value) => Ok(Some(value)),
            KnownStep::NotMade => Ok(None),
            KnownStep::Unknown => {
                let read = resend(|| self.0.jobs.store().steps(self.id())).await?;
                let made = read.iter().find(|step| step.name == name);
                let value = made.map(|step| step.value.clone());
                self.0.steps.were_read(read);
                Ok(value)
            }
        }
    }

    /// A job to enqueue, whose parent is this one.
    pub fn enqueue<T: Job>(&self, job: T) -> Enqueue {
        Enqueue::new(self.0.jobs.clone(), &job, Some(self.id()))
    }

    /// A job to enqueue, whose parent is this one, and for which the batch waits that this one is
    /// in. In a chain the next link waits for it as well. Where nothing waits for this job, it is
    /// as good as [`enqueue`](Ctx::enqueue).
    ///
    /// A further attempt adds it again, unless it is unique or added within a
    /// [`step`](Ctx::step). A batch that has ended meanwhile does not count it.
    pub fn enqueue_member<T: Job>(&self, job: T) -> Enqueue {
        self.enqueue(job).awaited_by(self.0.attempt.awaited_by)
    }

    /// How the members of the batch have ended that this job follows. A job that follows none has
    /// an empty batch; a link of a chain has one member, the link before it.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn batch_counts(&self) -> Result<BatchCounts, StoreError> {
        let counts = resend(|| self.0.jobs.store().batches(vec![self.id()])).await?;
        Ok(counts.into_iter().flatten().next().unwrap_or_default())
    }

    /// The results of the jobs that this one waited for, in the order of their ids: of the members
    /// of its batch, or of the link before it in its chain. Those that were not done, and those
    /// that were [pruned](crate::Worker::prune) since, are left out. All are held in memory.
    ///
    /// ```
    /// use laneway_jobs::testing::{drain, simulated};
    /// use laneway_jobs::{Ctx, Job, JobError, Limit, Worker};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Weigh(u32);
    /// impl Job for Weigh {
    ///     const KIND: &'static str = "weigh";
    /// }
    /// #[derive(Serialize, Deserialize)]
    /// struct Ship;
    /// impl Job for Ship {
    ///     const KIND: &'static str = "ship";
    /// }
    ///
    /// async fn ship(_: Ship, ctx: Ctx) -> Result<u32, JobError> {
    ///     let weights = ctx.results::<u32>().await?;
    ///     Ok(weights.into_iter().map(|(_, weight)| weight).sum())
    /// }
    ///
    /// simulated(|jobs| async move {
    ///     let worker = Worker::new(&jobs)
    ///         .queue("default", Limit::in_flight(4))
    ///         .handle(|Weigh(item), _| async move { Ok::<_, JobError>(item * 100) })
    ///         .handle(ship);
    ///     let items = (1..=3).map(|item| jobs.enqueue(Weigh(item)));
    ///     let batch = jobs.batch().members(items).then(jobs.enqueue(Ship)).await.unwrap();
    ///     assert_eq!(drain(&worker).await.completed(), 4);
    ///     assert_eq!(jobs.wait::<u32>(batch.then).await, Ok(600));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store, or that a result is none of the type that was asked for.
    pub async fn results<R: DeserializeOwned>(&self) -> Result<Vec<(JobId, R)>, JobError> {
        let mut results = Vec::new();
        let mut search = JobSearch {
            awaited_by: Some(self.id()),
            state: Some(JobState::Done),
            limit: RESULTS_AT_ONCE,
            ..JobSearch::default()
        };
        loop {
            let page = self.jobs().search(search.clone()).await?;
            let ids: Vec<JobId> = page.jobs.iter().map(|job| job.id).collect();
            let found = resend(|| self.jobs().store().look(ids.clone())).await?;
            for job in found.into_iter().flatten() {
                if let Some(json) = &job.result {
                    results.push((job.id, decode(json)?));
                }
            }
            search.before = page.next;
            if search.before.is_none() {
                results.reverse();
                return Ok(results);
            }
        }
    }

    /// The client.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// Completes the job in the caller's own transaction, so that its effects there happen exactly
    /// once. The handler returns `Ok` with the same result after the commit.
    ///
    /// # Errors
    ///
    /// [`CompleteError::LeaseLost`] when another worker may have the job: roll back.
    pub fn complete_in<'a, C: CallersTransaction>(
        &self,
        transaction: &'a C,
        result: &impl Serialize,
    ) -> C::Answer<'a, (), CompleteError> {
        let json = encode(result).map_err(CompleteError::Payload);
        let settlement = json.map(|json| Settlement {
            held: self.0.attempt.held,
            outcome: Outcome::Completed(json),
        });
        transaction.settle(self.0.jobs.store().clone(), settlement)
    }

    /// The time that this attempt has left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline().saturating_duration_since(now())
    }

    async fn note(&self, kind: NoteKind) -> Result<(), CompleteError> {
        let note = Note {
            held: self.0.attempt.held,
            kind,
        };
        let kept = resend(|| self.0.jobs.store().note(vec![note.clone()])).await;
        match kept.map_err(CompleteError::Store)?.first() {
            Some(Guarded::Held) => Ok(()),
            _ => Err(CompleteError::LeaseLost),
        }
    }
}

/// JSON that a further attempt can read: it has no place for all numbers, or for all keys of maps.
fn readable<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>, PayloadError> {
    let json = encode(value)?;
    decode::<T>(&json).map(|_| json)
}
