//! The part of a store that people look through.

use super::StoreFuture;
use super::activity::{Activity, ActivityWanted};
use super::failed_attempt::FailedAttempt;
use super::lease_view::LeaseView;
use super::queue_view::QueuesNow;
use super::search::{JobPage, JobSearch};
use super::story::JobStory;
use crate::job_id::JobId;
use crate::job_state::JobState;

/// The part of a store that people look through: a dashboard, or a tool on the command line.
///
/// Every operation is bounded, however many jobs there are: it reads a bounded number of rows,
/// through an index, and no payload. Its answer tells whether it has left something out for that.
///
/// Every implementation owes the same as one of [`Store`](super::Store): batches, one transaction
/// for each call, and T by the store's clock.
pub trait ViewStore {
    /// The queues by name, at most [`LIST_LIMIT`](super::LIST_LIMIT), with T.
    fn queues(&self) -> StoreFuture<'_, QueuesNow>;

    /// Searches for jobs, newest first. Each search looks at [`SEARCH_LIMIT`](super::SEARCH_LIMIT)
    /// jobs at most; its answer tells where to go on.
    fn search(&self, searches: Vec<JobSearch>) -> StoreFuture<'_, Vec<JobPage>>;

    /// The job that has a unique key among the jobs of a kind and has not ended; one that waits for
    /// the end of another one with the same key is none.
    fn unfinished(
        &self,
        kind: String,
        unique_key: String,
    ) -> StoreFuture<'_, Option<(JobId, JobState)>>;

    /// The stories of jobs; `None` where there is no such job.
    fn stories(&self, jobs: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobStory>>>;

    /// The newest attempts that did not complete, at most this many.
    fn failed_attempts(&self, newest: usize) -> StoreFuture<'_, Vec<FailedAttempt>>;

    /// The leases of the jobs that run, at most this many, the first one to end first.
    fn leases(&self, at_most: usize) -> StoreFuture<'_, Vec<LeaseView>>;

    /// The activity of the lanes of some queues in the last slots of time.
    fn activity(&self, wanted: ActivityWanted) -> StoreFuture<'_, Activity>;
}
