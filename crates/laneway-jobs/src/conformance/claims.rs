//! Does a claim take what it may, and nothing else?

use std::time::Duration;

use laneway::Priority;
use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::store::{Awaits, ByHand, Changed, ClaimOrder, Due, NewJob, Rescue};
use crate::{JobId, JobState};

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

/// Jobs of a lane that no claim of the case may have: each for another reason.
fn forbidden(stage: &Stage, lane: Priority) -> Vec<NewJob> {
    let job = |kind: &str| NewJob {
        lane,
        ..stage.job(kind)
    };
    let (mut later, mut elsewhere) = (job("a"), job("a"));
    later.due = Due::In(LONG);
    elsewhere.queue = "other".to_owned();
    let (mut waits, mut awaited, mut expired) = (job("a"), job("unknown"), job("a"));
    waits.awaits = Some(Awaits::Settled);
    awaited.awaited_by = Some(waits.id);
    expired.expires_after = Some(SHORT);
    vec![later, elsewhere, waits, awaited, expired]
}

/// A job that a worker was lost with.
async fn suspect(stage: &Stage, lane: Priority) {
    let suspect = NewJob {
        lane,
        ..stage.job("a")
    };
    let _ = stage.insert(suspect).await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
}

/// The second lane, and what is left of the first one, are under the same conditions.
pub(super) async fn no_part_of_a_claim_takes_what_none_may_have(stage: Stage) {
    let job = |lane| NewJob {
        lane,
        ..stage.job("b")
    };
    for order in [ClaimOrder::HighFirst, ClaimOrder::LowFirst] {
        for lane in [Priority::High, Priority::Low] {
            suspect(&stage, lane).await;
        }
        for lane in [Priority::High, Priority::Low] {
            let inserted = stage.store.insert(forbidden(&stage, lane)).await;
            assert_eq!(inserted.map(|all| all.len()), Ok(5));
        }
        let lanes = [[Priority::High; 6].as_slice(), &[Priority::Low; 26]].concat();
        let good = stage.store.insert(lanes.into_iter().map(job).collect());
        assert_eq!(good.await.map(|all| all.len()), Ok(32));
        for lane in [Priority::High, Priority::Low] {
            let inserted = stage.store.insert(forbidden(&stage, lane)).await;
            assert_eq!(inserted.map(|all| all.len()), Ok(5));
        }
        sleep(LONGER).await;
        let mut wish = stage.wish(40, LONG);
        wish.order = order;
        let taken = stage.claim(wish).await.jobs;
        assert!(taken.iter().all(|job| job.kind == "b"), "{order:?}");
        assert_eq!(taken.len(), 32, "{order:?}");
    }
}

/// Jobs of a lane that are due since 1, 3 and 2 seconds; their ids in the order of their turns.
async fn due_since(stage: &Stage, lane: Priority) -> [JobId; 3] {
    let now = stage.store.queues().await.expect("they are listed").now;
    let mut ids = Vec::new();
    for seconds in [1, 3, 2] {
        let job = NewJob {
            lane,
            due: Due::At(now - Duration::from_secs(seconds)),
            ..stage.job("a")
        };
        ids.push(stage.insert(job).await.id());
    }
    [ids[1], ids[2], ids[0]]
}

/// Whichever part of a claim takes them, and however many it takes.
pub(super) async fn jobs_come_by_their_time_and_not_by_their_age(stage: Stage) {
    for (lane, order) in [
        (Priority::High, ClaimOrder::HighFirst),
        (Priority::High, ClaimOrder::LowFirst),
        (Priority::Low, ClaimOrder::HighFirst),
        (Priority::Low, ClaimOrder::LowFirst),
    ] {
        for limit in [1, 3] {
            let ids = due_since(&stage, lane).await;
            let mut taken = Vec::new();
            while taken.len() < 3 {
                let mut wish = stage.wish(limit, LONG);
                wish.order = order;
                let claimed = stage.claim(wish).await.jobs;
                assert!(!claimed.is_empty(), "{lane:?} {order:?}");
                taken.extend(claimed.iter().map(|job| job.id));
            }
            assert_eq!(taken, ids, "{lane:?} {order:?} {limit}");
        }
    }
}

/// As those that nothing is in the way of.
pub(super) async fn jobs_behind_those_of_another_kind_come_in_order(stage: Stage) {
    let now = stage.store.queues().await.expect("they are listed").now;
    for (lane, seconds) in [(Priority::High, 9), (Priority::Low, 8), (Priority::Low, 2)] {
        let job = NewJob {
            lane,
            due: Due::At(now - Duration::from_secs(seconds)),
            ..stage.job("unknown")
        };
        let _ = stage.insert(job).await;
    }
    jobs_come_by_their_time_and_not_by_their_age(stage.clone()).await;
    low_first_leaves_half_of_its_places_to_high(stage).await;
}

async fn next(stage: &Stage) -> Duration {
    let claimed = stage.claim(stage.wish(9, LONG)).await;
    assert!(claimed.jobs.is_empty(), "nothing is due");
    claimed.next.expect("something comes")
}

/// Jobs that come soon, and of which no claim of the case is told.
async fn come_for_others(stage: &Stage) {
    let soon = || NewJob {
        due: Due::In(Duration::from_secs(1)),
        ..stage.job("a")
    };
    let (mut elsewhere, mut waits, mut awaited) = (soon(), soon(), stage.job("unknown"));
    elsewhere.queue = "other".to_owned();
    waits.awaits = Some(Awaits::Settled);
    awaited.awaited_by = Some(waits.id);
    let inserted = stage.store.insert(vec![elsewhere, waits, awaited]).await;
    assert_eq!(inserted.map(|all| all.len()), Ok(3));
}

fn assert_about(next: Duration, most: Duration) {
    assert!(
        next <= most && next > most - Duration::from_secs(2),
        "{next:?}"
    );
}

/// Of both lanes and of the suspects; not of other queues, nor of jobs that wait for others.
pub(super) async fn next_is_the_first_of_all_that_come(stage: Stage) {
    come_for_others(&stage).await;
    let mut first = LONG;
    for (seconds, lane) in [
        (50, Priority::Low),
        (45, Priority::Low),
        (48, Priority::Low),
        (40, Priority::High),
        (35, Priority::High),
        (38, Priority::High),
        (33, Priority::Low),
    ] {
        let wait = Duration::from_secs(seconds);
        let job = NewJob {
            lane,
            due: Due::In(wait),
            ..stage.job("a")
        };
        let _ = stage.insert(job).await;
        first = first.min(wait);
        assert_about(next(&stage).await, first);
    }
    let _ = stage.insert(stage.job("a")).await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let rescue = Rescue {
        backoff: Duration::from_secs(20),
        ..at_once()
    };
    assert_eq!(stage.rescue(rescue).await.ready, 1);
    assert_about(next(&stage).await, rescue.backoff);
}
