//! Does a link of a chain run when the one before it is done, and only then?

use super::stage::{LONG, Stage, completed, failed, held};
use crate::store::{ByHand, ClaimedJob, Guarded, IfExists, Outcome};
use crate::{EnqueueError, Job, JobId, JobState};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Link(u32);

impl Job for Link {
    const KIND: &'static str = "a";
}

async fn chain(stage: &Stage, links: u32) -> Vec<JobId> {
    let links = (0..links).map(|n| stage.jobs.enqueue(Link(n)));
    let ids = stage.jobs.enqueue_chain(links).await;
    ids.expect("it is enqueued")
}

async fn claim(stage: &Stage) -> Vec<ClaimedJob> {
    stage.claim(stage.wish(9, LONG)).await.jobs
}

async fn end_one(stage: &Stage, expected: JobId, outcome: Outcome) {
    let jobs = claim(stage).await;
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    assert_eq!(ids, [expected], "one link at a time");
    assert_eq!(stage.settle(held(&jobs[0]), outcome).await, Guarded::Held);
}

async fn states(stage: &Stage, ids: &[JobId]) -> Vec<JobState> {
    let mut states = Vec::new();
    for &id in ids {
        states.push(stage.look(id).await.state);
    }
    states
}

pub(super) async fn links_run_one_after_the_other(stage: Stage) {
    let ids = chain(&stage, 3).await;
    for &id in &ids {
        end_one(&stage, id, completed()).await;
    }
    assert!(claim(&stage).await.is_empty());
}

pub(super) async fn a_link_that_fails_cancels_those_behind_it(stage: Stage) {
    let ids = chain(&stage, 4).await;
    end_one(&stage, ids[0], completed()).await;
    end_one(&stage, ids[1], failed()).await;
    let expected = [
        JobState::Done,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Cancelled,
    ];
    assert_eq!(states(&stage, &ids).await, expected);
    let error = stage.look(ids[3]).await.error.unwrap_or_default();
    assert!(error.contains("a job before it"), "{error}");
    assert!(claim(&stage).await.is_empty());
}

pub(super) async fn a_link_that_is_retried_by_hand_brings_back_those_behind_it(stage: Stage) {
    let ids = chain(&stage, 3).await;
    end_one(&stage, ids[0], failed()).await;
    stage.by_hand(ByHand::Retry(ids[0])).await;
    assert_eq!(states(&stage, &ids).await, [JobState::Ready; 3]);
    for &id in &ids {
        end_one(&stage, id, completed()).await;
    }
    assert!(claim(&stage).await.is_empty());
}

pub(super) async fn a_link_that_was_cancelled_by_hand_is_not_brought_back(stage: Stage) {
    let ids = chain(&stage, 3).await;
    stage.by_hand(ByHand::Cancel(ids[1])).await;
    assert_eq!(stage.look(ids[2]).await.state, JobState::Cancelled);
    end_one(&stage, ids[0], failed()).await;
    stage.by_hand(ByHand::Retry(ids[0])).await;
    end_one(&stage, ids[0], completed()).await;
    assert!(claim(&stage).await.is_empty());
    stage.by_hand(ByHand::Retry(ids[1])).await;
    end_one(&stage, ids[1], completed()).await;
    end_one(&stage, ids[2], completed()).await;
}

pub(super) async fn a_cancelled_link_that_is_retried_runs_without_the_one_before_it(stage: Stage) {
    let ids = chain(&stage, 3).await;
    end_one(&stage, ids[0], failed()).await;
    stage.by_hand(ByHand::Retry(ids[1])).await;
    end_one(&stage, ids[1], completed()).await;
    stage.by_hand(ByHand::Retry(ids[0])).await;
    let mut both: Vec<JobId> = claim(&stage).await.iter().map(|job| job.id).collect();
    both.sort();
    assert_eq!(both, [ids[0], ids[2]]);
}

pub(super) async fn a_link_that_is_deleted_cancels_those_behind_it(stage: Stage) {
    let ids = chain(&stage, 3).await;
    stage.by_hand(ByHand::Delete(ids[0])).await;
    assert_eq!(states(&stage, &ids[1..]).await, [JobState::Cancelled; 2]);
}

pub(super) async fn a_child_of_a_link_holds_up_the_next_one(stage: Stage) {
    let ids = chain(&stage, 2).await;
    let first = claim(&stage).await.remove(0);
    assert_eq!(first.awaited_by, Some(ids[1]));
    let mut child = stage.job("a");
    child.awaited_by = first.awaited_by;
    let child = stage.insert(child).await.id();
    assert_eq!(stage.settle(held(&first), completed()).await, Guarded::Held);
    end_one(&stage, child, completed()).await;
    end_one(&stage, ids[1], completed()).await;
}

pub(super) async fn the_end_of_a_long_chain_is_cancelled_and_brought_back(stage: Stage) {
    let ids = chain(&stage, 3_000).await;
    end_one(&stage, ids[0], failed()).await;
    let last = ids[ids.len() - 1];
    assert_eq!(stage.look(last).await.state, JobState::Cancelled);
    stage.by_hand(ByHand::Retry(ids[0])).await;
    assert_eq!(stage.look(last).await.state, JobState::Ready);
    end_one(&stage, ids[0], completed()).await;
    end_one(&stage, ids[1], completed()).await;
}

pub(super) async fn links_cannot_be_unique(stage: Stage) {
    let link = stage.jobs.enqueue(Link(0)).unique("key", IfExists::Keep);
    let refused = stage.jobs.enqueue_chain([link]).await;
    assert_eq!(refused, Err(EnqueueError::WaitingUnique));
    assert_eq!(stage.jobs.enqueue_chain([]).await, Ok(Vec::new()));
}

/// It is settled while it is cancelled, and not at all once it waits again.
pub(super) async fn a_link_that_waits_again_is_as_it_was(stage: Stage) {
    let links = chain(&stage, 2).await;
    end_one(&stage, links[0], failed()).await;
    let cancelled = stage.look(links[1]).await;
    assert!(cancelled.finished_at.is_some() && cancelled.error.is_some());
    stage.by_hand(ByHand::Retry(links[0])).await;
    let waits = stage.look(links[1]).await;
    assert_eq!(waits.state, JobState::Ready);
    assert_eq!((waits.finished_at, waits.error), (None, None));
}
