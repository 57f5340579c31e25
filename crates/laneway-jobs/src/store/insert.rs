//! Jobs on their way into a store, and what becomes of them there.

use std::time::{Duration, SystemTime};

use laneway::Priority;

use super::awaits::Awaits;
use crate::job_id::JobId;
use crate::job_state::JobState;

/// A job to insert. The client has made its id, so that the insert can be sent again.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id, which is the same whenever this insert is sent.
    pub id: JobId,
    /// The kind, by which handlers are found.
    pub kind: String,
    /// Further names of the kind. A key in `unique` is one among the jobs of all names, also for
    /// inserts that name one of them alone.
    pub old_kinds: &'static [&'static str],
    /// The queue by which workers find it.
    pub queue: String,
    /// High or low, within its queue.
    pub lane: Priority,
    /// When it may run first.
    pub due: Due,
    /// How many attempts it gets, at least 1.
    pub max_attempts: u32,
    /// How long one attempt may take; `None` for the worker's setting.
    pub timeout: Option<Duration>,
    /// After this much time from the insert on it is not begun any more, and fails.
    pub expires_after: Option<Duration>,
    /// The key that makes it one of a kind among unfinished jobs.
    pub unique: Option<Uniqueness>,
    /// The key by which it is limited: workers may bound how many jobs of one key run at the same
    /// time, see [`Bounds::per_key`](super::Bounds::per_key). It is not kept beside `unique`.
    pub limit_key: Option<String>,
    /// The job that enqueued it.
    pub parent: Option<JobId>,
    /// It is not ready before the jobs that name it have ended. A key in `unique` is not kept.
    pub awaits: Option<Awaits>,
    /// The job that waits for this one, which is in the store or comes earlier in the same insert.
    /// The store counts this one there if it inserts it, and if that job still waits.
    pub awaited_by: Option<JobId>,
    /// The payload, in JSON.
    pub payload: Vec<u8>,
}

impl NewJob {
    /// Whether a job is like most: it waits for none, none waits for it, and it has no key.
    pub(crate) fn is_plain(&self) -> bool {
        let has_key = self.unique.is_some() || self.kept_limit_key().is_some();
        !has_key && self.awaits.is_none() && self.awaited_by.is_none()
    }

    /// The limit key that is kept.
    pub(crate) fn kept_limit_key(&self) -> Option<&str> {
        self.limit_key.as_deref().filter(|_| self.unique.is_none())
    }
}

/// When a job may run first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// After this time, by the store's clock.
    In(Duration),
    /// At this time.
    At(SystemTime),
}

/// A key that at most one unfinished job of a kind has, whichever of its names it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uniqueness {
    /// The key, within the kind.
    pub key: String,
    /// The rule for an insert that finds the key taken.
    pub if_exists: IfExists,
}

/// The rule for a unique job when an unfinished one has its key already.
///
/// Unfinished means ready or running. A job in quarantine has given its key back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// The earlier job stays as it is.
    Keep,
    /// The earlier job takes over payload, kind, lane, time and limits, unless it is running
    /// already. It stays in its queue and keeps its attempts; what it has kept of its
    /// [steps](crate::Ctx::step) goes, since they were made for the payload before.
    Replace,
    /// One more runs after the running one; a ready one is as good and stays.
    RunAgain,
}

/// The fate of a job that was to be enqueued. There is always an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It was inserted.
    Inserted(JobId),
    /// An unfinished job has the same unique key; its id, and its state at that time.
    Existing(JobId, JobState),
}

impl Enqueued {
    /// The id of the job that stands for what was asked for.
    #[must_use]
    pub fn id(self) -> JobId {
        match self {
            Enqueued::Inserted(id) | Enqueued::Existing(id, _) => id,
        }
    }
}
