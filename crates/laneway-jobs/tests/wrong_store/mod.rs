//! A store that is right but for one mistake.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::*;
use laneway_jobs::{JobId, JobState};

/// A mistake: the operations that are made in another way than the store makes them.
pub(crate) trait Mistake: fmt::Debug + Send + Sync + 'static {
    fn insert<'s>(
        &'s self,
        store: &'s SqliteStore,
        jobs: Vec<NewJob>,
    ) -> StoreFuture<'s, Vec<Enqueued>> {
        store.insert(jobs)
    }

    fn claim<'s>(&'s self, store: &'s SqliteStore, claim: Claim) -> StoreFuture<'s, Claimed> {
        store.claim(claim)
    }

    fn fire<'s>(
        &'s self,
        store: &'s SqliteStore,
        firings: Vec<Firing>,
    ) -> StoreFuture<'s, Vec<Fired>> {
        store.fire(firings)
    }
}

/// The store with the mistake.
#[derive(Debug)]
pub(crate) struct Wrong<M>(pub(crate) SqliteStore, pub(crate) M);

/// Hands an operation on as it is.
macro_rules! as_it_is {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> StoreFuture<'_, $answer> {
            self.0.$name($($argument),*)
        })*
    };
}

impl<M: Mistake> ScheduleStore for Wrong<M> {
    as_it_is! {
        schedules(wanted: WantedSchedules) -> SchedulesNow;
        change_schedules(changes: Vec<ScheduleChange>) -> Vec<ScheduleChanged>;
    }

    fn fire(&self, firings: Vec<Firing>) -> StoreFuture<'_, Vec<Fired>> {
        self.1.fire(&self.0, firings)
    }
}

impl<M: Mistake> ViewStore for Wrong<M> {
    as_it_is! {
        queues() -> QueuesNow;
        search(searches: Vec<JobSearch>) -> Vec<JobPage>;
        unfinished(kind: String, unique_key: String) -> Option<(JobId, JobState)>;
        stories(jobs: Vec<JobId>) -> Vec<Option<JobStory>>;
        failed_attempts(newest: usize) -> Vec<FailedAttempt>;
        leases(at_most: usize) -> Vec<LeaseView>;
        activity(wanted: ActivityWanted) -> Activity;
    }
}

impl<M: Mistake> Store for Wrong<M> {
    as_it_is! {
        claimed_by(claim: ClaimId, lease: Duration) -> Vec<ClaimedJob>;
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

    fn insert(&self, jobs: Vec<NewJob>) -> StoreFuture<'_, Vec<Enqueued>> {
        self.1.insert(&self.0, jobs)
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Claimed> {
        self.1.claim(&self.0, claim)
    }

    fn insert_and_claim(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> StoreFuture<'_, (Vec<Enqueued>, Claimed)> {
        Box::pin(async move {
            let enqueued = self.insert(jobs).await?;
            Ok((enqueued, self.claim(claim).await?))
        })
    }

    fn as_any(&self) -> &dyn Any {
        self.0.as_any()
    }

    fn hints(&self) -> &Hints {
        self.0.hints()
    }

    fn changed_elsewhere(&self) -> Elsewhere {
        self.0.changed_elsewhere()
    }
}
