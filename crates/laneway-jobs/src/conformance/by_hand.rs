//! Do changes by hand keep the rules?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::store::{ByHand, Changed, Guarded, Held, Outcome, Renewal, Rescue};
use crate::{JobId, JobState};

async fn quarantined(stage: &Stage) -> JobId {
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let first = Rescue {
        max_crashes: 1,
        ..at_once()
    };
    assert_eq!(stage.rescue(first).await.quarantined, 1);
    id
}

pub(super) async fn a_quarantined_job_runs_again_by_hand(stage: Stage) {
    let id = quarantined(&stage).await;
    assert_eq!(stage.change(ByHand::Retry(id)).await, Changed::Done);
    assert_eq!(stage.look(id).await.crashes, 0);
    assert_eq!(stage.claim_one(LONG).await.attempt, 1);
    let running = stage.change(ByHand::Retry(id)).await;
    assert_eq!(running, Changed::Not(JobState::Running));
    let unknown = ByHand::Retry(stage.jobs.next_id());
    assert_eq!(stage.change(unknown).await, Changed::Missing);
}

pub(super) async fn a_ready_job_is_cancelled_and_a_running_one_is_asked(stage: Stage) {
    let id = stage.insert_kind("a").await;
    assert_eq!(stage.change(ByHand::Cancel(id)).await, Changed::Done);
    assert_eq!(stage.look(id).await.state, JobState::Cancelled);
    stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.change(ByHand::Cancel(job.id)).await, Changed::Asked);
    let renewed = stage.store.renew(vec![held(&job)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::CancelAsked]));
}

/// A job that runs and has been asked to stop.
async fn asked_to_stop(stage: &Stage, lease: Duration) -> Held {
    stage.insert_kind("a").await;
    let job = stage.claim_one(lease).await;
    assert_eq!(stage.change(ByHand::Cancel(job.id)).await, Changed::Asked);
    held(&job)
}

pub(super) async fn a_job_that_was_asked_to_stop_does_not_run_again(stage: Stage) {
    let error = || "it stopped".to_owned();
    let retry = Outcome::Retry {
        after: Duration::ZERO,
        error: error(),
    };
    for (outcome, state) in [
        (retry, JobState::Cancelled),
        (Outcome::Snoozed(Duration::ZERO), JobState::Cancelled),
        (Outcome::Returned, JobState::Cancelled),
        (Outcome::Failed { error: error() }, JobState::Failed),
        (completed(), JobState::Done),
    ] {
        let held = asked_to_stop(&stage, LONG).await;
        for _sent in 0..2 {
            let answer = stage.settle(held, outcome.clone()).await;
            assert_eq!(answer, Guarded::Held, "{outcome:?}");
        }
        let view = stage.look(held.id).await;
        assert_eq!(view.state, state, "{outcome:?}");
        assert!(view.finished_at.is_some(), "{outcome:?}");
        assert!(stage.claim(stage.wish(1, LONG)).await.jobs.is_empty());
    }
}

pub(super) async fn a_job_that_was_asked_to_stop_ends_with_its_worker(stage: Stage) {
    let held = asked_to_stop(&stage, SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 0);
    let view = stage.look(held.id).await;
    assert_eq!(view.state, JobState::Cancelled);
    assert!(view.finished_at.is_some());
    assert_eq!(stage.change(ByHand::Retry(held.id)).await, Changed::Done);
    let again = stage.claim_one(LONG).await;
    let renewed = stage.store.renew(vec![self::held(&again)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::Renewed]), "it is not asked again");
}

pub(super) async fn a_deleted_job_is_gone_and_a_running_one_is_not_deleted(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let refused = stage.change(ByHand::Delete(job.id)).await;
    assert_eq!(refused, Changed::Not(JobState::Running));
    let _ = stage.settle(held(&job), completed()).await;
    assert_eq!(stage.change(ByHand::Delete(id)).await, Changed::Done);
    assert_eq!(
        stage
            .store
            .look(vec![id])
            .await
            .map(|views| views[0].is_none()),
        Ok(true)
    );
}
