//! What becomes of a job whose worker is lost?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once};
use crate::JobState;
use crate::store::{ClaimedJob, Rescue, Rescued, Whom};

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

async fn claim_suspect(stage: &Stage, lease: Duration) -> Option<ClaimedJob> {
    let mut wish = stage.wish(9, lease);
    wish.whom = Whom::Suspects;
    stage.claim(wish).await.jobs.pop()
}

pub(super) async fn the_third_crash_quarantines(stage: Stage) {
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    for _ in 0..2 {
        sleep(LONGER).await;
        assert_eq!(stage.rescue(at_once()).await.ready, 1);
        assert!(claim_suspect(&stage, SHORT).await.is_some());
    }
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.quarantined, 1);
    let view = stage.look(id).await;
    assert_eq!((view.state, view.crashes), (JobState::Quarantined, 3));
    assert!(claim_suspect(&stage, LONG).await.is_none());
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
    assert_eq!(stage.look(id).await.state, JobState::Failed);
    assert_eq!(stage.look(later).await.state, JobState::Ready);
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
        assert!(claim_suspect(&stage, SHORT).await.is_some());
    }
    sleep(LONGER).await;
    assert_eq!(stage.rescue(patient(Duration::MAX)).await.ready, 1);
    let view = stage.look(id).await;
    assert_eq!((view.state, view.crashes), (JobState::Ready, 7));
    assert!(view.run_at > view.created_at + LONG);
    assert!(claim_suspect(&stage, LONG).await.is_none());
}
