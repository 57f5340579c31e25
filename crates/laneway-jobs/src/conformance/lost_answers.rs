//! Is a claim whose answer was lost answered again, and its jobs charged nothing?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::Handle;
use laneway::time::sleep;
use serde::{Deserialize, Serialize};

use super::losing::{Fate, Losing};
use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::lock::unpoisoned;
use crate::store::{Claim, ClaimId, ClaimedJob, Guarded, Held, Whom};
use crate::{Job, JobError, JobId, JobState, Limit, Worker, WorkerHandle};

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "a";
}

/// How often each job ran.
type Runs = Arc<Mutex<BTreeMap<u32, u32>>>;

fn counting(stage: &Stage, runs: &Runs) -> WorkerHandle {
    let runs = runs.clone();
    let worker = Worker::new(&stage.jobs).queue("default", Limit::in_flight(4));
    let worker = worker
        .lease(Duration::from_secs(3))
        .handle(move |Numbered(n), _| {
            *unpoisoned(runs.lock()).entry(n).or_default() += 1;
            async { Ok::<_, JobError>(()) }
        });
    worker
        .start(&Handle::current())
        .expect("the worker is set up")
}

fn losing(stage: &Stage, fate: Fate) -> Stage {
    Stage::new(Losing::new(stage.store.clone(), fate))
}

/// Two workers lose answers of this kind; each job runs once, and is charged that attempt alone.
async fn runs_once(stage: Stage, fate: Fate) {
    let (stage, runs) = (losing(&stage, fate), Runs::default());
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(
            stage
                .jobs
                .enqueue(Numbered(n))
                .await
                .expect("it is enqueued")
                .id(),
        );
    }
    let workers = [counting(&stage, &runs), counting(&stage, &runs)];
    for id in ids {
        assert_eq!(stage.jobs.wait::<()>(id).await, Ok(()));
        let view = stage.look(id).await;
        assert_eq!((view.attempt, view.crashes), (1, 0));
    }
    for worker in workers {
        let report = worker.shutdown(Duration::from_secs(5)).await;
        assert!(report.is_clean() && report.leases_lost == 0, "{report}");
    }
    let runs = unpoisoned(runs.lock());
    assert!(
        runs.len() == 20 && runs.values().all(|&runs| runs == 1),
        "{runs:?}"
    );
}

async fn ask_again(stage: &Stage, claim: ClaimId, lease: Duration) -> Vec<ClaimedJob> {
    let answer = stage.store.claimed_by(claim, lease).await;
    answer.expect("the question is answered")
}

/// A claim, and the jobs that it took.
async fn claimed(stage: &Stage, wish: Claim) -> (ClaimId, Vec<ClaimedJob>) {
    let id = wish.id;
    (id, stage.claim(wish).await.jobs)
}

fn all_held(jobs: &[ClaimedJob]) -> Vec<Held> {
    jobs.iter().map(held).collect()
}

async fn insert_some(stage: &Stage) -> Vec<JobId> {
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.insert_kind("a").await);
    }
    ids
}

pub(super) async fn a_claim_is_answered_again_and_charges_nothing(stage: Stage) {
    insert_some(&stage).await;
    let (claim, jobs) = claimed(&stage, stage.wish(2, LONG)).await;
    for _ in 0..3 {
        let again = ask_again(&stage, claim, LONG).await;
        assert_eq!(
            all_held(&again),
            all_held(&jobs),
            "the same, and no further ones"
        );
        assert!(again.iter().all(|job| (job.attempt, job.crashes) == (1, 0)));
        assert_eq!(again[0].payload, jobs[0].payload);
    }
    for job in &jobs {
        assert_eq!(stage.settle(held(job), completed()).await, Guarded::Held);
    }
}

pub(super) async fn a_claim_that_was_never_made_has_no_jobs_and_takes_none(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let never = stage.wish(1, LONG).id;
    assert!(ask_again(&stage, never, LONG).await.is_empty());
    assert_eq!(stage.look(id).await.state, JobState::Ready);
}

pub(super) async fn each_claim_has_its_own_jobs(stage: Stage) {
    insert_some(&stage).await;
    let (first, _) = claimed(&stage, stage.wish(2, LONG)).await;
    let (second, jobs) = claimed(&stage, stage.wish(2, LONG)).await;
    assert_eq!(jobs.len(), 1, "the first claim has the others");
    assert_eq!(
        all_held(&ask_again(&stage, second, LONG).await),
        all_held(&jobs)
    );
    assert_eq!(ask_again(&stage, first, LONG).await.len(), 2);
}

pub(super) async fn a_job_that_was_settled_or_claimed_since_is_not_answered(stage: Stage) {
    insert_some(&stage).await;
    let (first, jobs) = claimed(&stage, stage.wish(3, LONG)).await;
    assert_eq!(
        stage.settle(held(&jobs[0]), completed()).await,
        Guarded::Held
    );
    let returned = crate::store::Outcome::Returned;
    assert_eq!(stage.settle(held(&jobs[1]), returned).await, Guarded::Held);
    let (second, taken) = claimed(&stage, stage.wish(3, LONG)).await;
    assert_eq!(taken[0].id, jobs[1].id);
    let again = ask_again(&stage, first, LONG).await;
    assert_eq!(all_held(&again), [held(&jobs[2])]);
    assert_eq!(
        all_held(&ask_again(&stage, second, LONG).await),
        all_held(&taken)
    );
}

pub(super) async fn the_answer_has_a_lease_of_its_own(stage: Stage) {
    stage.insert_kind("a").await;
    let (claim, jobs) = claimed(&stage, stage.wish(1, SHORT)).await;
    assert_eq!(ask_again(&stage, claim, LONG).await.len(), 1);
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await, Default::default());
    assert_eq!(
        stage.settle(held(&jobs[0]), completed()).await,
        Guarded::Held
    );
}

/// The asker lives and has not begun the job, so that its end of the lease was no crash.
pub(super) async fn a_lease_that_has_ended_goes_on_where_no_rescue_came(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let (claim, jobs) = claimed(&stage, stage.wish(1, SHORT)).await;
    sleep(LONGER).await;
    assert_eq!(
        all_held(&ask_again(&stage, claim, LONG).await),
        all_held(&jobs)
    );
    assert_eq!(stage.rescue(at_once()).await, Default::default());
    assert_eq!(stage.look(id).await.crashes, 0);
}

pub(super) async fn a_job_that_was_rescued_is_not_answered(stage: Stage) {
    stage.insert_kind("a").await;
    let (claim, _) = claimed(&stage, stage.wish(1, SHORT)).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert!(ask_again(&stage, claim, LONG).await.is_empty());
    let mut wish = stage.wish(1, LONG);
    wish.whom = Whom::Suspects;
    let (next, taken) = claimed(&stage, wish).await;
    assert!(ask_again(&stage, claim, LONG).await.is_empty());
    assert_eq!(
        all_held(&ask_again(&stage, next, LONG).await),
        all_held(&taken)
    );
}

pub(super) async fn workers_run_each_job_once_where_claims_are_lost_before_the_commit(
    stage: Stage,
) {
    runs_once(stage, Fate::Lost).await;
}

pub(super) async fn workers_run_each_job_once_where_claims_are_lost_after_the_commit(stage: Stage) {
    runs_once(stage, Fate::Made).await;
}

pub(super) async fn a_claim_that_is_made_after_the_question_goes_back_without_charge(stage: Stage) {
    runs_once(stage, Fate::Late).await;
}

pub(super) async fn a_shutdown_returns_the_jobs_of_a_claim_whose_answer_was_lost(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let store = Losing::new(stage.store.clone(), Fate::Made).silent(1);
    let worker = counting(&Stage::new(store), &Runs::default());
    while stage.look(id).await.state == JobState::Ready {
        sleep(Duration::from_millis(1)).await;
    }
    let report = worker.shutdown(Duration::ZERO).await;
    assert_eq!((report.finished, report.returned), (0, 1), "{report}");
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.attempt, view.crashes),
        (JobState::Ready, 0, 0)
    );
}
