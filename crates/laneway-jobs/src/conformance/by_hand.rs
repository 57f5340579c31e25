//! Do changes by hand keep the rules?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::store::{
    Awaits, ByHand, Changed, Due, Guarded, Held, NewJob, Outcome, Renewal, Rescue, StoreError,
};
use crate::{JobId, JobState, NAME_LIMIT};

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

const HOUR: Duration = Duration::from_secs(3600);

/// A job that is due in an hour.
fn later(stage: &Stage) -> NewJob {
    NewJob {
        due: Due::In(HOUR),
        ..stage.job("a")
    }
}

pub(super) async fn a_job_of_later_runs_now_by_hand(stage: Stage) {
    // A job that is claimed first has a later time than the one of "1970" will have.
    stage.insert_kind("a").await;
    let first = stage.claim_one(LONG).await;
    for due in [Due::Now, Due::At(std::time::UNIX_EPOCH)] {
        let id = stage.insert(later(&stage)).await.id();
        let none = stage.claim(stage.wish(1, LONG)).await;
        assert!(none.jobs.is_empty(), "it is due in an hour");
        assert_eq!(
            stage.change(ByHand::Reschedule(id, due)).await,
            Changed::Done
        );
        assert_eq!(stage.claim_one(LONG).await.id, id, "{due:?}");
    }
    let running = stage.change(ByHand::Reschedule(first.id, Due::Now)).await;
    assert_eq!(running, Changed::Not(JobState::Running));
    let unknown = ByHand::Reschedule(stage.jobs.next_id(), Due::Now);
    assert_eq!(stage.change(unknown).await, Changed::Missing);
}

pub(super) async fn a_job_that_is_put_off_by_hand_runs_later(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let at = std::time::SystemTime::now() + HOUR;
    for due in [Due::In(HOUR), Due::At(at), Due::In(Duration::MAX)] {
        assert_eq!(
            stage.change(ByHand::Reschedule(id, due)).await,
            Changed::Done
        );
        assert!(stage.claim(stage.wish(1, LONG)).await.jobs.is_empty());
        assert_eq!(stage.look(id).await.state, JobState::Ready);
    }
}

pub(super) async fn a_failed_attempt_need_not_wait_and_stays_charged(stage: Stage) {
    stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let retry = Outcome::Retry {
        after: HOUR,
        error: "no answer".to_owned(),
    };
    assert_eq!(stage.settle(held(&job), retry).await, Guarded::Held);
    let now = ByHand::Reschedule(job.id, Due::Now);
    assert_eq!(stage.change(now.clone()).await, Changed::Done);
    let again = stage.claim_one(LONG).await;
    assert_eq!((again.id, again.attempt), (job.id, 2));
    let _ = stage.settle(held(&again), completed()).await;
    assert_eq!(stage.change(now).await, Changed::Not(JobState::Done));
}

pub(super) async fn a_job_that_waits_for_members_is_not_let_go_by_hand(stage: Stage) {
    let then = NewJob {
        awaits: Some(Awaits::Settled),
        ..later(&stage)
    };
    let member = NewJob {
        awaited_by: Some(then.id),
        ..stage.job("a")
    };
    let (then_id, member_id) = (then.id, member.id);
    let inserted = stage.store.insert(vec![then, member]).await;
    assert_eq!(inserted.map(|all| all.len()), Ok(2));
    let now = ByHand::Reschedule(then_id, Due::Now);
    assert_eq!(stage.change(now).await, Changed::Done);
    let job = stage.claim_one(LONG).await;
    assert_eq!(job.id, member_id, "the batch has not ended");
    let _ = stage.settle(held(&job), completed()).await;
    assert_eq!(
        stage.claim_one(LONG).await.id,
        then_id,
        "nor is it due in an hour"
    );
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

pub(super) async fn a_queue_of_no_name_is_not_paused(stage: Stage) {
    for (name, advice) in [
        ("a".repeat(NAME_LIMIT + 1), "shorten it"),
        ("a\0b".to_owned(), "leave it out"),
    ] {
        for refused in [
            stage.jobs.pause_queue(&name).await,
            stage.jobs.resume_queue(&name).await,
        ] {
            let says = |error: &StoreError| error.to_string().contains(advice);
            assert!(refused.as_ref().is_err_and(says), "{refused:?}");
        }
    }
    let longest = "a".repeat(NAME_LIMIT);
    assert_eq!(stage.jobs.pause_queue(&longest).await, Ok(()));
    let queues = stage.store.queues().await.expect("they are listed").queues;
    let names: Vec<_> = queues.into_iter().map(|queue| queue.name).collect();
    assert_eq!(names, [longest]);
}
