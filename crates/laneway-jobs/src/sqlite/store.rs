//! The store: what callers and workers ask, handed to the writer.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};

use super::changes::Changes;
use super::command::Question;
use super::connected::{Connected, Home, Opening, store_error};
use super::durability::Durability;
use super::open::SqliteOptions;
use super::open_error::OpenError;
use super::owner::Ownership;
use super::probe::Transition;
use super::transact::{Transact, TransactError, unpacked};
use super::tx::{Sql, Tx};
use super::writer::Writer;
use crate::job_id::JobId;
use crate::store::{
    BatchCounts, ByHand, Changed, Claim, ClaimId, Claimed, ClaimedJob, Elsewhere, Enqueued,
    Guarded, Held, Hints, JobView, NewJob, Note, Pruning, QueueCount, Renewal, Rescue, Rescued,
    Settlement, Step, Store, StoreError, StoreFuture,
};

/// Jobs in an SQLite database: a file, or memory. Cheap to clone; clones are the same store.
///
/// All statements go through one writer, many commands to a transaction. On a file it runs on a
/// thread for what blocks; in memory it runs in polls, and within a simulation.
///
/// ```
/// use laneway_jobs::sqlite::{Durability, SqliteStore};
///
/// let path = std::env::temp_dir().join(format!("laneway-jobs-doc-{}.db", std::process::id()));
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(store.durability(), Durability::Full);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), laneway_jobs::sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    writer: Arc<Writer>,
    hints: Arc<Hints>,
    durability: Durability,
    opening: Arc<Opening>,
    file: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    changes: Changes,
    #[expect(dead_code, reason = "the lock ends when the store does")]
    owned: Ownership,
}

impl OpenFile {
    /// Whether a path leads to it, by whichever links.
    fn is_at(&self, path: &Path) -> bool {
        self.path == path || path.canonicalize().is_ok_and(|path| path == self.path)
    }
}

impl SqliteStore {
    /// Opens a file with the default options, or makes it.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        SqliteOptions::new().open(path)
    }

    /// Opens a database in memory.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::memory`].
    pub fn memory() -> Result<SqliteStore, OpenError> {
        SqliteOptions::new().memory()
    }

    pub(super) fn of(
        connected: Connected,
        durability: Durability,
        file: Option<(PathBuf, Ownership)>,
    ) -> SqliteStore {
        debug_assert_eq!(connected.home == Home::File, file.is_some());
        let hints = Arc::new(Hints::default());
        let file = file.map(|(path, owned)| {
            let changes = Changes::of(&path);
            OpenFile {
                path,
                changes,
                owned,
            }
        });
        SqliteStore(Arc::new(Shared {
            opening: connected.opening.clone(),
            writer: Arc::new(Writer::new(connected, hints.clone())),
            hints,
            durability,
            file,
        }))
    }

    /// The failures that a commit survives, as the database itself told at opening.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.0.durability
    }

    /// The file, if the store is in one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.file.as_ref().map(|file| &*file.path)
    }

    /// Runs a transaction of the caller's own on the store's connection, and commits it where the
    /// closure gives `Ok`. Its tables live beside those of the jobs; temporary ones are in memory.
    ///
    /// With [`Enqueue::enqueue_in`](crate::Enqueue::enqueue_in) and
    /// [`Ctx::complete_in`](crate::Ctx::complete_in), jobs and effects commit together or not at
    /// all. The closure must not commit by itself, nor wait for the store, whose one connection it
    /// has: for a job that it enqueues in another way, say.
    ///
    /// # Errors
    ///
    /// The closure's error, after a rollback; or the store's.
    ///
    /// # Panics
    ///
    /// A panic of the closure rolls back, and goes on in the caller.
    ///
    /// # Cancellation
    ///
    /// Once the future has been polled, the transaction may run although the future is dropped.
    pub async fn transact<R, E>(
        &self,
        closure: impl FnOnce(&Transaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, TransactError<E>>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        let (command, answer) = Transact::asked(closure);
        self.0.writer.send(command).await;
        let came = answer.await;
        if matches!(came, Ok(Ok(Ok(_)))) {
            // The closure may have enqueued anything.
            self.0.hints.ready_everywhere();
        }
        unpacked(came)
    }

    /// Whether a transaction of a caller's is one in the store's own database.
    pub(crate) fn has(&self, transaction: &Connection) -> bool {
        match &self.0.file {
            Some(file) => transaction
                .path()
                .is_some_and(|path| file.is_at(path.as_ref())),
            None => self.0.opening.is_its_own(transaction),
        }
    }

    /// Inserts a job in a caller's transaction.
    pub(crate) fn insert_in(
        &self,
        transaction: &Connection,
        job: NewJob,
    ) -> Result<Enqueued, StoreError> {
        let inserted = self.0.opening.tx(transaction).insert(&[job]);
        inserted
            .map(|all| all[0])
            .map_err(|error| store_error(&error))
    }

    /// Ends an attempt in a caller's transaction.
    pub(crate) fn settle_in(
        &self,
        transaction: &Connection,
        settlement: &Settlement,
    ) -> Result<Guarded, StoreError> {
        let settled = self.0.opening.tx(transaction).settle_one(settlement);
        settled.map_err(|error| store_error(&error))
    }

    pub(super) fn ask<Q, A>(
        &self,
        transition: Transition,
        question: Q,
        run: fn(&Tx<'_>, &Q) -> Sql<A>,
    ) -> StoreFuture<'_, A>
    where
        Q: Send + 'static,
        A: Send + 'static,
    {
        let (command, answer) = Question::asked(transition, question, run);
        Box::pin(async move {
            self.0.writer.send(command).await;
            answer.await
        })
    }
}

impl Store for SqliteStore {
    fn insert(&self, jobs: Vec<NewJob>) -> StoreFuture<'_, Vec<Enqueued>> {
        self.ask(Transition::Insert, jobs, |tx, jobs| tx.insert(jobs))
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Claimed> {
        self.ask(Transition::Claim, claim, |tx, claim| tx.claim(claim))
    }

    fn insert_and_claim(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> StoreFuture<'_, (Vec<Enqueued>, Claimed)> {
        let question = (jobs, claim);
        self.ask(Transition::InsertAndClaim, question, |tx, (jobs, claim)| {
            tx.insert_and_claim(jobs, claim)
        })
    }

    fn claimed_by(&self, claim: ClaimId, lease: Duration) -> StoreFuture<'_, Vec<ClaimedJob>> {
        let question = (claim, lease);
        self.ask(Transition::ClaimedBy, question, |tx, (claim, lease)| {
            tx.claimed_by(*claim, *lease)
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> StoreFuture<'_, Vec<Guarded>> {
        self.ask(Transition::Settle, settlements, |tx, all| tx.settle(all))
    }

    fn renew(&self, held: Vec<Held>, lease: Duration) -> StoreFuture<'_, Vec<Renewal>> {
        let question = (held, lease);
        self.ask(Transition::Renew, question, |tx, (held, lease)| {
            tx.renew(held, *lease)
        })
    }

    fn note(&self, notes: Vec<Note>) -> StoreFuture<'_, Vec<Guarded>> {
        self.ask(Transition::Note, notes, |tx, notes| tx.note(notes))
    }

    fn steps(&self, job: JobId) -> StoreFuture<'_, Vec<Step>> {
        self.ask(Transition::Read, job, |tx, job| tx.steps(*job))
    }

    fn rescue(&self, rescue: Rescue) -> StoreFuture<'_, Rescued> {
        self.ask(Transition::Rescue, rescue, |tx, rescue| tx.rescue(rescue))
    }

    fn prune(&self, pruning: Pruning) -> StoreFuture<'_, usize> {
        self.ask(Transition::Prune, pruning, |tx, pruning| tx.prune(pruning))
    }

    fn batches(&self, awaiting: Vec<JobId>) -> StoreFuture<'_, Vec<Option<BatchCounts>>> {
        self.ask(Transition::Read, awaiting, |tx, jobs| tx.batches(jobs))
    }

    fn look(&self, ids: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobView>>> {
        self.ask(Transition::Read, ids, |tx, ids| tx.look(ids))
    }

    fn counts(&self, at_most: u64) -> StoreFuture<'_, Vec<QueueCount>> {
        self.ask(Transition::Read, at_most, |tx, at_most| tx.counts(*at_most))
    }

    fn change(&self, changes: Vec<ByHand>) -> StoreFuture<'_, Vec<Changed>> {
        Box::pin(async move {
            ByHand::check_names(&changes)?;
            let change = |tx: &Tx<'_>, changes: &Vec<ByHand>| tx.change(changes);
            self.ask(Transition::Change, changes, change).await
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn hints(&self) -> &Hints {
        &self.0.hints
    }

    fn changed_elsewhere(&self) -> Elsewhere {
        let file = self.0.file.as_ref();
        file.map_or(Elsewhere::Never, |file| file.changes.look())
    }
}
