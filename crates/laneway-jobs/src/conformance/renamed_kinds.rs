//! Is a unique key one among the jobs of all names of a kind?
//!
//! `a` was renamed to `b`, and `b` to `c`. A process that is older than a renaming knows nothing of
//! the new name.

use serde::{Deserialize, Serialize};

use super::stage::{LONG, Stage, completed, held};
use crate::store::{
    ByHand, Changed, Claim, ClaimedJob, Enqueued, Guarded, IfExists, NewJob, Outcome, Uniqueness,
};
use crate::{Job, JobId, JobState};

/// The names of a kind, the present one first.
#[derive(Clone, Copy)]
struct Names(&'static str, &'static [&'static str]);

const A: Names = Names("a", &[]);
const B: Names = Names("b", &["a"]);
/// The last jobs named `b` are not drained yet, those named `a` are.
const C: Names = Names("c", &["b"]);
/// The renaming was taken back.
const A_AGAIN: Names = Names("a", &["b"]);

fn job(stage: &Stage, names: Names, key: &str, if_exists: IfExists) -> NewJob {
    let key = key.to_owned();
    NewJob {
        old_kinds: names.1,
        unique: Some(Uniqueness { key, if_exists }),
        payload: names.0.as_bytes().to_vec(),
        ..stage.job(names.0)
    }
}

async fn insert(stage: &Stage, names: Names, key: &str, if_exists: IfExists) -> Enqueued {
    stage.insert(job(stage, names, key, if_exists)).await
}

async fn inserted(stage: &Stage, names: Names, key: &str) -> JobId {
    let inserted = insert(stage, names, key, IfExists::Keep).await;
    assert!(matches!(inserted, Enqueued::Inserted(_)), "{inserted:?}");
    inserted.id()
}

async fn assert_taken(stage: &Stage, names: &[Names], key: &str, by: JobId) {
    for names in names {
        let answer = insert(stage, *names, key, IfExists::Keep).await;
        assert_eq!(
            answer,
            Enqueued::Existing(by, JobState::Ready),
            "{}",
            names.0
        );
    }
}

async fn claim(stage: &Stage) -> ClaimedJob {
    let kinds = ["a", "b", "c"].map(str::to_owned).to_vec();
    let wish = stage.wish(1, LONG);
    let mut jobs = stage.claim(Claim { kinds, ..wish }).await.jobs;
    jobs.pop().expect("a job is due")
}

async fn complete_next(stage: &Stage, expected: JobId) {
    let job = claim(stage).await;
    assert_eq!(job.id, expected);
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
}

#[derive(Serialize, Deserialize)]
struct Before;

impl Job for Before {
    const KIND: &'static str = "mail";
}

#[derive(Serialize, Deserialize)]
struct After;

impl Job for After {
    const KIND: &'static str = "mail.send";
    const OLD_KINDS: &'static [&'static str] = &["mail"];
}

pub(super) async fn a_job_type_that_was_renamed_keeps_its_keys(stage: Stage) {
    let before = || stage.jobs.enqueue(Before).unique("k", IfExists::Keep);
    let after = || stage.jobs.enqueue(After).unique("k", IfExists::Keep);
    let first = after().await.expect("it is enqueued");
    assert!(matches!(first, Enqueued::Inserted(_)), "{first:?}");
    let existing = Ok(Enqueued::Existing(first.id(), JobState::Ready));
    assert_eq!(before().await, existing);
    assert_eq!(after().await, existing);
    let (mine, other) = (before().queue("other"), after().queue("other"));
    assert_eq!(mine.await, existing);
    assert_eq!(other.await, existing);
}

pub(super) async fn a_key_spans_the_names_whichever_comes_first(stage: Stage) {
    for first in [A, B, A, A_AGAIN, C] {
        let id = inserted(&stage, first, "k").await;
        assert_taken(&stage, &[A, B, C, A_AGAIN], "k", id).await;
        complete_next(&stage, id).await;
    }
}

pub(super) async fn other_kinds_keep_their_keys_apart(stage: Stage) {
    let first = inserted(&stage, B, "k").await;
    let other = inserted(&stage, Names("other", &[]), "k").await;
    assert_ne!(first, other);
    let further = inserted(&stage, A, "l").await;
    assert_taken(&stage, &[B, A], "k", first).await;
    assert_taken(&stage, &[B, A], "l", further).await;
}

pub(super) async fn a_successor_of_another_name_follows(stage: Stage) {
    for (first, next) in [(A, B), (B, A), (A_AGAIN, C), (C, A)] {
        let id = inserted(&stage, first, "k").await;
        let job = claim(&stage).await;
        assert_eq!(job.id, id);
        let successor = insert(&stage, next, "k", IfExists::RunAgain).await;
        assert!(matches!(successor, Enqueued::Inserted(_)), "{successor:?}");
        let further = insert(&stage, first, "k", IfExists::RunAgain).await;
        assert_eq!(further, Enqueued::Existing(successor.id(), JobState::Ready));
        assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
        complete_next(&stage, successor.id()).await;
    }
}

/// A payload is decoded by the code that knows its kind.
pub(super) async fn replace_takes_over_the_kind_of_the_payload(stage: Stage) {
    let id = inserted(&stage, A, "k").await;
    for names in [B, C, A, B] {
        let answer = insert(&stage, names, "k", IfExists::Replace).await;
        assert_eq!(answer, Enqueued::Existing(id, JobState::Ready));
        let view = stage.look(id).await;
        assert_eq!(view.kind.as_bytes(), view.payload);
        assert_eq!(view.kind, names.0);
        assert_taken(&stage, &[A, B, C], "k", id).await;
    }
    complete_next(&stage, id).await;
    let _ = inserted(&stage, A, "k").await;
}

/// So do two types that become one.
pub(super) async fn names_whose_jobs_were_apart_have_their_keys_in_common_from_then_on(
    stage: Stage,
) {
    const WAS: Names = Names("b", &[]);
    const BOTH: Names = Names("c", &["a", "b"]);
    let (first, second) = (
        inserted(&stage, A, "k").await,
        inserted(&stage, WAS, "k").await,
    );
    let (third, fourth) = (
        inserted(&stage, A, "l").await,
        inserted(&stage, WAS, "m").await,
    );
    assert_taken(&stage, &[BOTH], "l", third).await;
    assert_taken(&stage, &[BOTH], "m", fourth).await;
    assert_taken(&stage, &[A, WAS], "l", third).await;
    assert_taken(&stage, &[A, WAS], "m", fourth).await;
    let of_both = insert(&stage, BOTH, "k", IfExists::Keep).await;
    assert!([first, second].contains(&of_both.id()), "{of_both:?}");
    for id in [first, second, third, fourth] {
        complete_next(&stage, id).await;
    }
    let again = inserted(&stage, A, "k").await;
    assert_taken(&stage, &[A, WAS, BOTH], "k", again).await;
}

/// `c` and `b` are one kind already when `b` turns out to be one with `a`.
pub(super) async fn names_that_were_merged_before_are_merged_with_others(stage: Stage) {
    let id = inserted(&stage, C, "k").await;
    assert_taken(&stage, &[B, A, Names("c", &[])], "k", id).await;
    complete_next(&stage, id).await;
    let id = inserted(&stage, Names("c", &[]), "k").await;
    assert_taken(&stage, &[A, B, C], "k", id).await;
}

pub(super) async fn a_successor_that_waits_while_its_kind_is_renamed_follows(stage: Stage) {
    const WAS: Names = Names("b", &[]);
    let first = inserted(&stage, WAS, "k").await;
    let job = claim(&stage).await;
    assert_eq!(job.id, first);
    let successor = insert(&stage, WAS, "k", IfExists::RunAgain).await;
    let running = insert(&stage, B, "k", IfExists::Keep).await;
    assert_eq!(running, Enqueued::Existing(first, JobState::Running));
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    complete_next(&stage, successor.id()).await;
}

pub(super) async fn a_job_that_failed_before_the_renaming_is_retried_with_its_key(stage: Stage) {
    const WAS: Names = Names("b", &[]);
    let failed = inserted(&stage, WAS, "k").await;
    let job = claim(&stage).await;
    let error = "no".to_owned();
    let settled = stage.settle(held(&job), Outcome::Failed { error }).await;
    assert_eq!(settled, Guarded::Held);
    let second = inserted(&stage, B, "k").await;
    let retry = || stage.store.change(vec![ByHand::Retry(failed)]);
    assert_eq!(retry().await, Ok(vec![Changed::KeyTaken]));
    complete_next(&stage, second).await;
    assert_eq!(retry().await, Ok(vec![Changed::Done]));
    assert_taken(&stage, &[A, B, C], "k", failed).await;
}
