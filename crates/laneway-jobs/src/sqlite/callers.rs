//! Jobs in a transaction of the caller's own: rusqlite's, on any connection to the same database.

use std::sync::Arc;

use rusqlite::Transaction;

use super::store::SqliteStore;
use crate::callers_transaction::CallersTransaction;
use crate::complete_error::CompleteError;
use crate::enqueue_error::EnqueueError;
use crate::store::{Enqueued, Guarded, NewJob, Settlement, Store};

impl CallersTransaction for Transaction<'_> {
    type Answer<'a, A: 'a, E: 'a>
        = Result<A, E>
    where
        Self: 'a;

    fn insert(
        &self,
        store: Arc<dyn Store>,
        job: Result<NewJob, EnqueueError>,
    ) -> Result<Enqueued, EnqueueError> {
        let store = of(&*store, self).ok_or(EnqueueError::OtherDatabase)?;
        store.insert_in(self, job?).map_err(EnqueueError::Store)
    }

    fn settle(
        &self,
        store: Arc<dyn Store>,
        settlement: Result<Settlement, CompleteError>,
    ) -> Result<(), CompleteError> {
        let store = of(&*store, self).ok_or(CompleteError::OtherDatabase)?;
        match store
            .settle_in(self, &settlement?)
            .map_err(CompleteError::Store)?
        {
            Guarded::Held => Ok(()),
            Guarded::LeaseLost => Err(CompleteError::LeaseLost),
        }
    }
}

/// The store, if its database is that of a transaction.
fn of<'s>(store: &'s dyn Store, transaction: &Transaction<'_>) -> Option<&'s SqliteStore> {
    let store = store.as_any().downcast_ref::<SqliteStore>();
    store.filter(|store| store.has(transaction))
}
