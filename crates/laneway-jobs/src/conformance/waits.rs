//! Does a wait for a job end, whatever becomes of the job?

use std::time::Duration;

use laneway::time::{sleep, timeout};
use laneway::{Handle, Priority, Task};

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, failed, held};
use crate::store::{Awaits, ByHand, Guarded, Listener, NewJob, Outcome, Rescue};
use crate::{JobId, PayloadError, WaitError};

type Waited = Result<u32, WaitError>;

/// A hint that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(10);

/// A hint that is given comes soon after the answer; no look replaces it here.
async fn hinted(listener: &Listener) {
    let hinted = timeout(LIMIT, listener.hinted()).await;
    assert!(hinted.is_ok(), "no hint has come");
}

/// Waits in a task of its own, and has begun to.
async fn waiting(stage: &Stage, id: JobId) -> Task<Waited> {
    let jobs = stage.jobs.clone();
    let task = Handle::current().spawn(async move { jobs.wait(id).await }, Priority::High);
    sleep(Duration::from_millis(5)).await;
    task
}

pub(super) async fn a_job_that_is_not_there_is_missing(stage: Stage) {
    let unknown = stage.job("a").id;
    assert_eq!(
        stage.jobs.wait::<u32>(unknown).await,
        Err(WaitError::Missing)
    );
}

pub(super) async fn a_job_that_is_deleted_meanwhile_is_missing(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let waiting = waiting(&stage, id).await;
    stage.by_hand(ByHand::Delete(id)).await;
    assert_eq!(waiting.await, Err(WaitError::Missing));
}

pub(super) async fn a_job_that_is_cancelled_meanwhile_is_cancelled(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let waiting = waiting(&stage, id).await;
    stage.by_hand(ByHand::Cancel(id)).await;
    assert_eq!(waiting.await, Err(WaitError::Cancelled));
}

pub(super) async fn a_job_that_fails_tells_its_last_error(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let waiting = waiting(&stage, id).await;
    let job = stage.claim_one(LONG).await;
    let error = "<no> '\u{1f980}'".to_owned();
    let outcome = Outcome::Failed {
        error: error.clone(),
    };
    assert_eq!(stage.settle(held(&job), outcome).await, Guarded::Held);
    assert_eq!(waiting.await, Err(WaitError::Failed(error)));
}

pub(super) async fn a_job_in_quarantine_is_not_waited_for(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let waiting = waiting(&stage, id).await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let strict = Rescue {
        max_crashes: 1,
        ..at_once()
    };
    assert_eq!(stage.rescue(strict).await.quarantined, 1);
    assert_eq!(waiting.await, Err(WaitError::Quarantined));
}

pub(super) async fn a_result_of_another_type_is_an_error(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let result = Outcome::Completed(b"\"text\"".to_vec());
    assert_eq!(stage.settle(held(&job), result).await, Guarded::Held);
    let waited = stage.jobs.wait::<u32>(id).await;
    let decoded = matches!(&waited, Err(WaitError::Payload(PayloadError::Decode(_))));
    assert!(decoded, "{waited:?}");
    assert_eq!(stage.jobs.wait::<String>(id).await, Ok("text".to_owned()));
}

pub(super) async fn a_wait_that_is_dropped_disturbs_no_other(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let others = [waiting(&stage, id).await, waiting(&stage, id).await];
    let dropped = timeout(SHORT, stage.jobs.wait::<u32>(id)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    for other in others {
        assert_eq!(other.await, Ok(1));
    }
}

pub(super) async fn each_end_of_a_job_is_hinted_at(stage: Stage) {
    let listen = async || {
        let id = stage.insert_kind("a").await;
        (id, stage.store.hints().listen_for(id))
    };
    for outcome in [completed(), failed()] {
        let (_, listener) = listen().await;
        let job = stage.claim_one(LONG).await;
        assert_eq!(stage.settle(held(&job), outcome).await, Guarded::Held);
        hinted(&listener).await;
    }
    for change in [ByHand::Cancel, ByHand::Delete] {
        let (id, listener) = listen().await;
        stage.by_hand(change(id)).await;
        hinted(&listener).await;
    }
    let (_, listener) = listen().await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let strict = Rescue {
        max_crashes: 1,
        ..at_once()
    };
    assert_eq!(stage.rescue(strict).await.quarantined, 1);
    hinted(&listener).await;
}

pub(super) async fn a_settlement_that_is_sent_again_is_hinted_at_again(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    for _ in 0..3 {
        let listener = stage.store.hints().listen_for(id);
        assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
        hinted(&listener).await;
    }
}

pub(super) async fn what_follows_a_settlement_that_is_sent_again_is_hinted_at(stage: Stage) {
    let then = NewJob {
        awaits: Some(Awaits::Settled),
        ..stage.job("a")
    };
    let member = NewJob {
        awaited_by: Some(then.id),
        ..stage.job("a")
    };
    let inserted = stage.store.insert(vec![then, member]).await;
    assert_eq!(inserted.expect("the insert is taken").len(), 2);
    let job = stage.claim_one(LONG).await;
    for _ in 0..3 {
        let listener = stage.store.hints().listen("default");
        assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
        hinted(&listener).await;
    }
}
