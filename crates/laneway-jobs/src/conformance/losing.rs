//! A store that loses answers of claims, as a broken connection does.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lock::unpoisoned;
use crate::store::{
    Activity, ActivityWanted, BatchCounts, ByHand, Changed, Claim, ClaimId, Claimed, ClaimedJob,
    Elsewhere, Enqueued, FailedAttempt, Fired, Firing, Guarded, Held, Hints, JobPage, JobSearch,
    JobStory, JobView, LeaseView, NewJob, Note, Pruning, QueueCount, QueuesNow, Renewal, Rescue,
    Rescued, ScheduleChange, ScheduleChanged, ScheduleStore, SchedulesNow, Settlement, Step, Store,
    StoreError, StoreFuture, ViewStore, WantedSchedules,
};
use crate::{JobId, JobState};

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

/// Operations that are the inner store's.
macro_rules! as_they_are {
    ($($name:ident($($value:ident: $type:ty),*) -> $answer:ty;)+) => {
        $(fn $name(&self, $($value: $type),*) -> StoreFuture<'_, $answer> {
            self.inner.$name($($value),*)
        })+
    };
}

impl ScheduleStore for Losing {
    as_they_are! {
        schedules(wanted: WantedSchedules) -> SchedulesNow;
        change_schedules(changes: Vec<ScheduleChange>) -> Vec<ScheduleChanged>;
        fire(firings: Vec<Firing>) -> Vec<Fired>;
    }
}

impl ViewStore for Losing {
    as_they_are! {
        queues() -> QueuesNow;
        search(searches: Vec<JobSearch>) -> Vec<JobPage>;
        unfinished(kind: String, unique_key: String) -> Option<(JobId, JobState)>;
        stories(jobs: Vec<JobId>) -> Vec<Option<JobStory>>;
        failed_attempts(newest: usize) -> Vec<FailedAttempt>;
        leases(at_most: usize) -> Vec<LeaseView>;
        activity(wanted: ActivityWanted) -> Activity;
    }
}

impl Store for Losing {
    as_they_are! {
        insert(jobs: Vec<NewJob>) -> Vec<Enqueued>;
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

    as_they_are! {
        settle(settlements: Vec<Settlement>) -> Vec<Guarded>;
        renew(held: Vec<Held>, lease: Duration) -> Vec<Renewal>;
        note(notes: Vec<Note>) -> Vec<Guarded>;
        steps(job: JobId) -> Vec<Step>;
        rescue(rescue: Rescue) -> Rescued;
        prune(pruning: Pruning) -> usize;
        batches(awaiting: Vec<JobId>) -> Vec<Option<BatchCounts>>;
        look(ids: Vec<JobId>) -> Vec<Option<JobView>>;
        counts(at_most: u64) -> Vec<QueueCount>;
        change(changes: Vec<ByHand>) -> Vec<Changed>;
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
