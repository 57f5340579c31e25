//! The store: what callers and workers ask, handed to the connections.

use std::any::Any;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::or;
use tokio_postgres::{Client, Transaction};

use super::asking::{Ask, Asking, not_connected};
use super::claiming::{self, Found, are_for};
use super::completing::Completing;
use super::connect_error::ConnectError;
use super::failure::store_error;
use super::gatherer::{Gatherer, Run};
use super::inserting;
use super::listening::Listening;
use super::lost_mark::LostMark;
use super::marks::{From, Marks};
use super::notifier::{Notifier, WakeUps};
use super::options::PostgresOptions;
use super::pool::Pool;
use super::rescuing::Look;
use super::serving::Driver;
use super::tx::{Span, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::lock::unpoisoned;
use crate::store::{
    Activity, ActivityWanted, BatchCounts, ByHand, Changed, Claim, ClaimId, Claimed, ClaimedJob,
    Elsewhere, Enqueued, FailedAttempt, Fired, Firing, Guarded, Held, Hints, JobPage, JobSearch,
    JobStory, JobView, LeaseView, NewJob, Note, Pruning, QueueCount, QueuesNow, Renewal, Rescue,
    Rescued, ScheduleChange, ScheduleChanged, ScheduleStore, SchedulesNow, Settlement, Step, Store,
    StoreError, StoreFuture, ViewStore, WantedSchedules, Whom,
};

/// Jobs in a Postgres database. Cheap to clone; clones are the same store.
///
/// Inserts of many callers, and settlements, are gathered: one statement for all that have come
/// while the last one was under way. A connection that is lost is opened again; an operation whose
/// commit may have come before that ends with [`StoreError::OutcomeUnknown`], and is sent again by
/// workers and by [`Jobs`](crate::Jobs).
///
/// A commit wakes the workers of its own process, and by `NOTIFY` those of others. A worker that
/// has nothing to do makes a claim every 250 ms to 2 s as well, should a notification be lost.
///
/// ```no_run
/// use laneway_jobs::Jobs;
/// use laneway_jobs::postgres::PostgresStore;
///
/// let rt = laneway::Runtime::builder().build()?;
/// let store = rt.block_on(PostgresStore::connect("postgres://me:secret@localhost/app"))?;
/// let jobs = Jobs::new(store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostgresStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    asking: Arc<Asking>,
    inserts: Arc<Gatherer<NewJob, Enqueued>>,
    settlements: Arc<Gatherer<Settlement, Guarded>>,
    lost_mark: LostMark,
    /// Queues that have their rows.
    known: Mutex<HashSet<String>>,
}

/// The question of a claim that takes inserts along.
type InsertAndClaim = (Vec<NewJob>, Claim, From);

/// The number of queues' names that are kept in mind.
const KNOWN_QUEUES: usize = 4_096;

impl PostgresStore {
    /// Connects with the default options.
    ///
    /// # Errors
    ///
    /// As [`PostgresOptions::connect`].
    pub async fn connect(url: &str) -> Result<PostgresStore, ConnectError> {
        PostgresOptions::new().connect(url).await
    }

    pub(super) fn of(pool: Arc<Pool>, wake_ups: WakeUps) -> PostgresStore {
        let asking = Arc::new(Asking {
            notifier: Notifier::new(wake_ups, pool.schema()),
            listening: Listening::default(),
            pool,
            hints: Hints::default(),
            marks: Marks::default(),
        });
        let asking_inserts = asking.clone();
        let completing = Arc::new(Completing::new(asking.clone()));
        let insert: Run<NewJob, Enqueued> = Arc::new(move |jobs| {
            let asking = asking_inserts.clone();
            Box::pin(async move {
                let ask: Ask<Vec<NewJob>, Vec<Enqueued>> =
                    |tx, jobs| Box::pin(tx.insert_plain(jobs));
                asking.ask(inserting::span_of(&jobs), &jobs, ask).await
            })
        });
        let settle: Run<Settlement, Guarded> = Arc::new(move |all| {
            let completing = completing.clone();
            Box::pin(async move { completing.settle(all).await })
        });
        let inserts = Gatherer::new(inserting::weight, insert);
        let settlements = Gatherer::new(Settlement::bytes, settle);
        PostgresStore(Arc::new(Shared {
            asking,
            inserts,
            settlements,
            lost_mark: LostMark::default(),
            known: Mutex::default(),
        }))
    }

    /// A connection of the caller's own to the same database, beside those of the store: for
    /// transactions in which jobs are enqueued and completed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] when no server answers in time, or there is no runtime whose
    /// high queue would serve the connection.
    pub async fn client(&self) -> Result<Client, StoreError> {
        let (client, driver) = self.0.asking.pool.client().await.map_err(not_connected)?;
        match driver {
            Driver::Task => Ok(client),
            Driver::Operations(_) => Err(StoreError::Unreachable(
                "a client needs a runtime that serves it".to_owned(),
            )),
        }
    }

    /// Inserts a job in a caller's transaction.
    pub(crate) async fn insert_in(
        &self,
        transaction: &Transaction<'_>,
        job: NewJob,
    ) -> Result<Enqueued, StoreError> {
        let jobs = [job];
        refuse_zeros(&jobs)?;
        self.know_queues(&jobs).await?;
        let mut tx = Tx::callers(transaction, self.0.asking.pool.schema());
        let inserted = tx.insert(&jobs).await;
        inserted
            .map(|all| all[0])
            .map_err(|error| store_error(&error))
    }

    /// Ends an attempt in a caller's transaction.
    pub(crate) async fn settle_in(
        &self,
        transaction: &Transaction<'_>,
        settlement: &Settlement,
    ) -> Result<Guarded, StoreError> {
        let mut tx = Tx::callers(transaction, self.0.asking.pool.schema());
        let settled = tx.settle(std::slice::from_ref(settlement)).await;
        settled
            .map(|all| all[0])
            .map_err(|error| store_error(&error))
    }

    pub(super) fn ask<Q, A>(&self, span: Span, question: Q, ask: Ask<Q, A>) -> StoreFuture<'_, A>
    where
        Q: Send + Sync + 'static,
        A: Send + 'static,
    {
        Box::pin(async move { self.0.asking.ask(span, &question, ask).await })
    }

    /// Sees to it that the queues of jobs have their rows, before the jobs are there.
    async fn know_queues(&self, jobs: &[NewJob]) -> Result<(), StoreError> {
        let new = self.unknown_queues(jobs);
        if new.is_empty() {
            return Ok(());
        }
        let ask: Ask<Vec<String>, ()> = |tx, queues| Box::pin(tx.know_queues(queues));
        self.0.asking.ask(Span::Statement, &new, ask).await?;
        let mut known = unpoisoned(self.0.known.lock());
        if known.len() > KNOWN_QUEUES {
            known.clear();
        }
        known.extend(new);
        Ok(())
    }

    fn unknown_queues(&self, jobs: &[NewJob]) -> Vec<String> {
        let known = unpoisoned(self.0.known.lock());
        let queues = jobs.iter().map(|job| &job.queue);
        // In order, so that two such statements do not wait for each other in a circle.
        let unknown: BTreeSet<&String> = queues.filter(|queue| !known.contains(*queue)).collect();
        unknown.into_iter().cloned().collect()
    }

    async fn insert_all(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        refuse_zeros(&jobs)?;
        self.know_queues(&jobs).await?;
        match jobs.iter().all(NewJob::is_plain) {
            true => self.0.inserts.send(jobs).await,
            false => {
                let ask: Ask<Vec<NewJob>, Vec<Enqueued>> = |tx, jobs| Box::pin(tx.insert(jobs));
                self.0.asking.ask(Span::All, &jobs, ask).await
            }
        }
    }

    async fn fire_all(&self, firings: Vec<Firing>) -> Result<Vec<Fired>, StoreError> {
        let runs = firings.iter().flat_map(|firing| &firing.runs);
        let jobs: Vec<NewJob> = runs.filter_map(|run| run.job.clone().ok()).collect();
        refuse_zeros(&jobs)?;
        self.know_queues(&jobs).await?;
        let ask: Ask<Vec<Firing>, Vec<Fired>> = |tx, firings| Box::pin(tx.fire(firings));
        self.0.asking.ask(Span::All, &firings, ask).await
    }

    async fn claim_from(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let from = self.begin_claim(&claim);
        let (claim, from, found) = self.find(claim, from).await?;
        let (claim, found) = match found.jobs.is_empty() && from != From::FRONT {
            true => {
                let (claim, _, found) = self.find(claim, From::FRONT).await?;
                (claim, found)
            }
            false => (claim, found),
        };
        Ok(self.claimed(&claim, found))
    }

    /// Where a claim begins.
    fn begin_claim(&self, claim: &Claim) -> From {
        let asking = &self.0.asking;
        if asking.notifier.is_on() {
            asking.listening.begin(asking);
        }
        match claim.whom {
            Whom::Innocents => asking.marks.next(claim),
            Whom::Keyed | Whom::Suspects => From::FRONT,
        }
    }

    fn claimed(&self, claim: &Claim, found: Found) -> Claimed {
        if claim.whom == Whom::Innocents {
            let due = found.jobs.iter().map(|(run_at, job)| (job.lane, *run_at));
            self.0.asking.marks.claimed(claim, due, found.others);
        }
        let next = match found.jobs.len() >= claim.limit && claim.limit > 0 {
            true => Some(Duration::ZERO),
            false => found.wait.into_iter().chain(found.allowed).min(),
        };
        Claimed {
            jobs: found.jobs.into_iter().map(|(_, job)| job).collect(),
            suspect: found.suspect,
            keys_left: found.keys_left,
            last_key: found.last_key,
            next,
        }
    }

    /// In one statement where that can be: two, with a beginning and an end around them, take as
    /// long as an insert and a claim after it. A job that is not among the claimed ones is hinted
    /// at, so that the worker claims again.
    async fn insert_and_claim_from(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> Result<(Vec<Enqueued>, Claimed), StoreError> {
        refuse_zeros(&jobs)?;
        self.know_queues(&jobs).await?;
        let (from, asking) = (self.begin_claim(&claim), &self.0.asking);
        let is_for_claim = are_for(&jobs, &claim);
        let question = (jobs, claim, from);
        if !is_for_claim {
            let ask: Ask<InsertAndClaim, (Vec<Enqueued>, Found)> =
                |tx, (jobs, claim, from)| Box::pin(tx.insert_and_claim(jobs, claim, *from));
            let (enqueued, found) = asking.ask(Span::All, &question, ask).await?;
            return Ok((enqueued, self.claimed(&question.1, found)));
        }
        let ask: Ask<InsertAndClaim, (Vec<Enqueued>, Option<Claimed>)> =
            |tx, (jobs, claim, from)| Box::pin(tx.insert_claimed(jobs, claim, *from));
        let (enqueued, claimed) = asking.ask(Span::Statement, &question, ask).await?;
        let claimed = match claimed {
            Some(claimed) => claimed,
            // The jobs are there by now, so that an error must not say that nothing happened.
            None => {
                let claimed = self.claim_from(question.1).await;
                claimed.map_err(|_| StoreError::OutcomeUnknown)?
            }
        };
        Ok((enqueued, claimed))
    }

    async fn find(&self, claim: Claim, from: From) -> Result<(Claim, From, Found), StoreError> {
        let span = claiming::span_of(&claim);
        let question = (claim, from);
        let ask: Ask<(Claim, From), Found> = |tx, (claim, from)| Box::pin(tx.claim(claim, *from));
        let found = self.0.asking.ask(span, &question, ask).await?;
        Ok((question.0, from, found))
    }

    async fn rescue_lost(&self, rescue: Rescue) -> Result<Rescued, StoreError> {
        let after = self.0.lost_mark.next();
        let look: Ask<i64, (Look, i64)> = |tx, after| Box::pin(tx.look_for_lost(*after));
        let (found, t) = self.0.asking.ask(Span::Statement, &after, look).await?;
        let rescued = match found {
            Look::Nothing => Rescued::default(),
            Look::Something => {
                let ask: Ask<(Rescue, i64), Rescued> =
                    |tx, (rescue, after)| Box::pin(tx.rescue(rescue, *after));
                self.0.asking.ask(Span::All, &(rescue, after), ask).await?
            }
        };
        if rescued.all() < rescue.limit {
            self.0.lost_mark.looked(t);
        }
        Ok(rescued)
    }
}

/// The span of a statement for each of these: one commits by itself.
fn span_of<T>(each: &[T]) -> Span {
    match each.len() {
        0 | 1 => Span::Statement,
        _ => Span::All,
    }
}

/// Postgres keeps no text with a character of code zero; other names would be taken for this one.
fn refuse_zeros(jobs: &[NewJob]) -> Result<(), StoreError> {
    let has_zero = |job: &NewJob| {
        let key = job.unique.as_ref().map_or("", |unique| &unique.key);
        let limit_key = job.limit_key.as_deref().unwrap_or_default();
        let names = [&*job.kind, &*job.queue, key, limit_key].into_iter();
        names
            .chain(job.old_kinds.iter().copied())
            .any(|name| name.contains('\0'))
    };
    match jobs.iter().any(has_zero) {
        false => Ok(()),
        true => Err(StoreError::Database(
            "a kind, queue or key has a character of code zero; leave it out".to_owned(),
        )),
    }
}

impl ScheduleStore for PostgresStore {
    fn schedules(&self, wanted: WantedSchedules) -> StoreFuture<'_, SchedulesNow> {
        self.ask(Span::Statement, wanted, |tx, wanted| {
            Box::pin(tx.schedules(wanted))
        })
    }

    fn change_schedules(
        &self,
        changes: Vec<ScheduleChange>,
    ) -> StoreFuture<'_, Vec<ScheduleChanged>> {
        self.ask(Span::All, changes, |tx, changes| {
            Box::pin(tx.change_schedules(changes))
        })
    }

    fn fire(&self, firings: Vec<Firing>) -> StoreFuture<'_, Vec<Fired>> {
        Box::pin(self.fire_all(firings))
    }
}

impl ViewStore for PostgresStore {
    fn queues(&self) -> StoreFuture<'_, QueuesNow> {
        self.ask(Span::Statement, (), |tx, ()| Box::pin(tx.queue_views()))
    }

    fn search(&self, searches: Vec<JobSearch>) -> StoreFuture<'_, Vec<JobPage>> {
        let span = span_of(&searches);
        self.ask(span, searches, |tx, searches| Box::pin(tx.search(searches)))
    }

    fn unfinished(
        &self,
        kind: String,
        unique_key: String,
    ) -> StoreFuture<'_, Option<(JobId, JobState)>> {
        self.ask(Span::Statement, (kind, unique_key), |tx, key| {
            Box::pin(tx.unfinished(key))
        })
    }

    fn stories(&self, jobs: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobStory>>> {
        self.ask(Span::Statement, jobs, |tx, jobs| Box::pin(tx.stories(jobs)))
    }

    fn failed_attempts(&self, newest: usize) -> StoreFuture<'_, Vec<FailedAttempt>> {
        self.ask(Span::Statement, newest, |tx, newest| {
            Box::pin(tx.failed_attempts(*newest))
        })
    }

    fn leases(&self, at_most: usize) -> StoreFuture<'_, Vec<LeaseView>> {
        self.ask(Span::Statement, at_most, |tx, at_most| {
            Box::pin(tx.leases(*at_most))
        })
    }

    fn activity(&self, wanted: ActivityWanted) -> StoreFuture<'_, Activity> {
        self.ask(Span::All, wanted, |tx, wanted| {
            Box::pin(tx.activity(wanted))
        })
    }
}

impl Store for PostgresStore {
    fn insert(&self, jobs: Vec<NewJob>) -> StoreFuture<'_, Vec<Enqueued>> {
        Box::pin(self.insert_all(jobs))
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Claimed> {
        Box::pin(self.claim_from(claim))
    }

    fn insert_and_claim(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> StoreFuture<'_, (Vec<Enqueued>, Claimed)> {
        Box::pin(self.insert_and_claim_from(jobs, claim))
    }

    fn claimed_by(&self, claim: ClaimId, lease: Duration) -> StoreFuture<'_, Vec<ClaimedJob>> {
        self.ask(Span::Statement, (claim, lease), |tx, (claim, lease)| {
            Box::pin(tx.claimed_by(*claim, *lease))
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> StoreFuture<'_, Vec<Guarded>> {
        Box::pin(self.0.settlements.send(settlements))
    }

    fn renew(&self, held: Vec<Held>, lease: Duration) -> StoreFuture<'_, Vec<Renewal>> {
        let question = (held, lease);
        let ask: Ask<(Vec<Held>, Duration), Vec<Renewal>> =
            |tx, (held, lease)| Box::pin(tx.renew(held, *lease));
        Box::pin(async move {
            let asking = &self.0.asking;
            let usual = asking.ask(Span::Statement, &question, ask);
            let beside = asking.ask_beside(lease / 6, &question, ask);
            or(usual, beside).await
        })
    }

    fn note(&self, notes: Vec<Note>) -> StoreFuture<'_, Vec<Guarded>> {
        let span = span_of(&notes);
        self.ask(span, notes, |tx, notes| Box::pin(tx.note(notes)))
    }

    fn steps(&self, job: JobId) -> StoreFuture<'_, Vec<Step>> {
        self.ask(Span::Statement, job, |tx, job| Box::pin(tx.steps(*job)))
    }

    fn rescue(&self, rescue: Rescue) -> StoreFuture<'_, Rescued> {
        Box::pin(self.rescue_lost(rescue))
    }

    fn prune(&self, pruning: Pruning) -> StoreFuture<'_, usize> {
        self.ask(Span::All, pruning, |tx, pruning| {
            Box::pin(tx.prune(pruning))
        })
    }

    fn batches(&self, awaiting: Vec<JobId>) -> StoreFuture<'_, Vec<Option<BatchCounts>>> {
        self.ask(Span::Statement, awaiting, |tx, awaiting| {
            Box::pin(tx.batches(awaiting))
        })
    }

    fn look(&self, ids: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobView>>> {
        self.ask(Span::Statement, ids, |tx, ids| Box::pin(tx.look(ids)))
    }

    fn counts(&self, at_most: u64) -> StoreFuture<'_, Vec<QueueCount>> {
        self.ask(Span::Statement, at_most, |tx, at_most| {
            Box::pin(tx.counts(*at_most))
        })
    }

    fn change(&self, changes: Vec<ByHand>) -> StoreFuture<'_, Vec<Changed>> {
        Box::pin(async move {
            ByHand::check_names(&changes)?;
            let change: Ask<Vec<ByHand>, Vec<Changed>> = |tx, changes| Box::pin(tx.change(changes));
            self.0.asking.ask(Span::All, &changes, change).await
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn hints(&self) -> &Hints {
        &self.0.asking.hints
    }

    fn changed_elsewhere(&self) -> Elsewhere {
        Elsewhere::Untold
    }
}
