//! A transaction of the caller's own, in the database of the jobs.

use std::sync::Arc;

use crate::complete_error::CompleteError;
use crate::enqueue_error::EnqueueError;
use crate::store::{Enqueued, NewJob, Settlement, Store};

/// A transaction of the caller's own in which jobs are enqueued and completed.
///
/// Implemented for `rusqlite::Transaction`, whose answers come at once, and, with the feature
/// `postgres`, for `tokio_postgres::Transaction`, whose answers are futures.
pub trait CallersTransaction {
    /// How an answer comes.
    type Answer<'a, A: 'a, E: 'a>
    where
        Self: 'a;

    /// Inserts a job; it exists once the caller commits.
    fn insert<'a>(
        &'a self,
        store: Arc<dyn Store>,
        job: Result<NewJob, EnqueueError>,
    ) -> Self::Answer<'a, Enqueued, EnqueueError>;

    /// Ends an attempt; it has ended once the caller commits.
    fn settle<'a>(
        &'a self,
        store: Arc<dyn Store>,
        settlement: Result<Settlement, CompleteError>,
    ) -> Self::Answer<'a, (), CompleteError>;
}
