//! Does what was reported of other queues happen here? Each case is named by the queue and the
//! number of the report.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use laneway::time::sleep;
use laneway::{Handle, Priority, Task};
use serde::{Deserialize, Serialize};

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, failed, held, retry, start};
use crate::store::{
    ByHand, Changed, ClaimedJob, Due, Enqueued, Guarded, Held, IfExists, NewJob, Outcome, Renewal,
    Rescue, Uniqueness,
};
use crate::{
    Ctx, IfUnfinished, Job, JobError, JobId, JobState, Limit, Schedule, Worker, WorkerHandle,
};

const SECOND: Duration = Duration::from_secs(1);
/// A lease that cases let end, and within which a busy machine makes a transition.
const ROOMY: Duration = Duration::from_millis(1_500);

#[derive(Serialize, Deserialize)]
struct Numbered(u32);

impl Job for Numbered {
    const KIND: &'static str = "a";
}

fn unique(stage: &Stage, key: &str, if_exists: IfExists) -> NewJob {
    let key = key.to_owned();
    NewJob {
        unique: Some(Uniqueness { key, if_exists }),
        ..stage.job("a")
    }
}

async fn claim(stage: &Stage, limit: usize, lease: Duration) -> Vec<ClaimedJob> {
    stage.claim(stage.wish(limit, lease)).await.jobs
}

async fn renew(stage: &Stage, held: Held) -> Renewal {
    let renewed = stage.store.renew(vec![held], LONG).await;
    renewed.expect("the renewal is answered")[0]
}

async fn state(stage: &Stage, id: JobId) -> JobState {
    stage.look(id).await.state
}

/// The rescue came by an older view and wrote over a job that had been completed meanwhile.
pub(super) async fn river_1302_a_rescue_leaves_a_completed_job_alone(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(ROOMY).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    sleep(ROOMY + SHORT).await;
    assert_eq!(stage.rescue(at_once()).await, Default::default());
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.crashes, view.error),
        (JobState::Done, 0, None)
    );
}

/// The same, where the job was renewed, or claimed anew, in between.
pub(super) async fn river_1373_a_rescue_leaves_the_next_holder_alone(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let first = stage.claim_one(ROOMY).await;
    assert_eq!(renew(&stage, held(&first)).await, Renewal::Renewed);
    sleep(ROOMY + SHORT).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 0, "it was renewed");
    assert_eq!(
        stage.settle(held(&first), retry(Duration::ZERO)).await,
        Guarded::Held
    );
    let second = stage.claim_one(LONG).await;
    assert_eq!(
        stage.rescue(at_once()).await.ready,
        0,
        "it was claimed anew"
    );
    assert_eq!(
        stage.settle(held(&second), completed()).await,
        Guarded::Held
    );
    assert_eq!(stage.look(id).await.crashes, 0);
}

/// Thousands of jobs of many queues and kinds stayed running for months.
pub(super) async fn river_1258_no_lost_job_stays_running(stage: Stage) {
    let mut ids = Vec::new();
    for number in 0..30 {
        let mut job = stage.job(["a", "b", "c"][number % 3]);
        job.queue = ["default", "mail", "index"][number / 10].to_owned();
        ids.push(stage.insert(job).await.id());
    }
    for queue in ["default", "mail", "index"] {
        let mut wish = stage.wish(10, SHORT);
        wish.queue = queue.to_owned();
        wish.kinds.push("c".to_owned());
        assert_eq!(stage.claim(wish).await.jobs.len(), 10);
    }
    sleep(LONGER).await;
    let rescue = Rescue {
        limit: 7,
        ..at_once()
    };
    let mut ready = 0;
    for _round in 0..5 {
        ready += stage.rescue(rescue).await.ready;
    }
    assert_eq!(ready, 30);
    for id in ids {
        assert_eq!(state(&stage, id).await, JobState::Ready);
    }
}

/// A worker rescued jobs that it had no handler for, and threw them away.
pub(super) async fn river_1105_a_job_of_others_is_rescued_for_others(stage: Stage) {
    let mut job = stage.job("theirs");
    job.queue = "theirs".to_owned();
    let id = stage.insert(job).await.id();
    let mut wish = stage.wish(1, SHORT);
    (wish.queue, wish.kinds) = ("theirs".to_owned(), vec!["theirs".to_owned()]);
    assert_eq!(stage.claim(wish.clone()).await.jobs.len(), 1);
    sleep(LONGER).await;
    let worker = start(worker(&stage, 1).rescue(at_once()));
    eventually(|| async { state(&stage, id).await == JobState::Ready }).await;
    assert!(worker.shutdown(SECOND).await.is_clean());
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.attempt, view.crashes),
        (JobState::Ready, 1, 1)
    );
}

/// A job that a deploy interrupts in its last attempt was discarded.
pub(super) async fn river_1290_a_return_in_the_last_attempt_discards_nothing(stage: Stage) {
    let mut job = stage.job("a");
    job.max_attempts = 1;
    let id = stage.insert(job).await.id();
    for _deploy in 0..3 {
        let job = stage.claim_one(LONG).await;
        assert_eq!(job.attempt, 1);
        let returned = stage.settle(held(&job), Outcome::Returned).await;
        assert_eq!(returned, Guarded::Held);
    }
    let view = stage.look(id).await;
    assert_eq!((view.state, view.attempt), (JobState::Ready, 0));
}

/// A job was completed in a transaction, and the error of its handler came after that.
pub(super) async fn river_1290_what_comes_after_a_completion_changes_nothing(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    for late in [
        failed(),
        retry(Duration::ZERO),
        Outcome::Returned,
        Outcome::Snoozed(SECOND),
    ] {
        let _ = stage.settle(held(&job), late).await;
        let view = stage.look(id).await;
        assert_eq!((view.state, view.attempt), (JobState::Done, 1));
        assert_eq!(view.result.as_deref(), Some(&b"1"[..]));
    }
}

/// A full batch of jobs that needed no rescue hid those behind it for ever.
pub(super) async fn river_1318_leases_that_go_on_hide_no_expired_ones(stage: Stage) {
    for _ in 0..5 {
        stage.insert_kind("a").await;
    }
    assert_eq!(claim(&stage, 3, LONG).await.len(), 3);
    assert_eq!(claim(&stage, 2, SHORT).await.len(), 2);
    sleep(LONGER).await;
    let one = Rescue {
        limit: 1,
        ..at_once()
    };
    let rescued = [stage.rescue(one).await.ready, stage.rescue(one).await.ready];
    assert_eq!(rescued, [1, 1]);
    assert_eq!(stage.rescue(one).await.ready, 0, "the others are held");
}

/// A job that was to be retried stood in its own way, since it had its unique key.
pub(super) async fn river_619_a_unique_job_is_no_rival_of_itself(stage: Stage) {
    let id = stage.insert(unique(&stage, "k", IfExists::Keep)).await.id();
    for attempt in 1..=3 {
        let job = stage.claim_one(LONG).await;
        assert_eq!((job.id, job.attempt), (id, attempt));
        assert_eq!(
            stage.settle(held(&job), retry(Duration::ZERO)).await,
            Guarded::Held
        );
        let again = stage.insert(unique(&stage, "k", IfExists::Keep)).await;
        assert_eq!(again, Enqueued::Existing(id, JobState::Ready));
    }
}

/// Inserted together, jobs lost the times at which they were to run.
pub(super) async fn river_121_each_job_of_many_keeps_its_time(stage: Stage) {
    let mut later = stage.job("a");
    later.due = Due::In(LONG);
    let (now, later_id) = (stage.job("a"), later.id);
    let due = now.id;
    let inserted = stage.store.insert(vec![later, now]).await;
    assert_eq!(inserted.map(|all| all.len()), Ok(2));
    assert_eq!(stage.claim_one(LONG).await.id, due);
    let view = stage.look(later_id).await;
    assert!(view.run_at >= view.created_at + LONG / 2);
}

/// The documents said that a lease which has ended is taken by another worker, and none took it.
pub(super) async fn rapina_793_the_job_of_a_lost_worker_is_run_by_another(stage: Stage) {
    let id = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let worker = start(worker(&stage, 1).rescue(at_once()));
    assert_eq!(
        stage.jobs.wait::<u32>(id).await,
        Ok(2),
        "its second attempt"
    );
    assert!(worker.shutdown(SECOND).await.is_clean());
}

/// Two that took themselves for the leader enqueued each instant twice, for 19 days.
pub(super) async fn oban_1488_workers_of_one_name_fire_each_instant_once(stage: Stage) {
    let workers: Vec<WorkerHandle> = (0..2)
        .map(|_| start(worker(&stage, 1).named("node").schedule(every_second())))
        .collect();
    sleep(Duration::from_millis(2_600)).await;
    eventually(|| async { !fires(&stage).await.is_empty() }).await;
    for worker in workers {
        assert!(worker.shutdown(10 * SECOND).await.is_clean());
    }
    let fires = fires(&stage).await;
    let instants: BTreeSet<_> = fires.iter().map(|fire| fire.at).collect();
    assert_eq!(instants.len(), fires.len());
    assert_eq!(stage.all().await.len(), fires.len());
}

/// Callers that inserted the same unique job at once got an error, and no id.
pub(super) async fn oban_1505_all_callers_of_one_key_get_its_id(stage: Stage) {
    let callers: Vec<Task<Enqueued>> = (0..16)
        .map(|_| enqueue_beside(&stage, IfExists::Keep))
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await);
    }
    let inserted = |one: &&Enqueued| matches!(one, Enqueued::Inserted(_));
    assert_eq!(answers.iter().filter(inserted).count(), 1, "{answers:?}");
    let ids: BTreeSet<JobId> = answers.iter().map(|one| one.id()).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
}

/// A job that was snoozed in its last attempt could not be claimed any more.
pub(super) async fn oban_652_a_snooze_in_the_last_attempt_leaves_one(stage: Stage) {
    let mut job = stage.job("a");
    job.max_attempts = 1;
    let _ = stage.insert(job).await;
    for _ in 0..3 {
        let job = stage.claim_one(LONG).await;
        assert_eq!(job.attempt, 1);
        let snoozed = Outcome::Snoozed(Duration::ZERO);
        assert_eq!(stage.settle(held(&job), snoozed).await, Guarded::Held);
    }
}

/// A payload was replaced while the job ran, and the run had been for the old one.
pub(super) async fn oban_635_a_running_job_is_not_replaced(stage: Stage) {
    let id = stage.insert(unique(&stage, "k", IfExists::Keep)).await.id();
    let job = stage.claim_one(LONG).await;
    let mut other = unique(&stage, "k", IfExists::Replace);
    (other.payload, other.max_attempts) = (b"2".to_vec(), 3);
    let answer = stage.insert(other).await;
    assert_eq!(answer, Enqueued::Existing(id, JobState::Running));
    let view = stage.look(id).await;
    assert_eq!((&view.payload[..], view.max_attempts), (&b"null"[..], 20));
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
}

/// Of one key two jobs ran at once, where one was to run and one to wait.
pub(super) async fn pg_boss_367_one_of_a_key_runs_and_one_waits(stage: Stage) {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (inside.clone(), most.clone());
    let handler = move |_: Numbered, _: Ctx| {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
            sleep(SECOND / 100).await;
            now.fetch_sub(1, Relaxed);
            Ok::<_, JobError>(())
        }
    };
    let queue = Limit::in_flight(8);
    let worker = start(
        Worker::new(&stage.jobs)
            .queue("default", queue)
            .handle(handler),
    );
    let mut last = None;
    for _ in 0..12 {
        last = Some(enqueue_beside(&stage, IfExists::RunAgain).await.id());
        sleep(SECOND / 300).await;
    }
    let last = last.expect("some were enqueued");
    assert_eq!(stage.jobs.wait::<()>(last).await, Ok(()));
    assert_eq!(most.load(Relaxed), 1);
    assert!(worker.shutdown(SECOND).await.is_clean());
}

/// One job to retry and one that waits had the same key, and no claim succeeded any more.
pub(super) async fn pg_boss_535_a_retry_and_a_successor_block_no_claim(stage: Stage) {
    let first = stage.insert(unique(&stage, "k", IfExists::Keep)).await.id();
    let job = stage.claim_one(LONG).await;
    let successor = stage.insert(unique(&stage, "k", IfExists::RunAgain)).await;
    assert!(matches!(successor, Enqueued::Inserted(_)));
    assert_eq!(
        stage.settle(held(&job), retry(Duration::ZERO)).await,
        Guarded::Held
    );
    let other = stage.insert(unique(&stage, "other", IfExists::Keep)).await;
    let jobs = claim(&stage, 9, LONG).await;
    let ids: BTreeSet<JobId> = jobs.iter().map(|job| job.id).collect();
    assert_eq!(ids, BTreeSet::from([first, other.id()]));
    for job in &jobs {
        assert_eq!(stage.settle(held(job), completed()).await, Guarded::Held);
    }
    assert_eq!(stage.claim_one(LONG).await.id, successor.id());
}

/// The upkeep failed for good where a job whose time was over met another one of its key.
pub(super) async fn pg_boss_492_a_rescue_beside_a_successor_succeeds(stage: Stage) {
    let first = stage.insert(unique(&stage, "k", IfExists::Keep)).await.id();
    stage.claim_one(SHORT).await;
    let successor = stage.insert(unique(&stage, "k", IfExists::RunAgain)).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert_eq!(state(&stage, first).await, JobState::Ready);
    let job = stage.claim_suspect(LONG).await.expect("it runs again");
    assert_eq!(job.id, first, "the successor goes on waiting");
    assert!(claim(&stage, 9, LONG).await.is_empty());
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    assert_eq!(stage.claim_one(LONG).await.id, successor.id());
}

/// Jobs whose process was ended hard stayed locked for hours.
pub(super) async fn graphile_worker_204_a_dropped_worker_leaves_its_jobs_to_others(stage: Stage) {
    let (started, starts) = flume::unbounded();
    let queue = Limit::in_flight(2);
    let lost = Worker::new(&stage.jobs)
        .queue("default", queue)
        .lease(SECOND);
    let lost = start(lost.handle(move |_: Value, _: Ctx| {
        let _ = started.send(());
        std::future::pending::<Result<(), JobError>>()
    }));
    let ids = [stage.insert_kind("a").await, stage.insert_kind("a").await];
    for _ in ids {
        assert_eq!(starts.recv_async().await, Ok(()));
    }
    drop(lost);
    let next = start(worker(&stage, 2).rescue(at_once()));
    for id in ids {
        assert_eq!(stage.jobs.wait::<u32>(id).await, Ok(2));
    }
    assert!(next.shutdown(SECOND).await.is_clean());
}

/// A worker that had crashed kept others from the jobs behind its own.
pub(super) async fn graphile_worker_222_a_lost_job_keeps_no_other_from_running(stage: Stage) {
    let lost = stage.insert_kind("a").await;
    stage.claim_one(LONG).await;
    let worker = start(worker(&stage, 2));
    let behind = stage.insert_kind("a").await;
    assert_eq!(stage.jobs.wait::<u32>(behind).await, Ok(1));
    assert!(worker.shutdown(SECOND).await.is_clean());
    assert_eq!(state(&stage, lost).await, JobState::Running);
}

/// After a crash of the server jobs were taken again and again, with no word of who had them.
pub(super) async fn graphile_worker_449_a_claimed_job_has_a_holder(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let wish = stage.wish(1, LONG);
    let claimed = stage.claim(wish.clone()).await.jobs;
    let again = stage.store.claimed_by(wish.id, LONG).await;
    assert_eq!(again.map(|jobs| jobs.len()), Ok(1));
    let view = stage.look(id).await;
    assert_eq!(
        (view.state, view.attempt, view.worker.as_deref()),
        (JobState::Running, 1, Some("the case"))
    );
    assert_eq!(view.fence, Some(claimed[0].fence));
}

/// Jobs that hang came back at the front of the queue, so that nothing else was ever run.
pub(super) async fn graphile_worker_313_a_rescued_job_comes_after_those_that_waited(stage: Stage) {
    let hangs = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    let waits = stage.insert_kind("a").await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    let (hangs, waits) = (stage.look(hangs).await, stage.look(waits).await);
    assert!(hangs.run_at > waits.run_at);
}

/// The unique jobs of several processes were there twice.
pub(super) async fn fang_146_a_key_is_never_there_twice(stage: Stage) {
    let worker = start(worker(&stage, 4));
    let callers: Vec<Task<Enqueued>> = (0..40)
        .map(|_| enqueue_beside(&stage, IfExists::Keep))
        .collect();
    let mut unfinished = BTreeSet::new();
    for caller in callers {
        let answer = caller.await;
        if let Enqueued::Inserted(id) = answer {
            assert!(unfinished.insert(id), "an id is given once");
        }
        assert!(
            unfinished.contains(&answer.id()) || stage.jobs.wait::<u32>(answer.id()).await.is_ok()
        );
    }
    for id in unfinished {
        assert_eq!(stage.jobs.wait::<u32>(id).await, Ok(1));
    }
    assert!(worker.shutdown(SECOND).await.is_clean());
}

/// A job that kills its process was run for ever, by one worker after the other.
pub(super) async fn good_job_922_a_poison_job_is_quarantined_and_no_innocent(stage: Stage) {
    let poison = stage.insert_kind("a").await;
    let innocent = stage.insert_kind("a").await;
    assert_eq!(claim(&stage, 2, SHORT).await.len(), 2);
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 2);
    for _turn in 0..3 {
        let job = stage.claim_suspect(ROOMY).await.expect("one is due");
        if job.id == innocent {
            assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
        }
        sleep(ROOMY + SHORT).await;
        stage.rescue(at_once()).await;
    }
    assert_eq!(state(&stage, poison).await, JobState::Quarantined);
    assert_eq!(state(&stage, innocent).await, JobState::Done);
}

/// A job that ended while its worker shut down was both finished and failed.
pub(super) async fn solid_queue_568_a_job_that_ends_at_a_shutdown_ends_once(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    let _ = stage.settle(held(&job), Outcome::Returned).await;
    assert_eq!(state(&stage, id).await, JobState::Done);
    let stories = stage.store.stories(vec![id]).await;
    let stories = stories.expect("they are told");
    let attempts = stories[0].as_ref().map(|story| story.attempts.len());
    assert_eq!(attempts, Some(0), "no attempt has failed");
    assert!(claim(&stage, 9, LONG).await.is_empty());
}

/// A holder that was taken for dead came back, and let the next one of its key go a second time.
pub(super) async fn solid_queue_761_a_lost_holder_lets_no_successor_go(stage: Stage) {
    let _ = stage.insert(unique(&stage, "k", IfExists::Keep)).await;
    let lost = stage.claim_one(SHORT).await;
    let successor = stage.insert(unique(&stage, "k", IfExists::RunAgain)).await;
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    let holder = stage.claim_suspect(LONG).await.expect("it runs again");
    let late = stage.settle(held(&lost), completed()).await;
    assert_eq!(late, Guarded::LeaseLost);
    assert!(claim(&stage, 9, LONG).await.is_empty(), "one of a key runs");
    assert_eq!(
        stage.settle(held(&holder), completed()).await,
        Guarded::Held
    );
    assert_eq!(stage.claim_one(LONG).await.id, successor.id());
}

/// A slow holder and the one that had its job since both completed it.
pub(super) async fn bull_308_of_two_holders_the_later_one_completes(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let slow = stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    stage.rescue(at_once()).await;
    let second = stage.claim_suspect(LONG).await.expect("it runs again");
    let late = Outcome::Completed(b"\"slow\"".to_vec());
    assert_eq!(stage.settle(held(&slow), late).await, Guarded::LeaseLost);
    let result = Outcome::Completed(b"\"second\"".to_vec());
    assert_eq!(stage.settle(held(&second), result).await, Guarded::Held);
    let view = stage.look(id).await;
    assert_eq!(view.result.as_deref(), Some(&b"\"second\""[..]));
}

/// A retry by hand of a job that ran made another one of it.
pub(super) async fn que_web_28_a_running_job_is_not_retried_by_hand(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let changed = stage.store.change(vec![ByHand::Retry(id)]).await;
    assert_eq!(changed, Ok(vec![Changed::Not(JobState::Running)]));
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    assert_eq!(stage.all().await.len(), 1);
}

/// A job that was enqueued again at the moment of its end was lost.
pub(super) async fn work_67_what_is_enqueued_again_during_a_run_is_run(stage: Stage) {
    let first = stage.insert(unique(&stage, "k", IfExists::Keep)).await.id();
    let job = stage.claim_one(LONG).await;
    let again = stage.insert(unique(&stage, "k", IfExists::RunAgain)).await;
    assert_eq!(stage.settle(held(&job), completed()).await, Guarded::Held);
    let next = stage.claim_one(LONG).await;
    assert_eq!(next.id, again.id());
    assert_ne!(next.id, first);
}

/// A worker that came back by its old name kept the jobs alive that its former life had lost.
pub(super) async fn procrastinate_1518_a_name_that_comes_back_keeps_no_lost_job(stage: Stage) {
    let lost = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    let kept = stage.insert_kind("a").await;
    let job = stage.claim_one(ROOMY).await;
    assert_eq!(job.id, kept);
    assert_eq!(renew(&stage, held(&job)).await, Renewal::Renewed);
    sleep(ROOMY + SHORT).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    assert_eq!(state(&stage, lost).await, JobState::Ready);
    assert_eq!(state(&stage, kept).await, JobState::Running);
}

/// A job that failed while it was given back came back twice.
pub(super) async fn sidekiq_4112_a_failure_after_a_return_makes_no_second_job(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let returned = stage.settle(held(&job), Outcome::Returned).await;
    assert_eq!(returned, Guarded::Held);
    let _ = stage.settle(held(&job), retry(Duration::ZERO)).await;
    let view = stage.look(id).await;
    assert_eq!((view.state, view.attempt), (JobState::Ready, 0));
    assert_eq!(view.error, None);
    assert_eq!(claim(&stage, 9, LONG).await.len(), 1);
}

/// The clock of a worker said that others were dead.
pub(super) async fn db_scheduler_433_times_are_those_of_the_store(stage: Stage) {
    let id = stage.insert_kind("a").await;
    let now = stage.store.queues().await.expect("they are listed").now;
    let view = stage.look(id).await;
    assert!(view.created_at <= now && view.run_at <= now);
    stage.claim_one(SHORT).await;
    sleep(LONGER).await;
    let later = stage.store.queues().await.expect("they are listed").now;
    assert!(later >= now + SHORT, "it goes on");
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
}

fn worker(stage: &Stage, in_flight: usize) -> Worker {
    Worker::new(&stage.jobs)
        .queue("default", Limit::in_flight(in_flight))
        .handle(|_: Value, ctx: Ctx| async move { Ok::<_, JobError>(ctx.attempt()) })
}

/// Any payload of the kind.
#[derive(Serialize, Deserialize)]
struct Value(serde_json::Value);

impl Job for Value {
    const KIND: &'static str = "a";
}

/// Enqueues in a task of its own.
fn enqueue_beside(stage: &Stage, if_exists: IfExists) -> Task<Enqueued> {
    let jobs = stage.jobs.clone();
    let enqueued = async move {
        let enqueued = jobs.enqueue(Numbered(1)).unique("k", if_exists).await;
        enqueued.expect("it is enqueued")
    };
    Handle::current().spawn(enqueued, Priority::Low)
}

fn every_second() -> Schedule {
    let schedule = Schedule::every("tick", SECOND)
        .if_unfinished(IfUnfinished::Allow)
        .job(|_| Value(serde_json::Value::Null));
    schedule.expect("it is a schedule")
}

async fn fires(stage: &Stage) -> Vec<crate::store::Fire> {
    let schedules = stage.jobs.schedules().await;
    let schedules = schedules.expect("they are listed");
    schedules.into_iter().flat_map(|one| one.fires).collect()
}

async fn eventually<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    for _ in 0..200 {
        if is_so().await {
            return;
        }
        sleep(SECOND / 20).await;
    }
    panic!("it has not come about");
}
