//! What becomes of a job whose worker is lost?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, held, retry};
use crate::store::{
    ByHand, Changed, ClaimedJob, Guarded, JobStory, NewJob, Outcome, Renewal, Rescue, Rescued, Whom,
};
use crate::{JobId, JobState};

pub(super) async fn an_expired_lease_is_rescued_with_a_crash(stage: Stage) {
    let held = stage.insert_kind("a").await;
    stage.claim_one(LONG).await;
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let rescued = stage.rescue(at_once()).await;
    assert_eq!(
        rescued,
        Rescued {
            ready: 1,
            ..Rescued::default()
        }
    );
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.attempt, view.crashes),
        (JobState::Ready, 1, 1)
    );
    assert_eq!(view.worker, None);
    let running = stage.look(held).await.state;
    assert_eq!(running, JobState::Running, "not before its end");
}

pub(super) async fn the_third_crash_quarantines(stage: Stage) {
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    for _ in 0..2 {
        sleep(LONGER).await;
        assert_eq!(stage.rescue(at_once()).await.ready, 1);
        assert!(stage.claim_suspect(SHORT).await.is_some());
    }
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.quarantined, 1);
    let view = stage.look(id).await;
    assert_eq!((view.state, view.crashes), (JobState::Quarantined, 3));
    assert!(stage.claim_suspect(LONG).await.is_none());
}

pub(super) async fn the_last_attempt_is_not_run_again(stage: Stage) {
    let mut job = stage.job("a");
    job.max_attempts = 1;
    let id = stage.insert(job).await.id();
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.failed, 1);
    assert_eq!(stage.look(id).await.state, JobState::Failed);
}

pub(super) async fn a_suspect_is_claimed_alone(stage: Stage) {
    for _ in 0..3 {
        stage.insert_kind("a").await;
    }
    assert_eq!(stage.claim(stage.wish(3, SHORT)).await.jobs.len(), 3);
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 3);
    let innocents = stage.claim(stage.wish(9, LONG)).await;
    assert!(
        innocents.jobs.is_empty(),
        "suspects are not taken among innocents"
    );
    assert_eq!(innocents.suspect.as_deref(), Some("a"));
    let mut wish = stage.wish(9, LONG);
    wish.whom = Whom::Suspects;
    assert_eq!(stage.claim(wish).await.jobs.len(), 1);
}

pub(super) async fn a_job_that_expires_before_it_is_begun_fails(stage: Stage) {
    let mut job = stage.job("a");
    job.expires_after = Some(SHORT);
    let id = stage.insert(job).await.id();
    let mut later = stage.job("unknown");
    later.expires_after = Some(LONG);
    let later = stage.insert(later).await.id();
    sleep(LONGER).await;
    assert!(stage.claim(stage.wish(1, LONG)).await.jobs.is_empty());
    assert_eq!(stage.rescue(at_once()).await.failed, 1);
    let expired = stage.look(id).await;
    let error = expired.error.as_deref();
    assert_eq!(expired.state, JobState::Failed);
    assert_eq!(error, Some("it expired before it was begun"));
    assert_eq!(stage.look(later).await.state, JobState::Ready);
}

pub(super) async fn a_job_that_expires_after_an_attempt_says_so(stage: Stage) {
    let mut job = stage.job("a");
    let second = Duration::from_secs(1);
    job.expires_after = Some(second);
    let id = stage.insert(job).await.id();
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), retry(LONG)).await, Guarded::Held);
    sleep(second + LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.failed, 1);
    let error = stage.look(id).await.error;
    assert_eq!(error.as_deref(), Some("it expired before its next attempt"));
}

pub(super) async fn a_backoff_without_end_is_a_long_one(stage: Stage) {
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    let patient = |backoff| Rescue {
        backoff,
        max_crashes: 100,
        ..Rescue::default()
    };
    for _crash in 0..6 {
        sleep(LONGER).await;
        assert_eq!(stage.rescue(patient(Duration::ZERO)).await.ready, 1);
        assert!(stage.claim_suspect(SHORT).await.is_some());
    }
    sleep(LONGER).await;
    assert_eq!(stage.rescue(patient(Duration::MAX)).await.ready, 1);
    let view = stage.look(id).await;
    assert_eq!((view.state, view.crashes), (JobState::Ready, 7));
    assert!(view.run_at > view.created_at + LONG);
    assert!(stage.claim_suspect(LONG).await.is_none());
}

/// Inserts a job and loses it: from now on it is a suspect.
async fn lost(stage: &Stage, job: NewJob, backoff: Duration) -> ClaimedJob {
    let mut wish = stage.wish(9, SHORT);
    (wish.queue, wish.kinds) = (job.queue.clone(), vec![job.kind.clone()]);
    let _ = stage.insert(job).await;
    let lost = stage.claim(wish).await.jobs.remove(0);
    sleep(LONGER).await;
    let rescue = Rescue {
        backoff,
        ..at_once()
    };
    assert_eq!(stage.rescue(rescue).await.ready, 1);
    lost
}

async fn assert_no_suspect(stage: &Stage, why: &str) {
    assert!(stage.claim_suspect(LONG).await.is_none(), "{why}");
    let told = stage.claim(stage.wish(0, LONG)).await.suspect;
    assert_eq!(told, None, "{why}");
}

pub(super) async fn a_suspect_that_none_may_have_is_neither_told_nor_claimed(stage: Stage) {
    let mut elsewhere = stage.job("a");
    elsewhere.queue = "other".to_owned();
    lost(&stage, elsewhere, Duration::ZERO).await;
    assert_no_suspect(&stage, "another queue").await;
    lost(&stage, stage.job("unknown"), Duration::ZERO).await;
    assert_no_suspect(&stage, "an unknown kind").await;
    lost(&stage, stage.job("a"), LONG).await;
    assert_no_suspect(&stage, "not yet").await;
    let mut expires = stage.job("a");
    expires.expires_after = Some(Duration::from_millis(400));
    lost(&stage, expires, Duration::ZERO).await;
    sleep(Duration::from_millis(400)).await;
    assert_no_suspect(&stage, "expired").await;
    let pause = ByHand::Pause("default".to_owned());
    lost(&stage, stage.job("a"), Duration::ZERO).await;
    assert_eq!(
        stage.store.change(vec![pause]).await,
        Ok(vec![Changed::Done])
    );
    assert_no_suspect(&stage, "a pause").await;
    let resume = ByHand::Resume("default".to_owned());
    assert_eq!(
        stage.store.change(vec![resume]).await,
        Ok(vec![Changed::Done])
    );
    let innocent = stage.insert_kind("b").await;
    let suspect = stage.claim_suspect(LONG).await.expect("it may be claimed");
    assert_eq!((suspect.kind.as_str(), suspect.crashes), ("a", 1));
    assert_no_suspect(&stage, "an innocent").await;
    assert_eq!(stage.claim_one(LONG).await.id, innocent);
}

pub(super) async fn a_suspect_gets_a_fence_and_a_holder_of_its_own(stage: Stage) {
    let lost = lost(&stage, stage.job("a"), Duration::ZERO).await;
    let last = stage.insert_kind("b").await;
    let last_fence = stage.claim_one(LONG).await.fence;
    let mut wish = stage.wish(1, LONG);
    (wish.whom, wish.worker) = (Whom::Suspects, "another".to_owned());
    let suspect = stage.claim(wish).await.jobs.remove(0);
    assert_eq!((suspect.id, suspect.attempt), (lost.id, 2));
    assert!(suspect.fence > last_fence && last_fence > lost.fence);
    let view = stage.look(suspect.id).await;
    assert_eq!(view.worker.as_deref(), Some("another"));
    assert_eq!(view.fence, Some(suspect.fence));
    let stories = stage.store.stories(vec![suspect.id, last]).await;
    let stories = stories.expect("they are told");
    let begun = |place: usize| stories[place].as_ref().and_then(|story| story.started_at);
    assert!(begun(0) >= begun(1), "its last attempt is told");
}

/// By the time at which they are due, as all others.
pub(super) async fn suspects_come_one_after_the_other(stage: Stage) {
    let first = stage.insert_kind("a").await;
    let held_meanwhile = stage.claim_one(LONG).await;
    let second = lost(&stage, stage.job("a"), Duration::ZERO).await;
    let returned = stage.settle(held(&held_meanwhile), Outcome::Returned);
    assert_eq!(returned.await, Guarded::Held);
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    for id in [second.id, first] {
        let suspect = stage.claim_suspect(LONG).await;
        assert_eq!(suspect.map(|suspect| suspect.id), Some(id));
    }
}

async fn story(stage: &Stage, id: JobId) -> JobStory {
    let stories = stage.store.stories(vec![id]).await;
    let story = stories.expect("they are told").remove(0);
    story.expect("the job is there")
}

/// A job that ends by its rescue is settled as any other: it is pruned one day, and says why.
pub(super) async fn what_a_rescue_has_settled_says_when_and_why(stage: Stage) {
    let strict = Rescue {
        max_crashes: 1,
        ..at_once()
    };
    let mut last = stage.job("a");
    last.max_attempts = 1;
    let mut expires = stage.job("unknown");
    expires.expires_after = Some(SHORT);
    for (job, rescue, state) in [
        (stage.job("a"), strict, JobState::Quarantined),
        (last, at_once(), JobState::Failed),
        (expires, at_once(), JobState::Failed),
    ] {
        let id = stage.insert(job).await.id();
        stage.claim(stage.wish(1, SHORT)).await;
        sleep(LONGER).await;
        let rescued = stage.rescue(rescue).await;
        assert_eq!(rescued.failed + rescued.quarantined, 1);
        let view = stage.look(id).await;
        assert_eq!((view.state, view.worker), (state, None));
        assert!(view.finished_at.is_some() && view.error.is_some());
        assert_eq!(story(&stage, id).await.lease_until, None);
    }
}

/// Those first whose leases ended first; of the others nothing is written down.
pub(super) async fn a_rescue_in_part_leaves_the_others_as_they_are(stage: Stage) {
    let young = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let old = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let renewed = stage.store.renew(vec![held(&job)], SHORT).await;
    assert_eq!(renewed, Ok(vec![Renewal::Renewed]));
    sleep(LONGER).await;
    let one = Rescue {
        limit: 1,
        ..at_once()
    };
    assert_eq!(stage.rescue(one).await.ready, 1);
    assert_eq!(stage.look(old).await.state, JobState::Ready);
    assert_eq!(story(&stage, old).await.attempts.len(), 1);
    assert_eq!(stage.look(young).await.state, JobState::Running);
    assert_eq!(story(&stage, young).await.attempts.len(), 0);
}

pub(super) async fn the_backoff_doubles_with_each_crash(stage: Stage) {
    let id = lost(&stage, stage.job("a"), Duration::ZERO).await.id;
    assert!(stage.claim_suspect(SHORT).await.is_some());
    sleep(LONGER).await;
    let before = stage.store.queues().await.expect("they are listed").now;
    let slow = Rescue {
        backoff: LONG,
        ..at_once()
    };
    assert_eq!(stage.rescue(slow).await.ready, 1);
    let wait = stage.look(id).await.run_at.duration_since(before);
    let wait = wait.expect("it waits");
    assert!(wait >= 2 * LONG && wait < 3 * LONG, "{wait:?}");
}
