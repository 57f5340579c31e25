//! The client: what enqueues jobs and waits for them.

use std::sync::Arc;

use futures_lite::future::or;
use laneway::time::sleep;
use serde::de::DeserializeOwned;

use crate::enqueue::Enqueue;
use crate::enqueue_error::EnqueueError;
use crate::job::Job;
use crate::job_batch::{JobBatch, chained};
use crate::job_id::{IdSource, JobId};
use crate::job_state::JobState;
use crate::pause::Pause;
use crate::payload::{PayloadError, decode};
use crate::resend::resend;
use crate::store::{
    Enqueued, JobPage, JobSearch, JobView, NewJob, ScheduleChange, ScheduleChanged, ScheduleView,
    Store, StoreError, WantedSchedules,
};
use crate::wait_error::WaitError;

/// How many fires a list of schedules shows of each.
const FIRES_SHOWN: usize = 20;

/// Enqueues jobs in a store and waits for them. Cheap to clone.
///
/// ```
/// use laneway_jobs::sqlite::SqliteStore;
/// use laneway_jobs::{Enqueued, IfExists, Job, Jobs};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Greet(String);
/// impl Job for Greet {
///     const KIND: &'static str = "greet";
/// }
///
/// let jobs = Jobs::new(SqliteStore::memory()?);
/// let greet = || jobs.enqueue(Greet("Ada".into())).unique("Ada", IfExists::Keep);
/// let (first, second) = laneway::block_on(async { (greet().await, greet().await) });
/// let (first, second) = (first.unwrap(), second.unwrap());
/// assert!(matches!(first, Enqueued::Inserted(_)));
/// assert!(matches!(second, Enqueued::Existing(id, _) if id == first.id()));
/// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Jobs(Arc<Client>);

#[derive(Debug)]
struct Client {
    store: Arc<dyn Store>,
    ids: IdSource,
}

impl Jobs {
    /// A client of this store.
    pub fn new(store: impl Store) -> Jobs {
        Jobs::shared(Arc::new(store))
    }

    /// A client of a store that others have as well.
    #[must_use]
    pub fn shared(store: Arc<dyn Store>) -> Jobs {
        let ids = IdSource::new();
        Jobs(Arc::new(Client { store, ids }))
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// A job to enqueue: set its options, then await it.
    pub fn enqueue<T: Job>(&self, job: T) -> Enqueue {
        Enqueue::new(self.clone(), &job, None)
    }

    /// Enqueues all of these in one transaction, and answers in their order.
    ///
    /// # Errors
    ///
    /// That of the first job that cannot be enqueued. None is enqueued then.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, all jobs are enqueued or none is.
    pub async fn enqueue_all(
        &self,
        jobs: impl IntoIterator<Item = Enqueue>,
    ) -> Result<Vec<Enqueued>, EnqueueError> {
        let jobs: Result<Vec<NewJob>, _> = jobs.into_iter().map(Enqueue::into_new_job).collect();
        self.insert(jobs?).await
    }

    /// A batch, which has no members yet.
    pub fn batch(&self) -> JobBatch {
        JobBatch::new(self.clone())
    }

    /// Enqueues a chain in one transaction, and answers with the ids in order. Each link but the
    /// first waits until the one before it is done.
    ///
    /// A link that ends in another way (failed for good, cancelled, deleted, quarantined) cancels
    /// all links behind it. When it is retried by hand, they wait for it again.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::{Job, Jobs};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Step(String);
    /// impl Job for Step {
    ///     const KIND: &'static str = "step";
    /// }
    ///
    /// let jobs = Jobs::new(SqliteStore::memory()?);
    /// let steps = ["load", "sort", "print"].map(|name| jobs.enqueue(Step(name.into())));
    /// let ids = laneway::block_on(jobs.enqueue_chain(steps))?;
    /// assert!(ids.is_sorted());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first job's that cannot be enqueued, or [`EnqueueError::WaitingUnique`]; then none is.
    pub async fn enqueue_chain(
        &self,
        links: impl IntoIterator<Item = Enqueue>,
    ) -> Result<Vec<JobId>, EnqueueError> {
        let links = chained(links)?;
        let enqueued = self.insert(links).await?;
        Ok(enqueued.into_iter().rev().map(Enqueued::id).collect())
    }

    /// Hints to this process's workers that a queue has got jobs, after a commit on a connection
    /// that the store does not know.
    pub fn wake(&self, queue: &str) {
        self.store().hints().ready(queue);
    }

    /// Waits until a job is settled, and gives its result.
    ///
    /// A settlement in this process is learned at once, another one's within two seconds.
    ///
    /// # Errors
    ///
    /// A [`WaitError`] if it is settled in another way than done, or is not there.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn wait<R: DeserializeOwned>(&self, id: JobId) -> Result<R, WaitError> {
        let mut pause = Pause::default();
        loop {
            // The listener is there before the look, so that no settlement falls between.
            let listener = self.store().hints().listen_for(id);
            match self.find(id).await {
                Ok(found) => {
                    let view = found.ok_or(WaitError::Missing)?;
                    if let Some(ended) = ended(view) {
                        return ended.and_then(|json| decode(&json).map_err(WaitError::Payload));
                    }
                }
                Err(StoreError::OutcomeUnknown | StoreError::Busy | StoreError::Unreachable(_)) => {
                }
                Err(error) => return Err(WaitError::Store(error)),
            }
            or(listener.hinted(), sleep(pause.next())).await;
        }
    }

    /// Looks at one job, whatever its state is. `None`: there is no such job; it may have been
    /// pruned. The payload, and the result of a job that is done, come along as JSON.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::{Job, JobState, Jobs};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Greet(String);
    /// impl Job for Greet {
    ///     const KIND: &'static str = "greet";
    /// }
    ///
    /// let jobs = Jobs::new(SqliteStore::memory()?);
    /// let found = laneway::block_on(async {
    ///     let id = jobs.enqueue(Greet("Ada".into())).await.unwrap().id();
    ///     jobs.find(id).await.unwrap()
    /// });
    /// let job = found.expect("it was not pruned");
    /// assert_eq!((job.state, job.payload), (JobState::Ready, b"\"Ada\"".to_vec()));
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn find(&self, id: JobId) -> Result<Option<JobView>, StoreError> {
        Ok(self.store().look(vec![id]).await?.pop().flatten())
    }

    /// The job of a type that has a unique key and has not ended, and its state: the one that an
    /// enqueue with this key would find.
    ///
    /// ```
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::store::Changed;
    /// use laneway_jobs::{IfExists, Job, JobState, Jobs};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Remind;
    /// impl Job for Remind {
    ///     const KIND: &'static str = "remind";
    /// }
    ///
    /// let jobs = Jobs::new(SqliteStore::memory()?);
    /// laneway::block_on(async {
    ///     let id = jobs.enqueue(Remind).unique("ada", IfExists::Keep).await.unwrap().id();
    ///     let found = jobs.find_unique::<Remind>("ada").await.unwrap();
    ///     assert_eq!(found, Some((id, JobState::Ready)));
    ///     assert_eq!(jobs.cancel_unique::<Remind>("ada").await, Ok(Changed::Done));
    ///     assert_eq!(jobs.find_unique::<Remind>("ada").await, Ok(None));
    /// });
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn find_unique<J: Job>(
        &self,
        key: &str,
    ) -> Result<Option<(JobId, JobState)>, StoreError> {
        let kind = J::KIND.to_owned();
        self.store().unfinished(kind, key.to_owned()).await
    }

    /// Searches for jobs, newest first: one page, which tells where the next one begins.
    ///
    /// ```
    /// use laneway_jobs::store::JobSearch;
    /// use laneway_jobs::sqlite::SqliteStore;
    /// use laneway_jobs::{JobState, Jobs};
    ///
    /// let jobs = Jobs::new(SqliteStore::memory()?);
    /// let failed = JobSearch { state: Some(JobState::Failed), ..JobSearch::default() };
    /// let page = laneway::block_on(jobs.search(failed)).unwrap();
    /// assert!(page.jobs.is_empty() && page.next.is_none());
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn search(&self, search: JobSearch) -> Result<JobPage, StoreError> {
        let pages = self.store().search(vec![search]).await?;
        Ok(pages.into_iter().next().unwrap_or_default())
    }

    /// All schedules by name, each with its last fires and its next instant.
    ///
    /// ```
    /// use laneway_jobs::Jobs;
    /// use laneway_jobs::sqlite::SqliteStore;
    ///
    /// let jobs = Jobs::new(SqliteStore::memory()?);
    /// assert!(laneway::block_on(jobs.schedules()).unwrap().is_empty());
    /// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, StoreError> {
        let wanted = WantedSchedules {
            names: None,
            fires: FIRES_SHOWN,
        };
        Ok(self.store().schedules(wanted).await?.schedules)
    }

    /// Lets a schedule fire no more until it is resumed, for all workers and over restarts.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn pause_schedule(&self, name: &str) -> Result<ScheduleChanged, StoreError> {
        self.change_schedule(ScheduleChange::Pause(name.to_owned()))
            .await
    }

    /// Lets a schedule fire again. Instants that passed meanwhile do not fire.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn resume_schedule(&self, name: &str) -> Result<ScheduleChanged, StoreError> {
        self.change_schedule(ScheduleChange::Resume(name.to_owned()))
            .await
    }

    /// Removes a schedule and what is known of its fires; its jobs stay. A worker that has it in
    /// its code keeps it again at its next start.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn remove_schedule(&self, name: &str) -> Result<ScheduleChanged, StoreError> {
        self.change_schedule(ScheduleChange::Remove(name.to_owned()))
            .await
    }

    async fn change_schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, StoreError> {
        let changed = resend(|| self.store().change_schedules(vec![change.clone()])).await?;
        Ok(changed[0])
    }

    pub(crate) fn next_id(&self) -> JobId {
        self.0.ids.next()
    }

    /// Sends an insert again while its outcome is unknown: its ids make that safe. A worker of this
    /// process that is at rest takes it along with its claim.
    pub(crate) async fn insert(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, EnqueueError> {
        if let Some(handed_over) = self.store().hints().hand_over(&jobs)
            && let Some(enqueued) = handed_over.answered().await
        {
            return Ok(enqueued);
        }
        let sent = resend(|| self.store().insert(jobs.clone())).await;
        sent.map_err(EnqueueError::Store)
    }
}

/// The result of a job that is settled, in JSON.
fn ended(view: JobView) -> Option<Result<Vec<u8>, WaitError>> {
    let nothing = || WaitError::Payload(PayloadError::Decode("no result was kept".to_owned()));
    match view.state {
        JobState::Ready | JobState::Running => None,
        JobState::Done => Some(view.result.ok_or_else(nothing)),
        JobState::Failed => Some(Err(WaitError::Failed(view.error.unwrap_or_default()))),
        JobState::Cancelled => Some(Err(WaitError::Cancelled)),
        JobState::Quarantined => Some(Err(WaitError::Quarantined)),
    }
}
