//! Jobs in a transaction of the caller's own: tokio-postgres's, on any connection to the same
//! database.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio_postgres::Transaction;

use super::store::PostgresStore;
use crate::callers_transaction::CallersTransaction;
use crate::complete_error::CompleteError;
use crate::enqueue_error::EnqueueError;
use crate::store::{Enqueued, Guarded, NewJob, Settlement, Store};

/// The answers are futures, which do nothing until they are awaited.
impl CallersTransaction for Transaction<'_> {
    type Answer<'a, A: 'a, E: 'a>
        = Pin<Box<dyn Future<Output = Result<A, E>> + Send + 'a>>
    where
        Self: 'a;

    fn insert<'a>(
        &'a self,
        store: Arc<dyn Store>,
        job: Result<NewJob, EnqueueError>,
    ) -> Self::Answer<'a, Enqueued, EnqueueError> {
        Box::pin(async move {
            let store = store.as_any().downcast_ref::<PostgresStore>();
            let store = store.ok_or(EnqueueError::OtherDatabase)?;
            let inserted = store.insert_in(self, job?).await;
            inserted.map_err(EnqueueError::Store)
        })
    }

    fn settle<'a>(
        &'a self,
        store: Arc<dyn Store>,
        settlement: Result<Settlement, CompleteError>,
    ) -> Self::Answer<'a, (), CompleteError> {
        Box::pin(async move {
            let store = store.as_any().downcast_ref::<PostgresStore>();
            let store = store.ok_or(CompleteError::OtherDatabase)?;
            let settled = store.settle_in(self, &settlement?).await;
            match settled.map_err(CompleteError::Store)? {
                Guarded::Held => Ok(()),
                Guarded::LeaseLost => Err(CompleteError::LeaseLost),
            }
        })
    }
}
