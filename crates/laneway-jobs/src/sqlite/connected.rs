//! The connection, and one transaction on it.

use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::batch::{Batch, Ended};
use super::clock::StoreClock;
use super::command::{Access, Command};
use super::opened_file::OpenedFile;
use super::probe::{Moment, Probe, Transition, Verdict};
use super::statement::Statement;
use super::tx::Tx;
use crate::store::StoreError;

/// Where the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    File,
    Memory,
}

/// One opening of a database, which all transactions of a store have in common.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) clock: StoreClock,
    /// Its name, which a later owner of the file asks about.
    pub(super) instance: String,
    pub(super) probe: Arc<dyn Probe>,
    /// Where the store's connection lies, while a transaction is open: a database in memory has no
    /// other name. Otherwise 0.
    pub(super) connection: AtomicUsize,
}

impl Opening {
    /// A transaction at T on a connection: the store's, or a caller's own.
    pub(super) fn tx<'c>(&'c self, connection: &'c Connection) -> Tx<'c> {
        Tx::new(connection, self.clock.t(), &self.instance, &*self.probe)
    }

    /// Whether it is the store's connection, on which a transaction is open.
    pub(super) fn is_its_own(&self, connection: &Connection) -> bool {
        self.connection.load(Relaxed) == ptr::from_ref(connection).addr()
    }
}

pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) home: Home,
    /// The file, where it has one.
    pub(super) file: Option<OpenedFile>,
    pub(super) opening: Arc<Opening>,
    /// How many commands the last transaction had.
    pub(super) former: usize,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("home", &self.home)
            .field("opening", &self.opening)
            .finish_non_exhaustive()
    }
}

/// Why a transaction goes no further.
enum Stop {
    Sql(rusqlite::Error),
    /// A probe wants it to be lost.
    Lose,
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Sql(error)
    }
}

impl Connected {
    /// Runs a batch, and what `more` adds to it, in one transaction.
    pub(super) fn transaction(
        &mut self,
        batch: &mut Batch,
        more: impl FnMut(&Batch) -> Option<Box<dyn Command>>,
    ) -> Ended {
        let place = ptr::from_ref(&self.connection).addr();
        self.opening.connection.store(place, Relaxed);
        let ended = self.transaction_here(batch, more);
        self.opening.connection.store(0, Relaxed);
        ended
    }

    fn transaction_here(
        &self,
        batch: &mut Batch,
        more: impl FnMut(&Batch) -> Option<Box<dyn Command>>,
    ) -> Ended {
        let behavior = match batch.access() {
            Access::Reads => TransactionBehavior::Deferred,
            Access::Writes => TransactionBehavior::Immediate,
        };
        let transaction = match Transaction::new_unchecked(&self.connection, behavior) {
            Ok(transaction) => transaction,
            Err(error) => return Ended::Failed(store_error(&error)),
        };
        if let Some(Err(error)) = self.file.as_ref().map(OpenedFile::check_place) {
            return Ended::Failed(error);
        }
        // T is read when the lock is held, since the wait for it may have been long.
        let tx = self.opening.tx(&transaction);
        match self.statements(&tx, &transaction, batch, more) {
            Err(Stop::Lose) => Ended::Lost,
            Err(Stop::Sql(error)) => Ended::Failed(store_error(&error)),
            Ok(()) => {
                let aftermath = tx.aftermath.take();
                // Its statements borrow the transaction.
                drop(tx);
                match transaction.commit() {
                    Err(error) => failed_commit(&error),
                    Ok(()) if self.reach(batch, Moment::AfterCommit) == Verdict::Lose => {
                        Ended::Lost
                    }
                    Ok(()) => Ended::Committed(aftermath),
                }
            }
        }
    }

    fn statements(
        &self,
        tx: &Tx<'_>,
        transaction: &Transaction<'_>,
        batch: &mut Batch,
        mut more: impl FnMut(&Batch) -> Option<Box<dyn Command>>,
    ) -> Result<(), Stop> {
        let changes = tx.connection.total_changes();
        let (mut place, mut claims) = (0, Vec::new());
        while let Some(command) = batch.command(place) {
            match command.transition() {
                // Claims come last: they find what the others have put there.
                Transition::Claim => claims.push(place),
                _ => self.run(command, tx, transaction)?,
            }
            place += 1;
            if let Some(command) = more(batch) {
                batch.add(command);
            }
        }
        for place in claims {
            if let Some(command) = batch.command(place) {
                self.run(command, tx, transaction)?;
            }
        }
        if tx.connection.total_changes() != changes {
            tx.run(Statement::KeepClock, &[])?;
        }
        Ok(())
    }

    fn run(
        &self,
        command: &mut Box<dyn Command>,
        tx: &Tx<'_>,
        transaction: &Transaction<'_>,
    ) -> Result<(), Stop> {
        self.go_on(command.as_ref(), Moment::BeforeStatements)?;
        command.run(tx, transaction)?;
        self.go_on(command.as_ref(), Moment::AfterStatements)
    }

    fn go_on(&self, command: &dyn Command, moment: Moment) -> Result<(), Stop> {
        match self.opening.probe.reached(command.transition(), moment) {
            Verdict::GoOn => Ok(()),
            Verdict::Lose => Err(Stop::Lose),
        }
    }

    /// Every command comes to the moment, also where one of them is lost.
    fn reach(&self, batch: &Batch, moment: Moment) -> Verdict {
        let verdicts = batch
            .iter()
            .map(|command| self.opening.probe.reached(command.transition(), moment));
        verdicts.fold(Verdict::GoOn, |all, one| match one {
            Verdict::GoOn => all,
            Verdict::Lose => Verdict::Lose,
        })
    }

    /// Answers the commands of a batch that is committed.
    pub(super) fn answer(&self, batch: Batch) {
        for command in batch {
            let transition = command.transition();
            command.answer(Ok(()));
            self.opening.probe.reached(transition, Moment::AfterAnswer);
        }
    }
}

/// The caller's error for an error of the database.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        _ if is_full(error) => StoreError::Full,
        _ => StoreError::Database(error.to_string()),
    }
}

/// Whether the disk has no room: for the file and its log, or for the index beside the log, which
/// SQLite reports as it does a disk that fails.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_extended_error_code() == Some(SQLITE_IOERR_SHMSIZE)
}

/// A disk that fails at the commit leaves open what it has written.
fn failed_commit(error: &rusqlite::Error) -> Ended {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => Ended::Lost,
        _ => Ended::Failed(store_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{Error, SQLITE_FULL, SQLITE_IOERR_READ};

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        let told = |code| store_error(&rusqlite::Error::SqliteFailure(Error::new(code), None));
        assert_eq!(told(SQLITE_FULL), StoreError::Full);
        assert_eq!(told(SQLITE_IOERR_SHMSIZE), StoreError::Full);
        assert!(matches!(told(SQLITE_IOERR_READ), StoreError::Database(_)));
    }
}
