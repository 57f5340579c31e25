//! Searches for jobs, in pages.

use std::time::SystemTime;

use laneway::Priority;

use super::view::JobView;
use crate::job_id::JobId;
use crate::job_state::JobState;

/// The most jobs that one search looks at.
pub const SEARCH_LIMIT: usize = 10_000;

/// Which jobs a search finds. `None` is any.
///
/// ```
/// use laneway_jobs::JobState;
/// use laneway_jobs::store::JobSearch;
///
/// let failed = JobSearch { state: Some(JobState::Failed), ..JobSearch::default() };
/// assert_eq!(failed.limit, 50);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSearch {
    /// Of this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<JobState>,
    /// Of this lane.
    pub lane: Option<Priority>,
    /// With this text in its last error.
    pub error: Option<String>,
    /// With this unique key. A job keeps it when it has ended.
    pub unique_key: Option<String>,
    /// With this limit key.
    pub limit_key: Option<String>,
    /// Enqueued at this time or later, by the store's clock.
    pub since: Option<SystemTime>,
    /// Enqueued before this time.
    pub until: Option<SystemTime>,
    /// Awaited by this job: the members of its batch.
    pub awaited_by: Option<JobId>,
    /// Inserted before this job: where the page before says to go on.
    pub before: Option<JobId>,
    /// At most this many, and never more than [`LIST_LIMIT`](super::LIST_LIMIT).
    pub limit: usize,
}

impl Default for JobSearch {
    /// The newest fifty of all.
    fn default() -> JobSearch {
        JobSearch {
            queue: None,
            kind: None,
            state: None,
            lane: None,
            error: None,
            unique_key: None,
            limit_key: None,
            since: None,
            until: None,
            awaited_by: None,
            before: None,
            limit: 50,
        }
    }
}

/// One page of the jobs that a search found.
#[derive(Clone, Debug, Default)]
pub struct JobPage {
    /// The jobs, newest first, without payloads and results.
    pub jobs: Vec<JobView>,
    /// The [`before`](JobSearch::before) with which the search goes on; `None` at its end. A page
    /// may have few jobs, or none, and still not be the last.
    pub next: Option<JobId>,
}
