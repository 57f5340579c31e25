//! A caller's own transaction on the store's connection.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rusqlite::Transaction;

use super::answer::{Answer, Answering, answer};
use super::command::{Command, Sharing};
use super::probe::Transition;
use super::tx::{Sql, Tx};
use crate::store::StoreError;

/// Why a caller's transaction was not committed.
///
/// ```
/// use laneway_jobs::sqlite::{SqliteStore, TransactError};
///
/// let store = SqliteStore::memory()?;
/// let refused = laneway::block_on(store.transact(|_| Err::<(), _>("overdrawn")));
/// assert!(matches!(refused, Err(TransactError::Caller("overdrawn"))));
/// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
/// ```
#[derive(Debug)]
pub enum TransactError<E> {
    /// The closure's own error. All of it has been rolled back.
    Caller(E),
    /// The store could not begin or commit it.
    Store(StoreError),
}

impl<E: fmt::Display> fmt::Display for TransactError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransactError::Caller(error) => error.fmt(f),
            TransactError::Store(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for TransactError<E> {}

/// The result of a closure. A panic goes back to the caller.
pub(super) type Came<R, E> = Result<Result<R, E>, Box<dyn Any + Send>>;

pub(super) struct Transact<F, R, E> {
    closure: Option<F>,
    came: Option<Came<R, E>>,
    answering: Answering<Came<R, E>>,
}

impl<F, R, E> Transact<F, R, E>
where
    F: FnOnce(&Transaction<'_>) -> Result<R, E> + Send + 'static,
    R: Send + 'static,
    E: Send + 'static,
{
    pub(super) fn asked(closure: F) -> (Box<dyn Command>, Answer<Came<R, E>>) {
        let (answering, answer) = answer();
        let closure = Some(closure);
        let command = Transact {
            closure,
            came: None,
            answering,
        };
        (Box::new(command), answer)
    }
}

pub(super) fn unpacked<R, E>(came: Result<Came<R, E>, StoreError>) -> Result<R, TransactError<E>> {
    match came.map_err(TransactError::Store)? {
        Ok(result) => result.map_err(TransactError::Caller),
        Err(panic) => resume_unwind(panic),
    }
}

impl<F, R, E> Command for Transact<F, R, E>
where
    F: FnOnce(&Transaction<'_>) -> Result<R, E> + Send,
    R: Send,
    E: Send,
{
    fn transition(&self) -> Transition {
        Transition::Transact
    }

    /// An error of the closure's is an error of the transaction, so that it is rolled back.
    fn run(&mut self, _: &Tx<'_>, transaction: &Transaction<'_>) -> Sql<()> {
        let closure = self.closure.take().expect("a closure runs once, alone");
        let came = catch_unwind(AssertUnwindSafe(|| closure(transaction)));
        let committed = matches!(came, Ok(Ok(_)));
        self.came = Some(came);
        committed
            .then_some(())
            .ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let this = *self;
        match (end, this.came) {
            (Err(_), Some(came @ (Ok(Err(_)) | Err(_)))) => this.answering.give(Ok(came)),
            (Ok(()), Some(came)) => this.answering.give(Ok(came)),
            (Err(error), _) => this.answering.give(Err(error)),
            (Ok(()), None) => {}
        }
    }

    fn sharing(&self) -> Sharing {
        Sharing::Alone
    }
}
