//! Is every transition of a lost holder refused?

use std::time::Duration;

use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::JobState;
use crate::store::{
    ByHand, Changed, Guarded, Held, Note, NoteKind, Outcome, Renewal, Step, StoreError, Whom,
};

fn outcomes() -> Vec<Outcome> {
    let error = || "no".to_owned();
    vec![
        completed(),
        Outcome::Retry {
            after: Duration::ZERO,
            error: error(),
        },
        Outcome::Failed { error: error() },
        Outcome::Snoozed(Duration::ZERO),
        Outcome::Returned,
    ]
}

fn notes(held: Held) -> Vec<Note> {
    let step = Step {
        name: "step".to_owned(),
        value: b"2".to_vec(),
    };
    let progress = NoteKind::Progress {
        part: 0.5,
        text: String::new(),
    };
    [progress, NoteKind::Step(step)]
        .map(|kind| Note { held, kind })
        .into()
}

async fn assert_refused(stage: &Stage, lost: Held) {
    for outcome in outcomes() {
        let answer = stage.settle(lost, outcome.clone()).await;
        assert_eq!(answer, Guarded::LeaseLost, "{outcome:?}");
    }
    let renewed = stage.store.renew(vec![lost], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::LeaseLost]));
    let noted = stage.store.note(notes(lost)).await;
    assert_eq!(noted, Ok(vec![Guarded::LeaseLost; 2]));
    assert_eq!(stage.store.steps(lost.id).await, Ok(vec![]));
}

pub(super) async fn an_older_fence_is_refused_by_every_transition(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    stage.rescue(at_once()).await;
    let mut wish = stage.wish(1, LONG);
    wish.whom = Whom::Suspects;
    let holder = stage.claim(wish).await.jobs.remove(0);
    assert_refused(&stage, held(&lost)).await;
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.fence),
        (JobState::Running, Some(holder.fence))
    );
    assert_eq!(
        stage.settle(held(&holder), completed()).await,
        Guarded::Held
    );
}

pub(super) async fn a_lost_holder_prolongs_no_other_lease(stage: Stage) {
    stage.insert_kind("a").await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert!(stage.claim_suspect(SHORT).await.is_some());
    let renewed = stage.store.renew(vec![held(&lost)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::LeaseLost]));
    sleep(LONGER).await;
    assert_eq!(
        stage.rescue(at_once()).await.ready,
        1,
        "its own lease has ended"
    );
}

pub(super) async fn a_lease_that_has_ended_is_refused_by_every_transition(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_refused(&stage, held(&lost)).await;
    assert_eq!(
        stage.look(id).await.state,
        JobState::Running,
        "until it is rescued"
    );
}

pub(super) async fn a_renewal_after_the_end_is_refused(stage: Stage) {
    stage.insert_kind("a").await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let renewed = stage.store.renew(vec![held(&lost)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::LeaseLost]));
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
}

pub(super) async fn a_renewed_lease_goes_on(stage: Stage) {
    stage.insert_kind("a").await;
    let job = stage.claim_one(Duration::from_secs(2)).await;
    let renewed = stage.store.renew(vec![held(&job)], LONG).await;
    assert_eq!(renewed, Ok(vec![Renewal::Renewed]));
    sleep(Duration::from_millis(2_100)).await;
    assert_eq!(stage.rescue(at_once()).await, Default::default());
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
}

pub(super) async fn a_lost_holder_does_not_take_a_rescue_for_its_own_settlement(stage: Stage) {
    stage.insert_kind("a").await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert_refused(&stage, held(&lost)).await;
    assert_eq!(stage.look(lost.id).await.state, JobState::Ready);
}

pub(super) async fn the_first_value_of_a_step_stays(stage: Stage) {
    stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    for value in [b"1", b"2"] {
        let step = Step {
            name: "step".to_owned(),
            value: value.to_vec(),
        };
        let note = Note {
            held: held(&job),
            kind: NoteKind::Step(step),
        };
        assert_eq!(stage.store.note(vec![note]).await, Ok(vec![Guarded::Held]));
    }
    let steps = stage.store.steps(job.id).await.expect("it is answered");
    assert_eq!((steps.len(), &steps[0].value[..]), (1, &b"1"[..]));
}

async fn keep_step(stage: &Stage, held: Held, name: &str) -> Result<Vec<Guarded>, StoreError> {
    let step = Step {
        name: name.to_owned(),
        value: b"1".to_vec(),
    };
    let kind = NoteKind::Step(step);
    stage.store.note(vec![Note { held, kind }]).await
}

pub(super) async fn steps_are_those_of_their_job(stage: Stage) {
    let [first, second] = [stage.insert_kind("a").await, stage.insert_kind("a").await];
    let jobs = stage.claim(stage.wish(2, LONG)).await.jobs;
    let names = ["", "load", "load ", "'; --", "\u{1f980}"];
    for name in names {
        let kept = keep_step(&stage, held(&jobs[0]), name).await;
        assert_eq!(kept, Ok(vec![Guarded::Held]), "{name:?}");
    }
    let steps = stage.store.steps(first).await.expect("they are read");
    let mut found: Vec<&str> = steps.iter().map(|step| &*step.name).collect();
    found.sort_unstable();
    assert_eq!(found, ["", "'; --", "load", "load ", "\u{1f980}"]);
    assert_eq!(stage.store.steps(second).await, Ok(Vec::new()));
}

/// A store that cannot keep a name says so: another name would be another step.
pub(super) async fn a_step_is_kept_under_its_own_name_or_refused(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    for name in ["a\0b".to_owned(), random_text(100_000)] {
        let kept = keep_step(&stage, held(&job), &name).await;
        let steps = stage.store.steps(id).await.expect("they are read");
        let has = steps.iter().any(|step| step.name == name);
        assert_eq!(has, kept.is_ok(), "{kept:?}");
        assert!(steps.iter().all(|step| step.name != "a\u{fffd}b"));
    }
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
}

/// Text that does not compress.
fn random_text(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    (0..length).map(|_| random.alphanumeric()).collect()
}

/// Not even when the job has been settled since, by another fence.
pub(super) async fn what_another_fence_has_settled_is_none_of_its_own(stage: Stage) {
    for outcome in outcomes() {
        let id = stage.insert_kind("a").await;
        let lost = stage.claim_one(SHORT).await;
        sleep(LONGER).await;
        assert_eq!(stage.rescue(at_once()).await.ready, 1);
        let mut wish = stage.wish(1, LONG);
        wish.whom = Whom::Suspects;
        let second = stage.claim(wish).await.jobs.remove(0);
        assert_eq!((second.id, lost.id), (id, id));
        assert_eq!(stage.settle(held(&second), outcome).await, Guarded::Held);
        assert_refused(&stage, held(&lost)).await;
        let delete = stage.store.change(vec![ByHand::Delete(id)]).await;
        assert_eq!(delete, Ok(vec![Changed::Done]));
    }
}

pub(super) async fn progress_is_that_of_its_holder(stage: Stage) {
    let id = stage.insert_kind("a").await;
    assert_eq!(stage.look(id).await.progress, None);
    let job = stage.claim_one(LONG).await;
    for (part, text) in [(0.25, "<b> \u{1f980}"), (1.0, ""), (0.5, "back")] {
        let text = text.to_owned();
        let kind = NoteKind::Progress {
            part,
            text: text.clone(),
        };
        let note = Note {
            held: held(&job),
            kind,
        };
        assert_eq!(stage.store.note(vec![note]).await, Ok(vec![Guarded::Held]));
        let view = stage.look(id).await;
        assert_eq!(
            (view.progress, view.progress_text),
            (Some(part), Some(text))
        );
    }
}
