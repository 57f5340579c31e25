//! Do changes by hand keep the rules?

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, held};
use crate::store::{ByHand, Changed, Renewal, Rescue};
use crate::{JobId, JobState};

async fn change(stage: &Stage, change: ByHand) -> Changed {
    stage
        .store
        .change(vec![change])
        .await
        .expect("the change is answered")[0]
}

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
    assert_eq!(change(&stage, ByHand::Retry(id)).await, Changed::Done);
    assert_eq!(stage.look(id).await.crashes, 0);
    assert_eq!(stage.claim_one(LONG).await.attempt, 1);
    let running = change(&stage, ByHand::Retry(id)).await;
    assert_eq!(running, Changed::Not(JobState::Running));
    let unknown = ByHand::Retry(stage.jobs.next_id());
    assert_eq!(change(&stage, unknown).await, Changed::Missing);
}

pub(super) async fn a_ready_job_is_cancelled_and_a_running_one_is_asked(stage: Stage) {
    let id = stage.insert_kind("a").await;
    assert_eq!(change(&stage, ByHand::Cancel(id)).await, Changed::Done);
    assert_eq!(stage.look(id).await.state, JobState::Cancelled);
    stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(change(&stage, ByHand::Cancel(job.id)).await, Changed::Asked);
    let renewed = stage.store.renew(vec![held(&job)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::CancelAsked]));
}

pub(super) async fn a_deleted_job_is_gone_and_a_running_one_is_not_deleted(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let refused = change(&stage, ByHand::Delete(job.id)).await;
    assert_eq!(refused, Changed::Not(JobState::Running));
    let _ = stage.settle(held(&job), super::stage::completed()).await;
    assert_eq!(change(&stage, ByHand::Delete(id)).await, Changed::Done);
    assert_eq!(
        stage
            .store
            .look(vec![id])
            .await
            .map(|views| views[0].is_none()),
        Ok(true)
    );
}
