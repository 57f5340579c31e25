//! Does the end of an attempt leave what it should?

use std::time::Duration;

use super::stage::{LONG, Stage, completed, held, retry};
use crate::JobState;
use crate::store::{Guarded, IfExists, Outcome, Uniqueness};

pub(super) async fn a_completed_job_keeps_its_result(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.result.as_deref()),
        (JobState::Done, Some(&b"1"[..]))
    );
    assert!(view.finished_at.is_some());
    assert_eq!(stage.jobs.wait::<u32>(id).await, Ok(1));
}

pub(super) async fn a_retry_waits_and_keeps_its_error(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let hour = Duration::from_secs(3600);
    assert_eq!(stage.settle(held(&job), retry(hour)).await, Guarded::Held);
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.attempt, view.error.as_deref()),
        (JobState::Ready, 1, Some("no"))
    );
    let next = stage.claim(stage.wish(1, LONG)).await.next;
    assert!(next > Some(hour / 2) && next <= Some(hour), "{next:?}");
}

pub(super) async fn a_return_charges_nothing_and_keeps_its_place(stage: Stage) {
    let first = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    stage.insert_kind("a").await;
    assert_eq!(
        stage.settle(held(&job), Outcome::Returned).await,
        Guarded::Held
    );
    let view = stage.look(first).await;
    assert_eq!(
        (view.state, view.attempt, view.crashes),
        (JobState::Ready, 0, 0)
    );
    let again = stage.claim(stage.wish(1, LONG)).await.jobs.remove(0);
    assert_eq!((again.id, again.attempt), (first, 1));
}

pub(super) async fn a_snooze_charges_nothing(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let _ = stage
        .settle(held(&job), Outcome::Snoozed(Duration::from_secs(60)))
        .await;
    let view = stage.look(id).await;
    assert_eq!((view.state, view.attempt), (JobState::Ready, 0));
    assert!(stage.claim(stage.wish(1, LONG)).await.jobs.is_empty());
}

/// As after a commit whose answer was lost.
pub(super) async fn a_settlement_that_is_sent_again_is_held(stage: Stage) {
    let wait = Duration::ZERO;
    let error = || "no".to_owned();
    for outcome in [completed(), retry(wait), Outcome::Failed { error: error() }] {
        stage.insert_kind("a").await;
        let job = stage.claim_one(LONG).await;
        for _ in 0..3 {
            assert_eq!(
                stage.settle(held(&job), outcome.clone()).await,
                Guarded::Held
            );
        }
        let attempts = stage.look(job.id).await.attempt;
        assert_eq!(attempts, 1, "{outcome:?} counts once");
        if stage.look(job.id).await.state == JobState::Ready {
            let again = stage.claim_one(LONG).await;
            // Now another attempt has the job, and the old one's word still stands.
            assert_eq!(stage.settle(held(&job), outcome).await, Guarded::Held);
            assert_eq!(stage.look(job.id).await.state, JobState::Running);
            assert_eq!(stage.settle(held(&again), completed()).await, Guarded::Held);
        }
    }
}

/// While it waits for its next attempt, it has its last error and no worker.
pub(super) async fn a_completed_job_keeps_nothing_of_what_went_wrong(stage: Stage) {
    let mut unique = stage.job("b");
    unique.unique = Some(Uniqueness {
        key: "k".to_owned(),
        if_exists: IfExists::Keep,
    });
    for job in [stage.job("a"), unique] {
        let id = stage.insert(job).await.id();
        let first = stage.claim_one(LONG).await;
        let again = retry(Duration::ZERO);
        assert_eq!(stage.settle(held(&first), again).await, Guarded::Held);
        let snoozed = stage.claim_one(LONG).await;
        let snooze = Outcome::Snoozed(Duration::ZERO);
        assert_eq!(stage.settle(held(&snoozed), snooze).await, Guarded::Held);
        let view = stage.look(id).await;
        assert_eq!((view.error.as_deref(), view.worker), (Some("no"), None));
        let second = stage.claim_one(LONG).await;
        assert_eq!(
            stage.settle(held(&second), completed()).await,
            Guarded::Held
        );
        let view = stage.look(id).await;
        assert_eq!((view.state, view.error), (JobState::Done, None));
        let stories = stage.store.stories(vec![id]).await;
        let story = stories
            .expect("they are told")
            .remove(0)
            .expect("it is there");
        assert_eq!((story.lease_until, story.attempts.len()), (None, 1));
    }
}
