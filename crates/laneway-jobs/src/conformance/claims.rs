//! Does a claim take what it may, and nothing else?

use std::time::Duration;

use laneway::Priority;
use laneway::time::sleep;

use super::stage::{LONG, Stage, completed, held};
use crate::JobState;
use crate::store::{ByHand, Changed, ClaimOrder, Due};

pub(super) async fn the_fence_grows(stage: Stage) {
    let mut before = None;
    for _ in 0..3 {
        stage.insert_kind("a").await;
        let job = stage.claim_one(LONG).await;
        assert!(Some(job.fence) > before, "{:?} after {before:?}", job.fence);
        before = Some(job.fence);
        let _ = stage.settle(held(&job), completed()).await;
    }
}

pub(super) async fn a_claim_takes_no_more_than_its_limit_in_order(stage: Stage) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(stage.insert_kind("a").await);
    }
    let first = stage.claim(stage.wish(3, LONG)).await;
    assert_eq!(
        first.jobs.iter().map(|job| job.id).collect::<Vec<_>>(),
        ids[..3]
    );
    assert_eq!(first.next, Some(Duration::ZERO), "more is due");
    assert!(first.jobs.iter().all(|job| job.attempt == 1));
    let second = stage.claim(stage.wish(3, LONG)).await;
    assert_eq!(
        second.jobs.iter().map(|job| job.id).collect::<Vec<_>>(),
        ids[3..]
    );
    assert_eq!(stage.look(ids[0]).await.state, JobState::Running);
}

pub(super) async fn high_comes_before_low_and_low_first_turns_it_round(stage: Stage) {
    for lane in [Priority::Low, Priority::High, Priority::Low, Priority::High] {
        let mut job = stage.job("a");
        job.lane = lane;
        let _ = stage.insert(job).await;
    }
    let first = stage.claim(stage.wish(1, LONG)).await;
    assert_eq!(first.jobs[0].lane, Priority::High);
    let mut wish = stage.wish(1, LONG);
    wish.order = ClaimOrder::LowFirst;
    assert_eq!(stage.claim(wish).await.jobs[0].lane, Priority::Low);
    let rest = stage.claim(stage.wish(9, LONG)).await.jobs;
    let lanes: Vec<_> = rest.iter().map(|job| job.lane).collect();
    assert_eq!(lanes, [Priority::High, Priority::Low]);
}

pub(super) async fn an_unknown_kind_is_not_claimed(stage: Stage) {
    let unknown = stage.insert_kind("unknown").await;
    let known = stage.insert_kind("b").await;
    assert_eq!(stage.claim_one(LONG).await.id, known);
    assert_eq!(stage.look(unknown).await.state, JobState::Ready);
}

pub(super) async fn a_job_of_the_future_is_not_claimed_and_next_tells_when(stage: Stage) {
    let mut job = stage.job("a");
    job.due = Due::In(Duration::from_millis(500));
    let _ = stage.insert(job).await;
    let claimed = stage.claim(stage.wish(1, LONG)).await;
    assert!(claimed.jobs.is_empty());
    let next = claimed.next.expect("it knows of the job");
    assert!(next <= Duration::from_millis(500), "{next:?}");
    sleep(next + Duration::from_millis(1)).await;
    stage.claim_one(LONG).await;
}

pub(super) async fn a_paused_queue_gives_nothing_until_it_is_resumed(stage: Stage) {
    stage.insert_kind("a").await;
    let pause = ByHand::Pause("default".to_owned());
    assert_eq!(
        stage.store.change(vec![pause]).await,
        Ok(vec![Changed::Done])
    );
    let claimed = stage.claim(stage.wish(1, LONG)).await;
    assert!(
        claimed.jobs.is_empty() && claimed.next.is_none(),
        "{claimed:?}"
    );
    let resume = ByHand::Resume("default".to_owned());
    assert_eq!(
        stage.store.change(vec![resume]).await,
        Ok(vec![Changed::Done])
    );
    stage.claim_one(LONG).await;
}

pub(super) async fn an_empty_store_knows_no_next(stage: Stage) {
    let claimed = stage.claim(stage.wish(64, LONG)).await;
    assert!(claimed.jobs.is_empty());
    assert_eq!((claimed.next, claimed.suspect), (None, None));
}

/// So that a high job waits for one claim at most, whichever lane it begins with.
pub(super) async fn low_first_leaves_half_of_its_places_to_high(stage: Stage) {
    let mut low = Vec::new();
    for _ in 0..8 {
        low.push(stage.insert_kind("a").await);
    }
    let mut urgent = stage.job("a");
    urgent.lane = Priority::High;
    let urgent = stage.insert(urgent).await.id();
    let mut wish = stage.wish(5, LONG);
    wish.order = ClaimOrder::LowFirst;
    let claimed: Vec<_> = stage
        .claim(wish)
        .await
        .jobs
        .iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(
        claimed,
        [low[0], low[1], low[2], low[3], urgent],
        "it is full"
    );
    let rest: Vec<_> = stage
        .claim(stage.wish(9, LONG))
        .await
        .jobs
        .iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(rest, low[4..]);
}
