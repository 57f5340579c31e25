//! A batch on its way into the store: members, and the job that runs when all have ended.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use crate::enqueue::Enqueue;
use crate::enqueue_error::EnqueueError;
use crate::job_id::JobId;
use crate::jobs::Jobs;
use crate::store::{Awaits, Enqueued, NewJob};

/// Members of a batch. Made by [`Jobs::batch`]; [`then`](JobBatch::then) says what follows them.
///
/// The job that follows is enqueued together with its members, in one transaction. It is ready once
/// each member is settled, *however it ended*: done, failed for good, cancelled, deleted before it
/// ran, or quarantined. [`Ctx::batch_counts`](crate::Ctx::batch_counts) tells its handler how many
/// ended in each way, also of those that have been pruned since, and
/// [`Ctx::results`](crate::Ctx::results) gives the results of those that were done.
///
/// - An empty batch has ended at once.
/// - A member's handler adds members by [`Ctx::enqueue_member`](crate::Ctx::enqueue_member).
/// - A member that failed and is retried by hand before the end is awaited again. After the end it
///   runs for itself: the job that follows runs once.
/// - A unique member that finds an existing job is no member.
/// - The job that follows may be cancelled meanwhile, which its members do not notice. It expires
///   by the time since the insert, as every job does.
///
/// ```
/// use laneway_jobs::sqlite::SqliteStore;
/// use laneway_jobs::{BatchCounts, Ctx, Job, JobError, Jobs, Limit, Retry, Worker};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Page(u32);
/// impl Job for Page {
///     const KIND: &'static str = "page";
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Bind;
/// impl Job for Bind {
///     const KIND: &'static str = "bind";
/// }
///
/// async fn print(Page(number): Page, _: Ctx) -> Result<(), JobError> {
///     match number {
///         2 => Err(Retry::never("the page is blank")),
///         _ => Ok(()),
///     }
/// }
///
/// async fn bind(_: Bind, ctx: Ctx) -> Result<u64, JobError> {
///     let pages: BatchCounts = ctx.batch_counts().await?;
///     Ok(pages.done)
/// }
///
/// let rt = laneway::Runtime::builder().build()?;
/// let jobs = Jobs::new(SqliteStore::memory()?);
/// let worker = Worker::new(&jobs).queue("default", Limit::in_flight(4));
/// let worker = worker.handle(print).handle(bind).start(&rt)?;
/// let printed = rt.block_on(async {
///     let batch = jobs.batch().members((1..=3).map(|n| jobs.enqueue(Page(n))));
///     let batch = batch.then(jobs.enqueue(Bind)).await?;
///     Ok::<u64, Box<dyn std::error::Error>>(jobs.wait(batch.then).await?)
/// })?;
/// assert_eq!(printed, 2);
/// # drop(worker);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is enqueued before `then(job)` is awaited"]
pub struct JobBatch {
    jobs: Jobs,
    members: Vec<Enqueue>,
}

impl fmt::Debug for JobBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobBatch")
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl JobBatch {
    pub(crate) fn new(jobs: Jobs) -> JobBatch {
        JobBatch {
            jobs,
            members: Vec::new(),
        }
    }

    /// Adds a member.
    pub fn member(mut self, member: Enqueue) -> JobBatch {
        self.members.push(member);
        self
    }

    /// Adds members.
    pub fn members(mut self, members: impl IntoIterator<Item = Enqueue>) -> JobBatch {
        self.members.extend(members);
        self
    }

    /// Sets the job that runs when all members have ended. It cannot be unique.
    pub fn then(self, job: Enqueue) -> JobBatchThen {
        JobBatchThen {
            batch: self,
            then: job,
        }
    }
}

/// A batch and the job that follows it. Await it to enqueue them all.
#[derive(Debug)]
#[must_use = "the batch is enqueued when this is awaited"]
pub struct JobBatchThen {
    batch: JobBatch,
    then: Enqueue,
}

/// A batch that has been enqueued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a unique member that existed already is not in the batch"]
pub struct EnqueuedBatch {
    /// The job that follows, which stands for the batch.
    pub then: JobId,
    /// The fate of each member, in order.
    pub members: Vec<Enqueued>,
}

impl JobBatchThen {
    /// The job that follows comes first, so that its members find it.
    fn into_new_jobs(self) -> Result<Vec<NewJob>, EnqueueError> {
        let then = awaiting(self.then, Awaits::Settled)?;
        let id = then.id;
        let mut all = vec![then];
        for member in self.batch.members {
            let mut member = member.into_new_job()?;
            member.awaited_by = Some(id);
            all.push(member);
        }
        Ok(all)
    }
}

impl IntoFuture for JobBatchThen {
    type Output = Result<EnqueuedBatch, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let jobs = self.batch.jobs.clone();
            let mut members = jobs.insert(self.into_new_jobs()?).await?;
            let then = members.remove(0).id();
            Ok(EnqueuedBatch { then, members })
        })
    }
}

/// A job that waits. It has no unique key: at the end of the wait the key could be taken.
fn awaiting(job: Enqueue, awaits: Awaits) -> Result<NewJob, EnqueueError> {
    let mut job = job.into_new_job()?;
    job.awaits = Some(awaits);
    match job.unique {
        None => Ok(job),
        Some(_) => Err(EnqueueError::WaitingUnique),
    }
}

/// The links of a chain, the last one first, each awaited by the one that follows.
pub(crate) fn chained(
    links: impl IntoIterator<Item = Enqueue>,
) -> Result<Vec<NewJob>, EnqueueError> {
    let links = links.into_iter().map(|link| awaiting(link, Awaits::Done));
    let mut links = links.collect::<Result<Vec<NewJob>, _>>()?;
    links.reverse();
    for place in 1..links.len() {
        links[place].awaited_by = Some(links[place - 1].id);
    }
    if let Some(first) = links.last_mut() {
        first.awaits = None;
    }
    Ok(links)
}
