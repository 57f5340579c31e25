//! Does the job that follows a batch run once, when all members have ended?

use std::time::Duration;

use laneway::Handle;
use laneway::time::sleep;
use serde::{Deserialize, Serialize};

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, failed, held};
use crate::store::{
    Awaits, BatchCounts, ByHand, Due, Enqueued, Guarded, IfExists, NewJob, Outcome, Pruning,
    Rescue, Settlement, Uniqueness,
};
use crate::{Ctx, EnqueueError, Job, JobError, JobId, JobState, Limit, Retry, Worker};

/// A batch of `members` members of kind "a"; a job of kind "b" follows.
fn batch(stage: &Stage, members: usize) -> Vec<NewJob> {
    let mut then = stage.job("b");
    then.awaits = Some(Awaits::Settled);
    let id = then.id;
    let mut all = vec![then];
    all.extend((0..members).map(|_| member(stage, id)));
    all
}

fn member(stage: &Stage, then: JobId) -> NewJob {
    let mut member = stage.job("a");
    member.awaited_by = Some(then);
    member
}

async fn insert(stage: &Stage, members: usize) -> JobId {
    let batch = batch(stage, members);
    let then = batch[0].id;
    let inserted = stage.store.insert(batch).await;
    assert_eq!(inserted.map(|all| all.len()), Ok(members + 1));
    then
}

async fn counts(stage: &Stage, then: JobId) -> BatchCounts {
    let counts = stage.store.batches(vec![then]).await;
    counts.expect("it is answered")[0].expect("it awaits members")
}

async fn end_one(stage: &Stage, outcome: Outcome) -> JobId {
    let job = stage.claim(stage.wish(1, LONG)).await.jobs.remove(0);
    assert_eq!(stage.settle(held(&job), outcome).await, Guarded::Held);
    job.id
}

/// Nothing is due but what follows the batch, which is not due twice.
async fn assert_follows(stage: &Stage, then: JobId) {
    let claimed = stage.claim(stage.wish(9, LONG)).await.jobs;
    let ids: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(ids, [then]);
    let done = stage.settle(held(&claimed[0]), completed()).await;
    assert_eq!(done, Guarded::Held);
    assert!(stage.claim(stage.wish(9, LONG)).await.jobs.is_empty());
}

async fn assert_waits(stage: &Stage, then: JobId) {
    assert!(stage.claim(stage.wish(9, LONG)).await.jobs.is_empty());
    assert_eq!(stage.look(then).await.state, JobState::Ready);
}

pub(super) async fn it_follows_when_the_last_member_is_settled(stage: Stage) {
    let then = insert(&stage, 3).await;
    for ended in 1..=3 {
        let claimed = stage.claim(stage.wish(9, LONG)).await.jobs;
        assert_eq!(claimed.len(), 4 - ended, "members alone");
        assert!(claimed.iter().all(|job| job.awaited_by == Some(then)));
        let done = stage.settle(held(&claimed[0]), completed()).await;
        assert_eq!(done, Guarded::Held);
        assert_eq!(counts(&stage, then).await.left(), 3 - ended as u64);
        for job in &claimed[1..] {
            let _ = stage.settle(held(job), Outcome::Returned).await;
        }
    }
    assert!(counts(&stage, then).await.are_all_done());
    assert_follows(&stage, then).await;
}

pub(super) async fn an_empty_batch_has_ended_at_once(stage: Stage) {
    let then = insert(&stage, 0).await;
    assert_eq!(counts(&stage, then).await, BatchCounts::default());
    assert_follows(&stage, then).await;
}

pub(super) async fn every_way_to_end_is_counted(stage: Stage) {
    let then = insert(&stage, 6).await;
    end_one(&stage, completed()).await;
    end_one(&stage, failed()).await;
    let all = stage.all().await;
    let ready = all.iter().filter(|view| view.awaited_by == Some(then));
    let mut ready = ready.filter(|view| view.state == JobState::Ready);
    let mut next = || ready.next().expect("four are left").id;
    stage.by_hand(ByHand::Cancel(next())).await;
    stage.by_hand(ByHand::Delete(next())).await;
    assert_eq!(stage.claim(stage.wish(1, SHORT)).await.jobs.len(), 1);
    sleep(LONGER).await;
    let mut first = at_once();
    first.max_crashes = 1;
    assert_eq!(stage.rescue(first).await.quarantined, 1);
    assert_eq!(counts(&stage, then).await.left(), 1);
    end_one(&stage, completed()).await;
    let expected = BatchCounts {
        total: 6,
        done: 2,
        failed: 1,
        cancelled: 2,
        quarantined: 1,
    };
    assert_eq!(counts(&stage, then).await, expected);
    assert_follows(&stage, then).await;
}

pub(super) async fn a_member_that_expires_has_ended(stage: Stage) {
    let mut batch = batch(&stage, 1);
    batch[1].expires_after = Some(SHORT);
    let then = batch[0].id;
    assert!(stage.store.insert(batch).await.is_ok());
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.failed, 1);
    assert_eq!(counts(&stage, then).await.failed, 1);
    assert_follows(&stage, then).await;
}

pub(super) async fn what_does_not_settle_a_member_is_not_counted(stage: Stage) {
    let then = insert(&stage, 1).await;
    let again = Outcome::Retry {
        after: Duration::ZERO,
        error: "no".to_owned(),
    };
    for outcome in [again, Outcome::Returned, Outcome::Snoozed(Duration::ZERO)] {
        end_one(&stage, outcome).await;
        assert_eq!(counts(&stage, then).await.left(), 1);
    }
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert_eq!(counts(&stage, then).await.left(), 1);
    assert_waits(&stage, then).await;
}

/// As after a commit whose answer was lost.
pub(super) async fn what_is_sent_again_is_counted_once(stage: Stage) {
    let batch = batch(&stage, 2);
    let then = batch[0].id;
    for _ in 0..3 {
        assert!(stage.store.insert(batch.clone()).await.is_ok());
    }
    assert_eq!(counts(&stage, then).await.total, 2);
    for outcome in [completed(), failed()] {
        let job = stage.claim(stage.wish(1, LONG)).await.jobs.remove(0);
        for _ in 0..3 {
            let answer = stage.settle(held(&job), outcome.clone()).await;
            assert_eq!(answer, Guarded::Held);
        }
    }
    let counted = counts(&stage, then).await;
    assert_eq!((counted.done, counted.failed, counted.left()), (1, 1, 0));
    assert!(stage.store.insert(batch).await.is_ok());
    assert_follows(&stage, then).await;
}

pub(super) async fn a_lost_holder_counts_nothing(stage: Stage) {
    let then = insert(&stage, 1).await;
    let lost = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let refused = stage.settle(held(&lost), completed()).await;
    assert_eq!(refused, Guarded::LeaseLost);
    assert_eq!(counts(&stage, then).await.left(), 1);
}

pub(super) async fn a_member_that_is_added_is_awaited(stage: Stage) {
    let then = insert(&stage, 1).await;
    let parent = stage.claim_one(LONG).await;
    let _ = stage.insert(member(&stage, then)).await;
    assert_eq!(
        stage.settle(held(&parent), completed()).await,
        Guarded::Held
    );
    assert_eq!(counts(&stage, then).await.left(), 1);
    end_one(&stage, completed()).await;
    let _ = stage.insert(member(&stage, then)).await;
    assert_eq!(counts(&stage, then).await.total, 2, "it is over");
    end_one(&stage, completed()).await;
    let late = stage.claim_one(LONG).await;
    assert_eq!(late.kind, "a", "it runs for itself");
}

pub(super) async fn pruned_members_stay_counted(stage: Stage) {
    let then = insert(&stage, 2).await;
    let id = end_one(&stage, completed()).await;
    sleep(LONGER).await;
    let all = Pruning {
        done_after: Duration::ZERO,
        failed_after: Duration::ZERO,
        limit: 9,
    };
    assert_eq!(stage.store.prune(all).await, Ok(1));
    let gone = stage
        .store
        .look(vec![id])
        .await
        .map(|views| views[0].is_none());
    assert_eq!(gone, Ok(true));
    end_one(&stage, completed()).await;
    let counted = counts(&stage, then).await;
    assert_eq!((counted.total, counted.done), (2, 2));
    assert_follows(&stage, then).await;
}

pub(super) async fn a_member_that_is_retried_by_hand_is_awaited_until_the_end(stage: Stage) {
    let then = insert(&stage, 2).await;
    let id = end_one(&stage, failed()).await;
    stage.by_hand(ByHand::Retry(id)).await;
    let counted = counts(&stage, then).await;
    assert_eq!((counted.failed, counted.left()), (0, 2));
    end_one(&stage, completed()).await;
    let last = end_one(&stage, failed()).await;
    assert_follows(&stage, then).await;
    let at_the_end = counts(&stage, then).await;
    assert_eq!((at_the_end.done, at_the_end.failed), (1, 1));
    stage.by_hand(ByHand::Retry(last)).await;
    end_one(&stage, completed()).await;
    assert!(stage.claim(stage.wish(9, LONG)).await.jobs.is_empty());
    assert_eq!(counts(&stage, then).await, at_the_end);
}

pub(super) async fn a_settled_member_that_is_deleted_is_counted_once(stage: Stage) {
    let then = insert(&stage, 2).await;
    let id = end_one(&stage, completed()).await;
    stage.by_hand(ByHand::Delete(id)).await;
    assert_eq!(counts(&stage, then).await.left(), 1);
    end_one(&stage, completed()).await;
    assert_follows(&stage, then).await;
}

pub(super) async fn what_follows_can_be_cancelled_and_waits_again_when_it_is_retried(stage: Stage) {
    let then = insert(&stage, 2).await;
    stage.by_hand(ByHand::Cancel(then)).await;
    end_one(&stage, completed()).await;
    stage.by_hand(ByHand::Retry(then)).await;
    assert_eq!(stage.look(then).await.state, JobState::Ready);
    end_one(&stage, completed()).await;
    assert_follows(&stage, then).await;
    let second = insert(&stage, 1).await;
    stage.by_hand(ByHand::Delete(second)).await;
    end_one(&stage, completed()).await;
    assert!(stage.claim(stage.wish(9, LONG)).await.jobs.is_empty());
}

pub(super) async fn an_existing_unique_job_is_no_member(stage: Stage) {
    let unique = |mut job: NewJob| {
        job.unique = Some(Uniqueness {
            key: "key".to_owned(),
            if_exists: IfExists::Keep,
        });
        job
    };
    let _ = stage.insert(unique(stage.job("a"))).await;
    let mut batch = batch(&stage, 1);
    batch[1] = unique(batch[1].clone());
    let then = batch[0].id;
    let inserted = stage.store.insert(batch).await.expect("they are taken");
    assert!(matches!(inserted[1], Enqueued::Existing(..)));
    assert_eq!(counts(&stage, then).await.total, 0);
    assert_eq!(stage.claim(stage.wish(9, LONG)).await.jobs.len(), 2);
}

pub(super) async fn what_awaits_nothing_has_no_counts(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let counts = stage.store.batches(vec![id, stage.jobs.next_id()]).await;
    assert_eq!(counts, Ok(vec![None, None]));
}

#[derive(Serialize, Deserialize)]
struct Part(u32);

impl Job for Part {
    const KIND: &'static str = "a";
}

#[derive(Serialize, Deserialize)]
struct Sum;

impl Job for Sum {
    const KIND: &'static str = "b";
}

/// Every tenth member adds one more, every hundredth fails.
async fn part(Part(n): Part, ctx: Ctx) -> Result<(), JobError> {
    match n {
        n if n.is_multiple_of(100) => Err(Retry::never("no")),
        n if n.is_multiple_of(10) => {
            let _ = ctx.enqueue_member(Part(1)).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn sum(_: Sum, ctx: Ctx) -> Result<(u64, u64), JobError> {
    let counts = ctx.batch_counts().await?;
    Ok((counts.done, counts.failed))
}

pub(super) async fn ten_thousand_members_are_followed_once(stage: Stage) {
    let then = insert(&stage, 10_000).await;
    for _ in 0..10 {
        let jobs = stage.claim(stage.wish(1_000, LONG)).await.jobs;
        let settlements = jobs.iter().map(|job| Settlement {
            held: held(job),
            outcome: completed(),
        });
        let settled = stage.store.settle(settlements.collect()).await;
        assert_eq!(settled, Ok(vec![Guarded::Held; 1_000]));
    }
    let counted = counts(&stage, then).await;
    assert_eq!((counted.total, counted.done), (10_000, 10_000));
    assert_follows(&stage, then).await;
}

pub(super) async fn members_and_their_children_are_followed_once_by_a_worker(stage: Stage) {
    let members = (0..1_000).map(|n| stage.jobs.enqueue(Part(n)));
    let then = stage.jobs.enqueue(Sum);
    let batch = stage.jobs.batch().members(members).then(then).await;
    let batch = batch.expect("it is enqueued");
    let worker = Worker::new(&stage.jobs).queue("default", Limit::in_flight(64));
    let worker = worker.handle(part).handle(sum).start(&Handle::current());
    let worker = worker.expect("the worker is set up");
    let sum = stage.jobs.wait::<(u64, u64)>(batch.then).await;
    assert_eq!(sum, Ok((990 + 90, 10)), "90 children");
    assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
}

pub(super) async fn what_follows_cannot_be_unique(stage: Stage) {
    let then = stage.jobs.enqueue(Sum).unique("key", IfExists::Keep);
    let refused = stage.jobs.batch().then(then).await;
    assert_eq!(refused, Err(EnqueueError::WaitingUnique));
}

/// Its place in the queue is that of the moment at which its wait ends, or of its own time.
pub(super) async fn what_follows_is_due_from_the_end_of_its_wait_on(stage: Stage) {
    let then = insert(&stage, 1).await;
    let mut later = batch(&stage, 1);
    later[0].due = Due::In(LONG);
    let later_id = later[0].id;
    assert!(stage.store.insert(later).await.is_ok());
    sleep(LONGER).await;
    let now = stage.store.queues().await.expect("they are listed").now;
    for _member in 0..2 {
        end_one(&stage, completed()).await;
    }
    assert!(stage.look(then).await.run_at >= now);
    let later = stage.look(later_id).await;
    assert!(later.run_at > now + LONG / 2, "not before its own time");
    assert_eq!(stage.claim_one(LONG).await.id, then);
}

/// A batch that has ended is not begun again.
pub(super) async fn a_member_of_an_empty_batch_comes_too_late(stage: Stage) {
    let then = insert(&stage, 0).await;
    let _ = stage.insert(member(&stage, then)).await;
    assert_eq!(counts(&stage, then).await, BatchCounts::default());
    let ended = [
        end_one(&stage, completed()).await,
        end_one(&stage, completed()).await,
    ];
    assert!(ended.contains(&then));
    assert_eq!(stage.look(then).await.attempt, 1);
}

/// In whichever way it had ended.
pub(super) async fn a_member_that_is_retried_is_taken_out_of_its_count(stage: Stage) {
    let then = insert(&stage, 4).await;
    end_one(&stage, failed()).await;
    let cancelled = stage.claim(stage.wish(1, LONG)).await.jobs.remove(0);
    let _ = stage.settle(held(&cancelled), Outcome::Returned).await;
    stage.by_hand(ByHand::Cancel(cancelled.id)).await;
    let lost = stage.claim(stage.wish(1, SHORT)).await.jobs.remove(0);
    sleep(LONGER).await;
    let strict = Rescue {
        max_crashes: 1,
        ..at_once()
    };
    assert_eq!(stage.rescue(strict).await.quarantined, 1);
    let before = counts(&stage, then).await;
    assert_eq!(
        (before.failed, before.cancelled, before.quarantined),
        (1, 1, 1)
    );
    for id in [cancelled.id, lost.id] {
        stage.by_hand(ByHand::Retry(id)).await;
    }
    let after = counts(&stage, then).await;
    assert_eq!(
        (after.failed, after.cancelled, after.quarantined),
        (1, 0, 0)
    );
    for _member in 0..3 {
        end_one(&stage, completed()).await;
    }
    assert_eq!(end_one(&stage, completed()).await, then);
}
