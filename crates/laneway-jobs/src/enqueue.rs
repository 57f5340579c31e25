//! A job on its way into the store, with its options.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use laneway::Priority;

use crate::callers_transaction::CallersTransaction;
use crate::enqueue_error::EnqueueError;
use crate::job::Job;
use crate::job_id::JobId;
use crate::jobs::Jobs;
use crate::name::{NameError, check_key, check_name};
use crate::payload::encode;
use crate::store::{Due, Enqueued, IfExists, NewJob, Uniqueness};

/// The queue of jobs that name none.
pub const DEFAULT_QUEUE: &str = "default";
/// How many attempts a job gets that says nothing else.
pub const DEFAULT_ATTEMPTS: u32 = 20;

/// A job to enqueue. Made by [`Jobs::enqueue`]; await it, or give it to
/// [`enqueue_in`](Enqueue::enqueue_in) or [`Jobs::enqueue_all`].
///
/// # Cancellation
///
/// If the future is dropped before its end, the job is enqueued or not.
#[must_use = "the job is enqueued when this is awaited"]
pub struct Enqueue {
    jobs: Jobs,
    job: Result<NewJob, EnqueueError>,
}

impl fmt::Debug for Enqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enqueue")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

impl Enqueue {
    /// A job with the options of its type.
    pub(crate) fn new<T: Job>(jobs: Jobs, job: &T, parent: Option<JobId>) -> Enqueue {
        job.options(Enqueue::plain(jobs, job, parent))
    }

    fn plain<T: Job>(jobs: Jobs, job: &T, parent: Option<JobId>) -> Enqueue {
        let payload = encode(job).map_err(EnqueueError::Payload);
        let job = payload.map(|payload| NewJob {
            id: jobs.next_id(),
            kind: T::KIND.to_owned(),
            old_kinds: T::OLD_KINDS,
            queue: DEFAULT_QUEUE.to_owned(),
            lane: Priority::Low,
            due: Due::Now,
            max_attempts: DEFAULT_ATTEMPTS,
            timeout: None,
            expires_after: None,
            unique: None,
            limit_key: None,
            parent,
            awaits: None,
            awaited_by: None,
            payload,
        });
        Enqueue { jobs, job }
    }

    pub(crate) fn awaited_by(self, awaiting: Option<JobId>) -> Enqueue {
        self.with(|job| job.awaited_by = awaiting)
    }

    fn with(mut self, set: impl FnOnce(&mut NewJob)) -> Enqueue {
        if let Ok(job) = &mut self.job {
            set(job);
        }
        self
    }

    /// Sets the queue. Default: [`DEFAULT_QUEUE`].
    pub fn queue(self, name: impl Into<String>) -> Enqueue {
        self.with(|job| job.queue = name.into())
    }

    /// Sets the lane. Default: [`Priority::Low`].
    pub fn lane(self, lane: Priority) -> Enqueue {
        self.with(|job| job.lane = lane)
    }

    /// Sets the time at which the job may run first. Default: at once.
    pub fn at(self, time: SystemTime) -> Enqueue {
        self.with(|job| job.due = Due::At(time))
    }

    /// Lets the job run after this time. Default: at once.
    pub fn after(self, wait: Duration) -> Enqueue {
        self.with(|job| job.due = Due::In(wait))
    }

    /// Makes the job the only unfinished one of its kind with this key, under whichever of the
    /// kind's names.
    pub fn unique(self, key: impl Into<String>, if_exists: IfExists) -> Enqueue {
        let key = key.into();
        self.with(|job| job.unique = Some(Uniqueness { key, if_exists }))
    }

    /// Limits the job by a key: workers with [`Limit::per_key`](crate::Limit::per_key) run no more
    /// jobs of one key at the same time than that, such as of one customer. An empty key is none.
    /// Default: none.
    ///
    /// A job has a limit key or a unique key, and not both.
    pub fn limit_key(self, key: impl Into<String>) -> Enqueue {
        let key = key.into();
        self.with(|job| job.limit_key = Some(key).filter(|key| !key.is_empty()))
    }

    /// Sets how many attempts it gets; 0 counts as 1. Default: [`DEFAULT_ATTEMPTS`].
    pub fn max_attempts(self, attempts: u32) -> Enqueue {
        self.with(|job| job.max_attempts = attempts.max(1))
    }

    /// Sets how long one attempt may take. Default: the worker's setting.
    pub fn timeout(self, timeout: Duration) -> Enqueue {
        self.with(|job| job.timeout = Some(timeout))
    }

    /// Lets the job fail if it has not begun an attempt this long after its insert, or is to begin
    /// another one later than that. Default: never.
    pub fn expires_after(self, time: Duration) -> Enqueue {
        self.with(|job| job.expires_after = Some(time))
    }

    /// Enqueues it in the caller's own transaction: it exists if, and once, the caller commits.
    ///
    /// Workers learn of it by [`SqliteStore::transact`] at once, and of a commit on a connection
    /// of the caller's by [`Jobs::wake`], or within two seconds.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::{Enqueued, Job, Jobs};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Welcome(u32);
    /// impl Job for Welcome {
    ///     const KIND: &'static str = "welcome";
    /// }
    ///
    /// let store = SqliteStore::memory()?;
    /// let jobs = Jobs::new(store.clone());
    /// let enqueued = laneway::block_on(store.transact(move |transaction| {
    ///     transaction.execute_batch("CREATE TABLE user (id INTEGER)")?;
    ///     transaction.execute("INSERT INTO user VALUES (7)", [])?;
    ///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
    ///         jobs.enqueue(Welcome(7)).enqueue_in(transaction)?,
    ///     )
    /// }));
    /// assert!(matches!(enqueued, Ok(Enqueued::Inserted(_))));
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An [`EnqueueError`]; roll back then.
    ///
    /// [`SqliteStore::transact`]: crate::sqlite::SqliteStore::transact
    pub fn enqueue_in<C: CallersTransaction>(
        self,
        transaction: &C,
    ) -> C::Answer<'_, Enqueued, EnqueueError> {
        transaction.insert(self.jobs.store().clone(), self.into_new_job())
    }

    pub(crate) fn into_new_job(self) -> Result<NewJob, EnqueueError> {
        let job = self.job?;
        check_names(&job).map_err(EnqueueError::Name)?;
        match job.unique.is_some() && job.limit_key.is_some() {
            true => Err(EnqueueError::TwoKeys),
            false => Ok(job),
        }
    }
}

fn check_names(job: &NewJob) -> Result<(), NameError> {
    for kind in job.old_kinds.iter().copied().chain([&*job.kind]) {
        check_name("a kind", kind)?;
    }
    check_name("the name of a queue", &job.queue)?;
    if let Some(unique) = &job.unique {
        check_key("a unique key", &unique.key)?;
    }
    let mut limit_key = job.limit_key.iter();
    limit_key.try_for_each(|key| check_key("a limit key", key))
}

impl IntoFuture for Enqueue {
    type Output = Result<Enqueued, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let jobs = self.jobs.clone();
            let inserted = jobs.insert(vec![self.into_new_job()?]).await?;
            Ok(inserted[0])
        })
    }
}
