//! Is there one unfinished job for a key, and always an id?

use laneway::Priority;

use super::stage::{LONG, Stage, completed, held};
use crate::store::{
    ByHand, Changed, Due, Enqueued, Guarded, Held, IfExists, NewJob, Note, NoteKind, Outcome, Step,
    Uniqueness,
};
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

pub(super) async fn keys_of_one_kind_are_apart(stage: Stage) {
    let id = first(&stage).await;
    for key in ["", "Key", "key ", "'; --", "\u{1f980}"] {
        let other = || {
            let mut other = unique(&stage, IfExists::Keep, "2");
            other
                .unique
                .iter_mut()
                .for_each(|unique| unique.key = key.to_owned());
            other
        };
        let inserted = stage.insert(other()).await;
        assert!(matches!(inserted, Enqueued::Inserted(_)), "{key:?}");
        let existing = Enqueued::Existing(inserted.id(), JobState::Ready);
        assert_eq!(stage.insert(other()).await, existing, "{key:?}");
    }
    let keep = stage.insert(unique(&stage, IfExists::Keep, "2")).await;
    assert_eq!(keep, Enqueued::Existing(id, JobState::Ready));
}

pub(super) async fn beside_a_successor_the_running_one_is_the_existing_one(stage: Stage) {
    let id = first(&stage).await;
    let job = stage.claim_one(LONG).await;
    let successor = stage.insert(unique(&stage, IfExists::RunAgain, "2")).await;
    for if_exists in [IfExists::Keep, IfExists::Replace] {
        let answer = stage.insert(unique(&stage, if_exists, "3")).await;
        assert_eq!(answer, Enqueued::Existing(id, JobState::Running));
    }
    assert_eq!(stage.look(successor.id()).await.payload, b"2");
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    let keep = stage.insert(unique(&stage, IfExists::Keep, "3")).await;
    assert_eq!(keep, Enqueued::Existing(successor.id(), JobState::Ready));
}

pub(super) async fn a_settled_job_of_the_key_is_not_the_existing_one(stage: Stage) {
    for _life in 0..3 {
        let id = first(&stage).await;
        let keep = stage.insert(unique(&stage, IfExists::Keep, "2")).await;
        assert_eq!(keep, Enqueued::Existing(id, JobState::Ready));
        let job = stage.claim_one(LONG).await;
        let again = stage.insert(unique(&stage, IfExists::RunAgain, "2")).await;
        let further = stage.insert(unique(&stage, IfExists::RunAgain, "3")).await;
        assert_eq!(further, Enqueued::Existing(again.id(), JobState::Ready));
        assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
        let job = stage.claim_one(LONG).await;
        assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    }
}

/// The key that it had is the running one's by now.
pub(super) async fn a_settled_job_that_is_deleted_lets_no_successor_go(stage: Stage) {
    let settled = first(&stage).await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    first(&stage).await;
    let running = stage.claim_one(LONG).await;
    let successor = stage.insert(unique(&stage, IfExists::RunAgain, "2")).await;
    stage.by_hand(ByHand::Delete(settled)).await;
    let none = stage.claim(stage.wish(1, LONG)).await.jobs;
    assert!(none.is_empty(), "beside the running one: {none:?}");
    assert_eq!(
        stage.settle(held(&running), completed()).await,
        Guarded::Held
    );
    assert_eq!(stage.claim_one(LONG).await.id, successor.id());
}

/// The values were made for the payload before.
pub(super) async fn a_job_that_is_replaced_forgets_its_steps(stage: Stage) {
    let id = first(&stage).await;
    let job = stage.claim_one(LONG).await;
    let step = Step {
        name: "load".to_owned(),
        value: b"1".to_vec(),
    };
    let note = Note {
        held: held(&job),
        kind: NoteKind::Step(step.clone()),
    };
    assert_eq!(stage.store.note(vec![note]).await, Ok(vec![Guarded::Held]));
    let running = stage.insert(unique(&stage, IfExists::Replace, "2")).await;
    assert_eq!(running, Enqueued::Existing(id, JobState::Running));
    assert_eq!(stage.store.steps(id).await, Ok(vec![step]), "it runs");
    let _ = stage.settle(held(&job), Outcome::Returned).await;
    let ready = stage.insert(unique(&stage, IfExists::Replace, "2")).await;
    assert_eq!(ready, Enqueued::Existing(id, JobState::Ready));
    assert_eq!(stage.store.steps(id).await, Ok(Vec::new()));
}

pub(super) async fn a_job_that_is_retried_by_hand_has_its_key_again(stage: Stage) {
    let failed = first(&stage).await;
    let job = stage.claim_one(LONG).await;
    let outcome = Outcome::Failed {
        error: "no".to_owned(),
    };
    assert_eq!(stage.settle(held(&job), outcome).await, Guarded::Held);
    let second = first(&stage).await;
    let retry = || stage.store.change(vec![ByHand::Retry(failed)]);
    assert_eq!(retry().await, Ok(vec![Changed::KeyTaken]));
    let job = stage.claim_one(LONG).await;
    assert_eq!(job.id, second);
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    assert_eq!(retry().await, Ok(vec![Changed::Done]));
    let keep = stage.insert(unique(&stage, IfExists::Keep, "2")).await;
    assert_eq!(keep, Enqueued::Existing(failed, JobState::Ready));
}

pub(super) async fn the_successor_of_the_key_alone_is_let_go(stage: Stage) {
    let of = |kind: &str, key: &str, if_exists: IfExists| {
        let mut job = unique(&stage, if_exists, "1");
        job.kind = kind.to_owned();
        job.unique
            .iter_mut()
            .for_each(|unique| unique.key = key.to_owned());
        job
    };
    let keys = [("a", "k"), ("a", "l"), ("b", "k")];
    let mut successors = Vec::new();
    for (kind, key) in keys {
        let first = stage.insert(of(kind, key, IfExists::Keep)).await;
        assert_eq!(stage.claim_one(LONG).await.id, first.id());
        let successor = stage.insert(of(kind, key, IfExists::RunAgain)).await;
        successors.push((first.id(), successor.id()));
    }
    for ((kind, key), (_, successor)) in keys.into_iter().zip(&successors) {
        let further = stage.insert(of(kind, key, IfExists::RunAgain)).await;
        assert_eq!(further, Enqueued::Existing(*successor, JobState::Ready));
    }
    for (first, successor) in successors {
        let view = stage.look(first).await;
        let holder = Held {
            id: first,
            fence: view.fence.expect("it was claimed"),
        };
        assert_eq!(stage.settle(holder, completed()).await, Guarded::Held);
        assert_eq!(stage.claim_one(LONG).await.id, successor);
    }
}

pub(super) async fn replace_takes_over_all_but_the_queue(stage: Stage) {
    let id = first(&stage).await;
    let before = stage.look(id).await;
    let replacing = NewJob {
        queue: "other".to_owned(),
        lane: Priority::High,
        due: Due::In(LONG),
        max_attempts: 3,
        timeout: Some(2 * LONG),
        expires_after: Some(3 * LONG),
        ..unique(&stage, IfExists::Replace, "2")
    };
    let replaced = stage.insert(replacing).await;
    assert_eq!(replaced, Enqueued::Existing(id, JobState::Ready));
    let view = stage.look(id).await;
    assert_eq!((&*view.queue, view.lane), ("default", Priority::High));
    assert_eq!((&view.payload[..], view.max_attempts), (&b"2"[..], 3));
    assert!(view.run_at > before.run_at + LONG / 2);
    let stories = stage.store.stories(vec![id]).await;
    let story = stories.expect("they are told").remove(0);
    let story = story.expect("it is there");
    assert_eq!(story.timeout, Some(2 * LONG));
    assert!(story.expires_at > Some(before.created_at + 2 * LONG));
    assert!(stage.claim(stage.wish(1, LONG)).await.jobs.is_empty());
}
