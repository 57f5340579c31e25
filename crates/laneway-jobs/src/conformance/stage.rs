//! What a case is given: a fresh store, and short ways to what it does with one.

use std::sync::Arc;
use std::time::Duration;

use laneway::{Handle, Priority};

use crate::jobs::Jobs;
use crate::store::{
    Bounds, ByHand, Changed, Claim, ClaimId, ClaimOrder, Claimed, ClaimedJob, Due, Enqueued,
    Guarded, Held, JobSearch, JobView, KeyRound, LIST_LIMIT, NewJob, Outcome, Rescue, Rescued,
    Settlement, Store, Whom,
};
use crate::{JobId, Worker, WorkerHandle};

/// A lease that no case outlives.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// A lease that cases let end.
pub(super) const SHORT: Duration = Duration::from_millis(20);
/// Longer than [`SHORT`].
pub(super) const LONGER: Duration = Duration::from_millis(30);

/// A fresh store.
#[derive(Clone, Debug)]
pub struct Stage {
    pub(super) store: Arc<dyn Store>,
    pub(super) jobs: Jobs,
}

impl Stage {
    /// A stage with this store, which holds nothing yet.
    pub fn new(store: impl Store) -> Stage {
        let store: Arc<dyn Store> = Arc::new(store);
        let jobs = Jobs::shared(store.clone());
        Stage { store, jobs }
    }

    pub(crate) fn job(&self, kind: &str) -> NewJob {
        NewJob {
            id: self.jobs.next_id(),
            kind: kind.to_owned(),
            old_kinds: &[],
            queue: "default".to_owned(),
            lane: Priority::Low,
            due: Due::Now,
            max_attempts: 20,
            timeout: None,
            expires_after: None,
            unique: None,
            limit_key: None,
            parent: None,
            awaits: None,
            awaited_by: None,
            payload: b"null".to_vec(),
        }
    }

    pub(super) async fn insert(&self, job: NewJob) -> Enqueued {
        self.store
            .insert(vec![job])
            .await
            .expect("the insert is taken")[0]
    }

    pub(super) async fn insert_kind(&self, kind: &str) -> JobId {
        self.insert(self.job(kind)).await.id()
    }

    pub(super) fn wish(&self, limit: usize, lease: Duration) -> Claim {
        Claim {
            id: ClaimId::new(self.jobs.next_id()),
            queue: "default".to_owned(),
            kinds: vec!["a".to_owned(), "b".to_owned()],
            limit,
            order: ClaimOrder::HighFirst,
            whom: Whom::Innocents,
            lease,
            worker: "the case".to_owned(),
            bounds: Bounds::default(),
            round: KeyRound::default(),
        }
    }

    pub(super) async fn claim(&self, claim: Claim) -> Claimed {
        self.store
            .claim(claim)
            .await
            .expect("the claim is answered")
    }

    /// Claims the one job that is due.
    pub(super) async fn claim_one(&self, lease: Duration) -> ClaimedJob {
        let mut jobs = self.claim(self.wish(2, lease)).await.jobs;
        assert_eq!(jobs.len(), 1, "one job is due");
        jobs.remove(0)
    }

    pub(super) async fn settle(&self, held: Held, outcome: Outcome) -> Guarded {
        let settlement = Settlement { held, outcome };
        self.store
            .settle(vec![settlement])
            .await
            .expect("the settlement is answered")[0]
    }

    pub(super) async fn rescue(&self, rescue: Rescue) -> Rescued {
        self.store
            .rescue(rescue)
            .await
            .expect("the rescue is answered")
    }

    /// Claims a job that a worker was lost with.
    pub(super) async fn claim_suspect(&self, lease: Duration) -> Option<ClaimedJob> {
        let suspect = Claim {
            whom: Whom::Suspects,
            ..self.wish(9, lease)
        };
        self.claim(suspect).await.jobs.pop()
    }

    pub(super) async fn change(&self, change: ByHand) -> Changed {
        let changed = self.store.change(vec![change]).await;
        changed.expect("the change is answered")[0]
    }

    /// Makes a change, which its job allows.
    pub(super) async fn by_hand(&self, change: ByHand) {
        assert_eq!(
            self.change(change.clone()).await,
            Changed::Done,
            "{change:?}"
        );
    }

    /// All jobs, the newest first.
    pub(super) async fn all(&self) -> Vec<JobView> {
        let all = JobSearch {
            limit: LIST_LIMIT,
            ..JobSearch::default()
        };
        let page = self.jobs.search(all).await;
        page.expect("the search is answered").jobs
    }

    pub(super) async fn look(&self, id: JobId) -> JobView {
        let mut views = self
            .store
            .look(vec![id])
            .await
            .expect("the look is answered");
        views.pop().flatten().expect("the job is there")
    }
}

/// A rescue without backoff.
pub(super) fn at_once() -> Rescue {
    Rescue {
        backoff: Duration::ZERO,
        ..Rescue::default()
    }
}

pub(super) fn held(job: &ClaimedJob) -> Held {
    job.held()
}

pub(super) fn start(worker: Worker) -> WorkerHandle {
    let started = worker.start(&Handle::current());
    started.expect("the worker is set up")
}

pub(super) fn failed() -> Outcome {
    Outcome::Failed {
        error: "no".to_owned(),
    }
}

pub(super) fn retry(after: Duration) -> Outcome {
    Outcome::Retry {
        after,
        error: "no".to_owned(),
    }
}

pub(super) fn completed() -> Outcome {
    Outcome::Completed(b"1".to_vec())
}
