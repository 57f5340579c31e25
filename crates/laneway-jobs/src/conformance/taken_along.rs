//! Is an insert that a claim takes along an insert and a claim like any other?

use std::time::Duration;

use laneway::Priority;
use laneway::time::{sleep, timeout};

use super::stage::{LONG, LONGER, SHORT, Stage, at_once, completed, held};
use crate::JobState;
use crate::store::{
    ByHand, Changed, Claim, Claimed, ClaimedJob, Due, Enqueued, Guarded, IfExists, NewJob, Renewal,
    Uniqueness,
};

impl Stage {
    async fn taken_along(&self, job: NewJob, claim: Claim) -> (Enqueued, Claimed) {
        let asked = self.store.insert_and_claim(vec![job], claim).await;
        let (enqueued, claimed) = asked.expect("both are answered");
        (enqueued[0], claimed)
    }
}

pub(super) async fn it_is_inserted_and_held_by_a_fence(stage: Stage) {
    let job = stage.job("a");
    let id = job.id;
    let (enqueued, claimed) = stage.taken_along(job, stage.wish(4, LONG)).await;
    assert_eq!(enqueued, Enqueued::Inserted(id));
    assert_eq!((claimed.jobs.len(), claimed.jobs[0].id), (1, id));
    let view = stage.look(id).await;
    assert_eq!((view.state, view.attempt), (JobState::Running, 1));
    let settled = stage.settle(held(&claimed.jobs[0]), completed()).await;
    assert_eq!(settled, Guarded::Held);
    assert_eq!(stage.look(id).await.state, JobState::Done);
}

/// A store may make such jobs running at once, instead of ready and then running.
pub(super) async fn they_are_claimed_as_any_others_are(stage: Stage) {
    stage.insert_kind("a").await;
    let earlier = stage.claim_one(LONG).await.fence;
    let (low, mut urgent) = (stage.job("a"), stage.job("b"));
    urgent.lane = Priority::High;
    urgent.timeout = Some(Duration::from_secs(7));
    urgent.max_attempts = 3;
    urgent.payload = b"[1]".to_vec();
    let jobs = vec![low.clone(), urgent.clone()];
    let asked = stage
        .store
        .insert_and_claim(jobs, stage.wish(2, LONG))
        .await;
    let (_, claimed) = asked.expect("both are answered");
    assert_eq!(claimed.next, Some(Duration::ZERO), "all places are taken");
    assert_eq!(claimed.jobs.len(), 2, "{claimed:?}");
    for (job, new) in claimed.jobs.iter().zip([urgent, low]) {
        assert_claimed_first_time(job, &new);
        assert!(job.fence > earlier, "the fence grows");
        let view = stage.look(job.id).await;
        assert_eq!((view.state, view.attempt), (JobState::Running, 1));
        assert_eq!(
            (view.fence, view.worker.as_deref()),
            (Some(job.fence), Some("the case"))
        );
    }
    let held = claimed.jobs.iter().map(held).collect();
    let renewed = stage.store.renew(held, LONG).await.expect("it is answered");
    assert!(
        renewed.iter().all(|one| *one == Renewal::Renewed),
        "{renewed:?}"
    );
}

fn assert_claimed_first_time(job: &ClaimedJob, new: &NewJob) {
    assert_eq!((job.id, job.lane, &job.kind), (new.id, new.lane, &new.kind));
    assert_eq!((job.attempt, job.max_attempts), (1, new.max_attempts));
    assert_eq!((job.crashes, job.timeout), (0, new.timeout));
    assert_eq!((&job.payload, job.awaited_by), (&new.payload, None));
}

pub(super) async fn the_next_job_that_is_due_is_told(stage: Stage) {
    let mut later = stage.job("a");
    later.due = Due::In(Duration::from_secs(3600));
    assert!(matches!(stage.insert(later).await, Enqueued::Inserted(_)));
    let (_, claimed) = stage.taken_along(stage.job("a"), stage.wish(4, LONG)).await;
    assert_eq!(claimed.jobs.len(), 1);
    let next = claimed.next.expect("a job is due, or a lease ends");
    assert!(
        next > Duration::ZERO && next <= Duration::from_secs(3600),
        "{next:?}"
    );
}

pub(super) async fn those_that_wait_come_first_and_its_turn_is_told(stage: Stage) {
    let older = stage.insert_kind("a").await;
    let mut urgent = stage.job("a");
    urgent.lane = Priority::High;
    let urgent = stage.insert(urgent).await.id();
    let listener = stage.store.hints().listen("default");
    let job = stage.job("a");
    let new = job.id;
    let (_, claimed) = stage.taken_along(job, stage.wish(2, LONG)).await;
    let ids: Vec<_> = claimed.jobs.iter().map(|job| job.id).collect();
    assert_eq!(ids, [urgent, older], "high first, then in order");
    assert_eq!(claimed.next, Some(Duration::ZERO), "more is due");
    assert_eq!(stage.look(new).await.state, JobState::Ready);
    let hinted = timeout(Duration::from_secs(5), listener.hinted()).await;
    assert!(hinted.is_ok(), "others may run it");
}

pub(super) async fn what_no_claim_may_take_stays_ready(stage: Stage) {
    let unknown = stage.job("unknown");
    let mut later = stage.job("a");
    later.due = Due::In(Duration::from_secs(3600));
    let mut elsewhere = stage.job("a");
    elsewhere.queue = "other".to_owned();
    for job in [unknown, later, elsewhere] {
        let id = job.id;
        let (_, claimed) = stage.taken_along(job, stage.wish(4, LONG)).await;
        assert!(claimed.jobs.is_empty(), "{claimed:?}");
        assert_eq!(stage.look(id).await.state, JobState::Ready);
    }
    let pause = ByHand::Pause("default".to_owned());
    let paused = stage.store.change(vec![pause]).await;
    assert_eq!(paused.expect("it is answered"), [Changed::Done]);
    let job = stage.job("a");
    let id = job.id;
    let (_, claimed) = stage.taken_along(job, stage.wish(4, LONG)).await;
    assert!(claimed.jobs.is_empty(), "the queue is paused");
    assert_eq!(stage.look(id).await.state, JobState::Ready);
}

pub(super) async fn a_key_that_is_taken_gives_the_existing_one(stage: Stage) {
    let unique = || {
        let mut job = stage.job("a");
        job.unique = Some(Uniqueness {
            key: "key".to_owned(),
            if_exists: IfExists::Keep,
        });
        job
    };
    let (first, claimed) = stage.taken_along(unique(), stage.wish(4, LONG)).await;
    assert_eq!(claimed.jobs[0].id, first.id());
    let (second, claimed) = stage.taken_along(unique(), stage.wish(4, LONG)).await;
    assert_eq!(second, Enqueued::Existing(first.id(), JobState::Running));
    assert!(claimed.jobs.is_empty());
}

pub(super) async fn each_half_can_be_asked_about_alone(stage: Stage) {
    let (job, wish) = (stage.job("a"), stage.wish(4, LONG));
    let (again, claim) = (job.clone(), wish.id);
    let (_, claimed) = stage.taken_along(job, wish).await;
    // The insert's answer was lost: its caller inserts by itself.
    assert_eq!(
        stage.insert(again).await,
        Enqueued::Inserted(claimed.jobs[0].id)
    );
    // So was the claim's.
    let asked = stage.store.claimed_by(claim, LONG).await;
    let asked = asked.expect("it is answered");
    assert_eq!((asked.len(), asked[0].fence), (1, claimed.jobs[0].fence));
    assert!(stage.claim(stage.wish(4, LONG)).await.jobs.is_empty());
}

pub(super) async fn a_worker_that_is_lost_with_it_is_charged(stage: Stage) {
    let (enqueued, claimed) = stage
        .taken_along(stage.job("a"), stage.wish(4, SHORT))
        .await;
    assert_eq!(claimed.jobs.len(), 1);
    sleep(LONGER).await;
    assert_eq!(stage.rescue(at_once()).await.ready, 1);
    let view = stage.look(enqueued.id()).await;
    assert_eq!((view.state, view.crashes), (JobState::Ready, 1));
    let late = stage.settle(held(&claimed.jobs[0]), completed()).await;
    assert_eq!(late, Guarded::LeaseLost);
}
