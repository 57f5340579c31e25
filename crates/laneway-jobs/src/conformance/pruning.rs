//! Does pruning delete what it may, and nothing else?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, completed, failed, held};
use crate::JobId;
use crate::store::{ByHand, Outcome, Pruning};

async fn prune(stage: &Stage, pruning: Pruning) -> usize {
    let pruned = stage.store.prune(pruning).await;
    pruned.expect("the pruning is answered")
}

async fn ids(stage: &Stage) -> Vec<JobId> {
    let mut ids: Vec<JobId> = stage.all().await.iter().map(|view| view.id).collect();
    ids.reverse();
    ids
}

async fn settled(stage: &Stage, outcome: Outcome) -> JobId {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), outcome).await;
    id
}

pub(super) async fn only_settled_jobs_that_are_old_enough_are_deleted(stage: Stage) {
    let _done = settled(&stage, completed()).await;
    let failed = settled(&stage, failed()).await;
    let cancelled = stage.insert_kind("a").await;
    let cancel = stage.store.change(vec![ByHand::Cancel(cancelled)]).await;
    cancel.expect("the change is answered");
    let running = stage.insert_kind("a").await;
    stage.claim_one(LONG).await;
    let ready = stage.insert_kind("a").await;
    let pruning = |done_after, failed_after| Pruning {
        done_after,
        failed_after,
        ..Pruning::default()
    };
    assert_eq!(
        prune(&stage, pruning(LONG, LONG)).await,
        0,
        "none is old enough"
    );
    sleep(LONGER).await;
    assert_eq!(
        prune(&stage, pruning(SHORT, LONG)).await,
        2,
        "done and cancelled"
    );
    assert_eq!(ids(&stage).await, [failed, running, ready]);
    assert_eq!(prune(&stage, pruning(LONG, SHORT)).await, 1, "failed");
    sleep(LONGER).await;
    assert_eq!(
        prune(&stage, pruning(Duration::ZERO, Duration::ZERO)).await,
        0
    );
    assert_eq!(ids(&stage).await, [running, ready]);
}

pub(super) async fn no_more_are_deleted_at_a_time_than_was_asked_for(stage: Stage) {
    for _ in 0..5 {
        settled(&stage, completed()).await;
    }
    sleep(LONGER).await;
    let pruning = Pruning {
        done_after: SHORT,
        limit: 3,
        ..Pruning::default()
    };
    for deleted in [3, 2, 0] {
        assert_eq!(prune(&stage, pruning).await, deleted);
    }
}
