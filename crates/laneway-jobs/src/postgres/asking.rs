//! How a question gets to the database: a connection, a transaction, the answer, the hints.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use laneway::time::timeout;

use super::connect_error::ConnectError;
use super::failure::{Aftereffect, aftereffect, store_error};
use super::marks::Marks;
use super::pool::{Connected, Pool};
use super::session::{Session, Sql};
use super::tx::{Aftermath, Span, Tx};
use crate::store::{Hints, StoreError};

/// A server that says nothing for so long is taken to be lost.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a transaction is made that others got in the way of.
const TRIES: u32 = 5;

/// The answer to a question, within a transaction.
pub(super) type Asked<'t, A> = Pin<Box<dyn Future<Output = Sql<A>> + Send + 't>>;

/// The function that answers a question.
pub(super) type Ask<Q, A> = for<'t, 'c> fn(&'t mut Tx<'c>, &'t Q) -> Asked<'t, A>;

/// What questions go through.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) pool: Arc<Pool>,
    pub(super) hints: Hints,
    pub(super) marks: Marks,
}

impl Asking {
    /// Asks in one transaction, and again where others got in its way.
    pub(super) async fn ask<Q: Sync, A>(
        &self,
        span: Span,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        for _ in 1..TRIES {
            match self.ask_once(span, question, ask).await {
                Err(StoreError::Busy) => {}
                answer => return answer,
            }
        }
        self.ask_once(span, question, ask).await
    }

    async fn ask_once<Q: Sync, A>(
        &self,
        span: Span,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        let mut lent = self.pool.take().await.map_err(not_connected)?;
        let Connected {
            session, driver, ..
        } = lent.connected();
        let asked = driver.run(transact(session, span, question, ask));
        match timeout(SILENCE, asked).await {
            Ok(Ok((answer, aftermath))) => {
                lent.put_back();
                self.after(aftermath);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if aftereffect(&error) != Aftereffect::Lost {
                    lent.put_back();
                }
                Err(self.unknown_wakes(store_error(&error)))
            }
            Err(_) => Err(self.unknown_wakes(StoreError::OutcomeUnknown)),
        }
    }

    fn after(&self, aftermath: Aftermath) {
        if aftermath.earlier.is_some() {
            self.marks.forget();
        }
        aftermath.hint(&self.hints);
    }

    /// What may have been committed, sleeping workers have to hear of.
    fn unknown_wakes(&self, error: StoreError) -> StoreError {
        if error == StoreError::OutcomeUnknown {
            self.marks.forget();
            self.hints.ready_everywhere();
        }
        error
    }
}

async fn transact<Q: Sync, A>(
    session: &mut Session,
    span: Span,
    question: &Q,
    ask: Ask<Q, A>,
) -> Sql<(A, Aftermath)> {
    let mut tx = Tx::ours(session, span);
    let ran = ask(&mut tx, question).await;
    tx.end(ran).await
}

pub(super) fn not_connected(error: ConnectError) -> StoreError {
    match error {
        ConnectError::Unreachable { server, message } => {
            StoreError::Unreachable(format!("{server}: {message}"))
        }
        error => StoreError::Database(error.to_string()),
    }
}
