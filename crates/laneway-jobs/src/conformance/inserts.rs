//! Does an insert keep what it was given, once?

use std::time::Duration;

use laneway::Priority;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stage::{LONG, Stage, held, start};
use crate::store::{
    Claim, Due, Enqueued, Guarded, IfExists, JobSearch, LIST_LIMIT, NewJob, Note, NoteKind, Step,
    StoreError, Uniqueness,
};
use crate::{
    Ctx, Enqueue, EnqueueError, Job, JobError, JobState, KEY_LIMIT, Limit, NAME_LIMIT,
    NESTING_LIMIT, NameError, PAYLOAD_LIMIT, PayloadError, Worker,
};

pub(super) async fn an_inserted_job_is_ready_and_has_all_that_was_given(stage: Stage) {
    let mut job = stage.job("a");
    (job.lane, job.max_attempts) = (Priority::High, 3);
    job.due = Due::In(Duration::from_secs(60));
    job.parent = Some(stage.jobs.next_id());
    job.payload = br#"{"to":"Ada"}"#.to_vec();
    let id = stage.insert(job.clone()).await.id();
    let view = stage.look(id).await;
    assert_eq!(view.state, JobState::Ready);
    assert_eq!(
        (view.kind, view.queue, view.lane),
        (job.kind, job.queue, job.lane)
    );
    assert_eq!(
        (view.attempt, view.max_attempts, view.parent),
        (0, 3, job.parent)
    );
    assert_eq!(view.payload, job.payload);
    let wait = view.run_at.duration_since(view.created_at);
    assert_eq!(wait.ok(), Some(Duration::from_secs(60)));
}

pub(super) async fn an_insert_that_is_sent_again_is_one_job(stage: Stage) {
    let job = stage.job("a");
    for _ in 0..3 {
        assert_eq!(stage.insert(job.clone()).await, Enqueued::Inserted(job.id));
    }
    assert_eq!(stage.all().await.len(), 1);
}

pub(super) async fn a_batch_is_answered_in_its_order(stage: Stage) {
    let jobs: Vec<_> = (0..100).map(|_| stage.job("a")).collect();
    let ids: Vec<_> = jobs.iter().map(|job| Enqueued::Inserted(job.id)).collect();
    assert_eq!(stage.store.insert(jobs).await, Ok::<_, StoreError>(ids));
}

#[derive(Serialize, Deserialize)]
struct Large(String);

impl Job for Large {
    const KIND: &'static str = "a";
}

pub(super) async fn a_large_payload_is_refused_and_says_what_to_do(stage: Stage) {
    let fits = "x".repeat(PAYLOAD_LIMIT - 2);
    assert!(stage.jobs.enqueue(Large(fits.clone())).await.is_ok());
    let refused = stage.jobs.enqueue(Large(fits + "x")).await;
    let bytes = PAYLOAD_LIMIT + 1;
    let expected = EnqueueError::Payload(PayloadError::TooLarge { bytes });
    assert_eq!(refused, Err(expected.clone()));
    assert!(expected.to_string().contains("store the data elsewhere"));
}

fn small(stage: &Stage) -> Enqueue {
    stage.jobs.enqueue(Large(String::new()))
}

/// A text that takes as many bytes in a store as it has.
fn random(bytes: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..bytes).map(|_| rng.alphanumeric()).collect()
}

pub(super) async fn a_name_that_not_every_store_keeps_is_refused_and_says_what_to_do(stage: Stage) {
    let keyed = |key: String| small(&stage).unique(key, IfExists::Keep);
    for (refused, advice) in [
        (small(&stage).queue("a\0b"), "leave it out"),
        (small(&stage).queue(random(NAME_LIMIT + 1)), "shorten it"),
        (keyed("a\0b".to_owned()), "leave it out"),
        (keyed(random(KEY_LIMIT + 1)), "shorten it"),
    ] {
        let refused = refused.await;
        let says = |error: &NameError| error.to_string().contains(advice);
        assert!(
            matches!(&refused, Err(EnqueueError::Name(error)) if says(error)),
            "{refused:?}"
        );
    }
    assert!(stage.all().await.is_empty());
}

pub(super) async fn the_longest_names_are_kept(stage: Stage) {
    let (queue, key) = (random(NAME_LIMIT), random(KEY_LIMIT));
    let kind = random(NAME_LIMIT);
    let mut job = stage.job(&kind);
    job.queue.clone_from(&queue);
    job.unique = Some(Uniqueness {
        key,
        if_exists: IfExists::Keep,
    });
    let id = stage.insert(job.clone()).await.id();
    let again = NewJob {
        id: stage.jobs.next_id(),
        ..job
    };
    let existing = stage.insert(again).await;
    assert_eq!(existing, Enqueued::Existing(id, JobState::Ready));
    let claim = Claim {
        kinds: vec![kind],
        queue,
        worker: random(NAME_LIMIT),
        ..stage.wish(1, LONG)
    };
    let job = &stage.claim(claim).await.jobs[0];
    let step = Step {
        name: random(KEY_LIMIT),
        value: b"1".to_vec(),
    };
    let note = Note {
        held: held(job),
        kind: NoteKind::Step(step.clone()),
    };
    assert_eq!(stage.store.note(vec![note]).await, Ok(vec![Guarded::Held]));
    assert_eq!(stage.store.steps(id).await, Ok(vec![step]));
}

#[derive(Serialize, Deserialize)]
struct Deep(Value);

impl Job for Deep {
    const KIND: &'static str = "a";
}

impl Deep {
    fn of(levels: usize) -> Deep {
        let within = |inner, _| Value::Array(vec![inner]);
        Deep((1..levels).fold(Value::Array(Vec::new()), within))
    }
}

pub(super) async fn a_deep_payload_is_refused_at_every_entrance(stage: Stage) {
    let deepest = || stage.jobs.enqueue(Deep::of(NESTING_LIMIT));
    let deeper = || stage.jobs.enqueue(Deep::of(NESTING_LIMIT + 1));
    let levels = NESTING_LIMIT + 1;
    let expected = EnqueueError::Payload(PayloadError::TooDeep { levels });
    assert!(expected.to_string().contains("as a text"));
    assert_eq!(deeper().await, Err(expected.clone()));
    let all = stage.jobs.enqueue_all([deepest(), deeper()]).await;
    assert_eq!(all, Err(expected.clone()));
    let batch = stage.jobs.batch().member(deeper()).then(deepest()).await;
    assert_eq!(batch, Err(expected.clone()));
    let chain = stage.jobs.enqueue_chain([deepest(), deeper()]).await;
    assert_eq!(chain, Err(expected.clone()));
    assert!(stage.all().await.is_empty(), "none is enqueued");
    let id = deepest().await.expect("it can be read back").id();
    let worker = start(children_of_deep_jobs(&stage));
    let refused: String = stage.jobs.wait(id).await.expect("it is decoded");
    assert_eq!(refused, expected.to_string());
    assert!(worker.shutdown(LONG).await.is_clean());
}

/// A worker whose handler enqueues a child that is too deep, and gives the reason why it cannot.
fn children_of_deep_jobs(stage: &Stage) -> Worker {
    let worker = Worker::new(&stage.jobs).queue("default", Limit::in_flight(1));
    worker.handle(|Deep(inner), ctx: Ctx| async move {
        let child = ctx.enqueue(Deep(Value::Array(vec![inner]))).await;
        let refused = child.err().map(|error| error.to_string());
        Ok::<_, JobError>(refused.unwrap_or_default())
    })
}

pub(super) async fn a_list_is_bounded_and_goes_on_before_its_last_job(stage: Stage) {
    let jobs = (0..=LIST_LIMIT).map(|_| stage.job("a")).collect();
    let first = stage.store.insert(jobs).await.expect("they are inserted")[0].id();
    let search = |before| JobSearch {
        before,
        limit: usize::MAX,
        ..JobSearch::default()
    };
    let page = stage.jobs.search(search(None)).await.expect("it is found");
    assert_eq!(page.jobs.len(), LIST_LIMIT);
    assert_eq!(page.next, page.jobs.last().map(|view| view.id));
    let rest = stage.jobs.search(search(page.next)).await;
    let rest = rest.expect("it is found").jobs;
    let rest: Vec<_> = rest.iter().map(|view| view.id).collect();
    assert_eq!(rest, [first]);
}
