//! Do limits by key and rates hold over all claims?

use std::time::Duration;

use laneway::Priority;
use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, failed, held, retry, start};
use crate::store::{
    Awaits, Bounds, ByHand, Claim, ClaimOrder, Claimed, Due, IfExists, KeyRound, NewJob, Rate,
    Uniqueness, Whom,
};
use crate::{Ctx, Job, JobId, JobState, Limit, Retry, Worker};

fn keyed(stage: &Stage, key: &str) -> NewJob {
    NewJob {
        limit_key: Some(key.to_owned()),
        ..stage.job("a")
    }
}

async fn insert_keyed(stage: &Stage, keys: &[&str]) -> Vec<JobId> {
    let jobs: Vec<NewJob> = keys.iter().map(|key| keyed(stage, key)).collect();
    let ids = jobs.iter().map(|job| job.id).collect();
    let _ = stage.store.insert(jobs).await.expect("they are taken");
    ids
}

/// A claim for jobs with keys, with a number of places for each key.
fn wish(stage: &Stage, per_key: u32, limit: usize) -> Claim {
    Claim {
        whom: Whom::Keyed,
        bounds: Bounds {
            per_key: Some(per_key),
            rate: None,
        },
        round: KeyRound {
            after: String::new(),
            keys: 100,
        },
        ..stage.wish(limit, LONG)
    }
}

fn ids(claimed: &Claimed) -> Vec<JobId> {
    claimed.jobs.iter().map(|job| job.id).collect()
}

async fn claim(stage: &Stage, per_key: u32, limit: usize) -> Vec<JobId> {
    ids(&stage.claim(wish(stage, per_key, limit)).await)
}

pub(super) async fn no_more_of_a_key_run_than_have_places(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k", "k", "k", "other"]).await;
    let first = stage.claim(wish(&stage, 2, 9)).await;
    assert_eq!(ids(&first).len(), 3);
    assert!(!ids(&first).contains(&jobs[2]), "two of one key run");
    assert!(claim(&stage, 2, 9).await.is_empty());
    let done = first.jobs.iter().find(|job| job.id == jobs[0]).unwrap();
    let _ = stage.settle(held(done), completed()).await;
    assert_eq!(claim(&stage, 2, 9).await, [jobs[2]]);
    assert_eq!(
        stage.look(jobs[3]).await.limit_key.as_deref(),
        Some("other")
    );
}

pub(super) async fn a_claim_without_a_bound_takes_all_of_a_key(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k"; 5]).await;
    let all = Claim {
        bounds: Bounds::default(),
        ..wish(&stage, 1, 9)
    };
    assert_eq!(ids(&stage.claim(all).await), jobs);
}

pub(super) async fn keys_of_other_queues_are_others(stage: Stage) {
    let elsewhere = NewJob {
        queue: "elsewhere".to_owned(),
        ..keyed(&stage, "k")
    };
    let _ = stage.insert(elsewhere).await;
    let jobs = insert_keyed(&stage, &["k", "k"]).await;
    assert_eq!(claim(&stage, 1, 9).await, jobs[..1]);
    let elsewhere = Claim {
        queue: "elsewhere".to_owned(),
        ..wish(&stage, 1, 9)
    };
    assert_eq!(stage.claim(elsewhere).await.jobs.len(), 1);
}

pub(super) async fn other_claims_pass_over_jobs_with_keys_and_tell_of_them(stage: Stage) {
    let plain = stage.insert_kind("a").await;
    let before = stage.claim(stage.wish(9, LONG)).await;
    assert!(ids(&before) == [plain] && !before.keys_left);
    let jobs = insert_keyed(&stage, &["k"]).await;
    let passed = stage.claim(stage.wish(9, LONG)).await;
    assert!(passed.jobs.is_empty() && passed.keys_left);
    assert_eq!(claim(&stage, 1, 9).await, jobs);
    assert!(!stage.claim(stage.wish(9, LONG)).await.keys_left);
}

pub(super) async fn what_no_claim_may_take_is_not_told_and_not_taken(stage: Stage) {
    let unlike = |change: fn(&mut NewJob)| {
        let mut job = keyed(&stage, "k");
        change(&mut job);
        job
    };
    let unlikes = vec![
        unlike(|job| job.kind = "unknown".to_owned()),
        unlike(|job| job.due = Due::In(LONG)),
        unlike(|job| job.expires_after = Some(Duration::ZERO)),
        unlike(|job| job.queue = "elsewhere".to_owned()),
    ];
    let _ = stage.store.insert(unlikes).await.expect("they are taken");
    let told = stage.claim(stage.wish(9, LONG)).await;
    assert!(!told.keys_left, "{told:?}");
    assert!(claim(&stage, 1, 9).await.is_empty());
    let _ = insert_keyed(&stage, &["k"]).await;
    stage.by_hand(ByHand::Pause("default".to_owned())).await;
    assert!(!stage.claim(stage.wish(9, LONG)).await.keys_left);
    assert!(claim(&stage, 1, 9).await.is_empty());
    stage.by_hand(ByHand::Resume("default".to_owned())).await;
    assert_eq!(claim(&stage, 1, 9).await.len(), 1);
}

pub(super) async fn the_time_of_a_job_with_a_key_is_told(stage: Stage) {
    let later = NewJob {
        due: Due::In(LONG / 2),
        ..keyed(&stage, "k")
    };
    let _ = stage.insert(later).await;
    for claim in [stage.wish(9, LONG), wish(&stage, 1, 9)] {
        let next = stage.claim(claim).await.next.expect("it is due later");
        assert!(next > Duration::ZERO && next <= LONG / 2, "{next:?}");
    }
}

pub(super) async fn keys_take_turns(stage: Stage) {
    let jobs = insert_keyed(&stage, &["a", "a", "a", "b", "c", "c"]).await;
    let first = stage.claim(wish(&stage, 9, 2)).await;
    assert_eq!(ids(&first), [jobs[0], jobs[3]]);
    assert!(first.keys_left);
    let behind = |after: Option<String>, limit| Claim {
        round: KeyRound {
            after: after.expect("it looked at keys"),
            keys: 100,
        },
        ..wish(&stage, 9, limit)
    };
    let second = stage.claim(behind(first.last_key, 1)).await;
    assert_eq!(ids(&second), [jobs[4]], "c, and not a again");
    let third = stage.claim(behind(second.last_key, 9)).await;
    assert!(third.jobs.len() == 3 && !third.keys_left, "{third:?}");
}

pub(super) async fn a_claim_looks_at_so_many_keys_and_tells_where_to_go_on(stage: Stage) {
    let names: Vec<String> = (0..20).map(|number| format!("key {number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let jobs = insert_keyed(&stage, &names).await;
    let (mut after, mut taken) = (String::new(), Vec::new());
    for _ in 0..7 {
        let round = KeyRound { after, keys: 3 };
        let claimed = stage
            .claim(Claim {
                round,
                ..wish(&stage, 1, 9)
            })
            .await;
        assert!(claimed.jobs.len() <= 3 && claimed.keys_left, "{claimed:?}");
        after = claimed.last_key.clone().expect("it looked at keys");
        taken.extend(ids(&claimed));
    }
    taken.sort();
    assert_eq!(taken, jobs);
}

pub(super) async fn high_comes_before_low_among_the_keys_of_a_claim(stage: Stage) {
    let of = |key, lane| NewJob {
        lane,
        ..keyed(&stage, key)
    };
    let jobs = vec![
        of("a", Priority::Low),
        of("b", Priority::Low),
        of("b", Priority::High),
        of("c", Priority::High),
    ];
    let given: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let _ = stage.store.insert(jobs).await.expect("they are taken");
    let first = stage.claim(wish(&stage, 2, 1)).await;
    assert_eq!(ids(&first), given[2..3]);
    let low_first = Claim {
        order: ClaimOrder::LowFirst,
        ..wish(&stage, 2, 2)
    };
    let mut mixed = ids(&stage.claim(low_first).await);
    mixed.sort();
    assert_eq!(
        mixed,
        [given[0], given[3]],
        "half of the places are the other lane's"
    );
}

pub(super) async fn a_job_that_is_tried_again_gives_its_place_away(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k", "k"]).await;
    let first = stage.claim(wish(&stage, 1, 9)).await;
    let _ = stage.settle(held(&first.jobs[0]), retry(SHORT)).await;
    let second = stage.claim(wish(&stage, 1, 9)).await;
    assert_eq!(ids(&second), jobs[1..]);
    sleep(LONGER).await;
    assert!(claim(&stage, 1, 9).await.is_empty(), "its place is taken");
    let _ = stage.settle(held(&second.jobs[0]), failed()).await;
    assert_eq!(claim(&stage, 1, 9).await, jobs[..1]);
}

pub(super) async fn a_lost_worker_keeps_its_places_until_the_rescue_and_no_longer(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k", "k"]).await;
    let lost = Claim {
        lease: SHORT,
        ..wish(&stage, 1, 9)
    };
    let lost = stage.claim(lost).await;
    sleep(LONGER).await;
    assert!(
        claim(&stage, 1, 9).await.is_empty(),
        "the handler may run still"
    );
    assert_eq!(stage.rescue(at_once()).await.all(), 1);
    assert_eq!(claim(&stage, 1, 9).await, jobs[1..]);
    let _ = stage.settle(held(&lost.jobs[0]), completed()).await;
    assert!(
        claim(&stage, 1, 9).await.is_empty(),
        "a lost holder frees nothing"
    );
}

pub(super) async fn a_suspect_waits_for_a_place_of_its_key(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k", "k"]).await;
    let lost = Claim {
        lease: SHORT,
        ..wish(&stage, 1, 1)
    };
    let _ = stage.claim(lost).await;
    sleep(LONGER).await;
    let _ = stage.rescue(at_once()).await;
    let beside = stage.claim(wish(&stage, 1, 9)).await;
    assert!(
        ids(&beside) == jobs[1..] && beside.suspect.is_none(),
        "{beside:?}"
    );
    let suspects = || Claim {
        whom: Whom::Suspects,
        ..wish(&stage, 1, 9)
    };
    assert!(stage.claim(suspects()).await.jobs.is_empty());
    let _ = stage.settle(held(&beside.jobs[0]), completed()).await;
    let told = stage.claim(wish(&stage, 1, 9)).await;
    assert!(
        told.jobs.is_empty() && told.suspect.as_deref() == Some("a"),
        "{told:?}"
    );
    let suspect = stage.claim(suspects()).await;
    assert_eq!(ids(&suspect), jobs[..1]);
    assert!(suspect.jobs[0].fence > beside.jobs[0].fence);
}

pub(super) async fn a_claim_of_an_older_fence_settles_no_job_with_a_key(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k"]).await;
    let first = stage.claim(wish(&stage, 1, 9)).await.jobs.remove(0);
    let _ = stage.settle(held(&first), retry(Duration::ZERO)).await;
    let second = stage.claim(wish(&stage, 1, 9)).await.jobs.remove(0);
    assert!(second.id == jobs[0] && second.fence > first.fence && second.attempt == 2);
    let _ = stage.settle(held(&first), failed()).await;
    assert_eq!(stage.look(jobs[0]).await.state, JobState::Running);
}

pub(super) async fn a_claim_whose_answer_was_lost_is_answered_again(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k"]).await;
    let wish = wish(&stage, 1, 9);
    let _ = stage.claim(wish.clone()).await;
    let again = stage.store.claimed_by(wish.id, LONG).await.unwrap();
    assert_eq!(again.iter().map(|job| job.id).collect::<Vec<_>>(), jobs);
}

pub(super) async fn a_job_with_a_key_keeps_it_through_retries_by_hand_and_waits(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k"]).await;
    let first = stage.claim(wish(&stage, 1, 9)).await.jobs.remove(0);
    let _ = stage.settle(held(&first), failed()).await;
    stage.by_hand(ByHand::Retry(jobs[0])).await;
    assert!(stage.claim(stage.wish(9, LONG)).await.jobs.is_empty());
    assert_eq!(claim(&stage, 1, 9).await, jobs);
    let then = NewJob {
        awaits: Some(Awaits::Settled),
        ..keyed(&stage, "k")
    };
    let member = NewJob {
        awaited_by: Some(then.id),
        ..keyed(&stage, "other")
    };
    let (then_id, member_id) = (then.id, member.id);
    let _ = stage.store.insert(vec![then, member]).await.unwrap();
    let member = stage.claim(wish(&stage, 1, 9)).await;
    assert_eq!(ids(&member), [member_id]);
    let _ = stage.settle(held(&member.jobs[0]), completed()).await;
    assert!(claim(&stage, 1, 9).await.is_empty(), "the key has no place");
    assert_eq!(claim(&stage, 2, 9).await, [then_id]);
}

pub(super) async fn a_job_with_a_key_is_cancelled_deleted_and_counted_as_any_other(stage: Stage) {
    let jobs = insert_keyed(&stage, &["k", "k", "k"]).await;
    stage.by_hand(ByHand::Cancel(jobs[0])).await;
    stage.by_hand(ByHand::Delete(jobs[1])).await;
    let counts = stage.store.counts(100).await.unwrap();
    let counted = |state| {
        let of = counts.iter().find(|count| count.state == state);
        of.map_or(0, |of| of.count)
    };
    assert_eq!(
        (counted(JobState::Ready), counted(JobState::Cancelled)),
        (1, 1)
    );
    assert_eq!(claim(&stage, 1, 9).await, jobs[2..]);
}

pub(super) async fn a_unique_job_keeps_no_limit_key(stage: Stage) {
    let job = NewJob {
        unique: Some(Uniqueness {
            key: "one".to_owned(),
            if_exists: IfExists::Keep,
        }),
        ..keyed(&stage, "k")
    };
    let id = stage.insert(job).await.id();
    assert_eq!(stage.look(id).await.limit_key, None);
    assert_eq!(stage.claim_one(LONG).await.id, id);
}

pub(super) async fn a_rate_holds_over_all_claims_and_tells_when_it_allows_more(stage: Stage) {
    for _ in 0..7 {
        stage.insert_kind("a").await;
    }
    // Long beside the claims, also on a slow machine.
    let period = Duration::from_secs(2);
    let rated = |limit| Claim {
        bounds: Bounds {
            per_key: None,
            rate: Some(Rate::new(3, period)),
        },
        ..stage.wish(limit, LONG)
    };
    assert_eq!(stage.claim(rated(2)).await.jobs.len(), 2);
    let second = stage.claim(rated(9)).await;
    assert_eq!(second.jobs.len(), 1);
    let third = stage.claim(rated(9)).await;
    let wait = third.next.expect("the rate tells when");
    assert!(
        third.jobs.is_empty() && wait <= period * 33 / 32,
        "{third:?}"
    );
    assert!(wait > Duration::ZERO, "{third:?}");
    sleep(wait + Duration::from_millis(20)).await;
    // The third one may have counted from a later slot on.
    let more = stage.claim(rated(9)).await.jobs.len();
    assert!((2..=3).contains(&more), "{more}");
}

pub(super) async fn a_rate_counts_jobs_with_keys_and_suspects(stage: Stage) {
    let _ = insert_keyed(&stage, &["k", "other", "third"]).await;
    let rate = Some(Rate::new(1, LONG));
    let rated = |whom| Claim {
        whom,
        lease: SHORT,
        bounds: Bounds {
            per_key: None,
            rate,
        },
        ..wish(&stage, 1, 9)
    };
    assert_eq!(stage.claim(rated(Whom::Keyed)).await.jobs.len(), 1);
    sleep(LONGER).await;
    let _ = stage.rescue(at_once()).await;
    assert!(stage.claim(rated(Whom::Keyed)).await.jobs.is_empty());
    assert!(stage.claim(rated(Whom::Suspects)).await.jobs.is_empty());
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Import;

impl Job for Import {
    const KIND: &'static str = "import";
}

/// So many workers with one handler, which counts how many of a key run.
pub(super) async fn workers_run_no_more_of_a_key_and_all_jobs_in_the_end(stage: Stage) {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    let running: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let worker = |running: Arc<Mutex<BTreeMap<String, u32>>>| {
        let jobs = stage.jobs.clone();
        let handler = move |_: Import, ctx: Ctx| {
            let (running, jobs) = (running.clone(), jobs.clone());
            async move {
                let view = jobs.find(ctx.id()).await?.expect("it runs");
                let key = view.limit_key.unwrap_or_default();
                let now = {
                    let mut running = running.lock().unwrap();
                    let now = running.entry(key.clone()).or_default();
                    *now += 1;
                    *now
                };
                laneway::yield_now().await;
                *running.lock().unwrap().get_mut(&key).expect("it runs") -= 1;
                match now > 2 && !key.is_empty() {
                    true => Err(Retry::never(format!("{now} of {key}"))),
                    false => Ok(()),
                }
            }
        };
        let worker = Worker::new(&stage.jobs).handle(handler);
        start(worker.queue("default", Limit::in_flight(8).per_key(2)))
    };
    let workers = [worker(running.clone()), worker(running.clone())];
    let mut ids = Vec::new();
    for number in 0..40 {
        let job = stage.jobs.enqueue(Import);
        let job = match number % 4 {
            0 => job,
            number => job.limit_key(format!("key {}", number / 2)),
        };
        ids.push(job.await.expect("it is enqueued").id());
    }
    for id in ids {
        stage
            .jobs
            .wait::<()>(id)
            .await
            .expect("no more of a key run");
    }
    for worker in workers {
        assert!(worker.shutdown(LONG).await.is_clean());
    }
}
