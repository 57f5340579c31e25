//! Is a claim whose answer was lost answered again, and its jobs charged nothing?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::store::{Claim, ClaimId, ClaimedJob, Guarded, Held, Whom};
use crate::{JobId, JobState};

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
