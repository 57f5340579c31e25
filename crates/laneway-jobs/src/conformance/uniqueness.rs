//! Is there one unfinished job for a key, and always an id?

use super::stage::{LONG, Stage, completed, held};
use crate::store::{Enqueued, Guarded, IfExists, NewJob, Uniqueness};
use crate::{JobId, JobState};

fn unique(stage: &Stage, if_exists: IfExists, payload: &str) -> NewJob {
    let unique = Some(Uniqueness {
        key: "key".to_owned(),
        if_exists,
    });
    let payload = payload.as_bytes().to_vec();
    NewJob {
        unique,
        payload,
        ..stage.job("a")
    }
}

async fn first(stage: &Stage) -> JobId {
    let first = stage.insert(unique(stage, IfExists::Keep, "1")).await;
    assert!(matches!(first, Enqueued::Inserted(_)));
    first.id()
}

pub(super) async fn keep_gives_the_existing_one(stage: Stage) {
    let id = first(&stage).await;
    let keep = || unique(&stage, IfExists::Keep, "2");
    assert_eq!(
        stage.insert(keep()).await,
        Enqueued::Existing(id, JobState::Ready)
    );
    stage.claim_one(LONG).await;
    assert_eq!(
        stage.insert(keep()).await,
        Enqueued::Existing(id, JobState::Running)
    );
    assert_eq!(stage.look(id).await.payload, b"1");
}

pub(super) async fn replace_changes_a_ready_job_and_no_running_one(stage: Stage) {
    let id = first(&stage).await;
    let ready = stage.insert(unique(&stage, IfExists::Replace, "2")).await;
    assert_eq!(ready, Enqueued::Existing(id, JobState::Ready));
    assert_eq!(stage.claim_one(LONG).await.payload, b"2");
    let running = stage.insert(unique(&stage, IfExists::Replace, "3")).await;
    assert_eq!(running, Enqueued::Existing(id, JobState::Running));
    assert_eq!(stage.look(id).await.payload, b"2");
}

pub(super) async fn run_again_runs_once_more_after_the_running_one(stage: Stage) {
    let id = first(&stage).await;
    let again = || unique(&stage, IfExists::RunAgain, "2");
    assert_eq!(
        stage.insert(again()).await,
        Enqueued::Existing(id, JobState::Ready)
    );
    let job = stage.claim_one(LONG).await;
    let successor = stage.insert(again()).await;
    assert!(matches!(successor, Enqueued::Inserted(_)), "{successor:?}");
    let further = stage.insert(again()).await;
    assert_eq!(further, Enqueued::Existing(successor.id(), JobState::Ready));
    assert!(
        stage.claim(stage.wish(1, LONG)).await.jobs.is_empty(),
        "not beside it"
    );
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    assert_eq!(stage.claim_one(LONG).await.id, successor.id());
}

pub(super) async fn a_settled_job_gives_its_key_back(stage: Stage) {
    let id = first(&stage).await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), completed()).await;
    assert_ne!(first(&stage).await, id);
}

pub(super) async fn kinds_have_keys_of_their_own(stage: Stage) {
    first(&stage).await;
    let mut other = unique(&stage, IfExists::Keep, "2");
    other.kind = "b".to_owned();
    assert_eq!(
        stage.insert(other.clone()).await,
        Enqueued::Inserted(other.id)
    );
}
