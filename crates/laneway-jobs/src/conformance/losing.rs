//! A store that loses answers of claims, as a broken connection does.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::JobId;
use crate::lock::unpoisoned;
use crate::store::{
    Activity, ActivityWanted, BatchCounts, ByHand, Changed, Claim, ClaimId, Claimed, ClaimedJob,
    Elsewhere, Enqueued, FailedAttempt, Filter, Fired, Firing, Guarded, Held, Hints, JobPage,
    JobSearch, JobStory, JobView, LeaseView, NewJob, Note, Pruning, QueueCount, QueuesNow, Renewal,
    Rescue, Rescued, ScheduleChange, ScheduleChanged, ScheduleStore, SchedulesNow, Settlement,
    Step, Store, StoreError, StoreFuture, ViewStore, WantedSchedules,
};

/// The fate of a claim whose answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is never made.
    Lost,
    /// It is made.
    Made,
    /// It is made after its sender has asked about it.
    Late,
}

/// Loses the answer of every second claim.
#[derive(Debug)]
pub(super) struct Losing {
    inner: Arc<dyn Store>,
    fate: Fate,
    claims: AtomicUsize,
    late: Mutex<Option<Claim>>,
    /// The number of questions about a claim that get no answer either.
    silent: AtomicUsize,
}

impl Losing {
    pub(super) fn new(inner: Arc<dyn Store>, fate: Fate) -> Losing {
        Losing {
            inner,
            fate,
            claims: AtomicUsize::new(0),
            late: Mutex::default(),
            silent: AtomicUsize::new(0),
        }
    }

    pub(super) fn silent(mut self, questions: usize) -> Losing {
        self.silent = AtomicUsize::new(questions);
        self
    }

    async fn lose(&self, claim: Claim) -> StoreError {
        match self.fate {
            Fate::Lost => {}
            Fate::Made => drop(self.inner.claim(claim).await),
            Fate::Late => *unpoisoned(self.late.lock()) = Some(claim),
        }
        StoreError::OutcomeUnknown
    }

    fn is_silent(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.silent.fetch_update(Relaxed, Relaxed, less).is_ok()
    }
}

impl ScheduleStore for Losing {
    fn schedules(&self, wanted: WantedSchedules) -> StoreFuture<'_, SchedulesNow> {
        self.inner.schedules(wanted)
    }

    fn change_schedules(
        &self,
        changes: Vec<ScheduleChange>,
    ) -> StoreFuture<'_, Vec<ScheduleChanged>> {
        self.inner.change_schedules(changes)
    }

    fn fire(&self, firings: Vec<Firing>) -> StoreFuture<'_, Vec<Fired>> {
        self.inner.fire(firings)
    }
}

impl ViewStore for Losing {
    fn queues(&self) -> StoreFuture<'_, QueuesNow> {
        self.inner.queues()
    }

    fn search(&self, searches: Vec<JobSearch>) -> StoreFuture<'_, Vec<JobPage>> {
        self.inner.search(searches)
    }

    fn stories(&self, jobs: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobStory>>> {
        self.inner.stories(jobs)
    }

    fn failed_attempts(&self, newest: usize) -> StoreFuture<'_, Vec<FailedAttempt>> {
        self.inner.failed_attempts(newest)
    }

    fn leases(&self, at_most: usize) -> StoreFuture<'_, Vec<LeaseView>> {
        self.inner.leases(at_most)
    }

    fn activity(&self, wanted: ActivityWanted) -> StoreFuture<'_, Activity> {
        self.inner.activity(wanted)
    }
}

impl Store for Losing {
    fn insert(&self, jobs: Vec<NewJob>) -> StoreFuture<'_, Vec<Enqueued>> {
        self.inner.insert(jobs)
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Claimed> {
        match self.claims.fetch_add(1, Relaxed).is_multiple_of(2) {
            true => Box::pin(async move { Err(self.lose(claim).await) }),
            false => self.inner.claim(claim),
        }
    }

    fn insert_and_claim(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> StoreFuture<'_, (Vec<Enqueued>, Claimed)> {
        match self.claims.fetch_add(1, Relaxed).is_multiple_of(2) {
            true => Box::pin(async move { Err(self.lose(claim).await) }),
            false => self.inner.insert_and_claim(jobs, claim),
        }
    }

    fn claimed_by(&self, claim: ClaimId, lease: Duration) -> StoreFuture<'_, Vec<ClaimedJob>> {
        Box::pin(async move {
            if self.is_silent() {
                return Err(StoreError::OutcomeUnknown);
            }
            let answer = self.inner.claimed_by(claim, lease).await;
            let late = unpoisoned(self.late.lock()).take();
            if let Some(late) = late {
                drop(self.inner.claim(late).await);
            }
            answer
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> StoreFuture<'_, Vec<Guarded>> {
        self.inner.settle(settlements)
    }

    fn renew(&self, held: Vec<Held>, lease: Duration) -> StoreFuture<'_, Vec<Renewal>> {
        self.inner.renew(held, lease)
    }

    fn note(&self, notes: Vec<Note>) -> StoreFuture<'_, Vec<Guarded>> {
        self.inner.note(notes)
    }

    fn steps(&self, job: JobId) -> StoreFuture<'_, Vec<Step>> {
        self.inner.steps(job)
    }

    fn rescue(&self, rescue: Rescue) -> StoreFuture<'_, Rescued> {
        self.inner.rescue(rescue)
    }

    fn prune(&self, pruning: Pruning) -> StoreFuture<'_, usize> {
        self.inner.prune(pruning)
    }

    fn batches(&self, awaiting: Vec<JobId>) -> StoreFuture<'_, Vec<Option<BatchCounts>>> {
        self.inner.batches(awaiting)
    }

    fn look(&self, ids: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobView>>> {
        self.inner.look(ids)
    }

    fn list(&self, filter: Filter) -> StoreFuture<'_, Vec<JobView>> {
        self.inner.list(filter)
    }

    fn counts(&self, at_most: u64) -> StoreFuture<'_, Vec<QueueCount>> {
        self.inner.counts(at_most)
    }

    fn change(&self, changes: Vec<ByHand>) -> StoreFuture<'_, Vec<Changed>> {
        self.inner.change(changes)
    }

    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }

    fn hints(&self) -> &Hints {
        self.inner.hints()
    }

    fn changed_elsewhere(&self) -> Elsewhere {
        self.inner.changed_elsewhere()
    }
}
