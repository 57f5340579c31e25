//! Do people see what is there, at a bounded cost?

use std::time::Duration;

use laneway::Priority;
use laneway::time::sleep;

use super::stage::{LONG, LONGER, SHORT, Stage, completed, held};
use crate::store::{
    Activity, ActivitySlot, ActivityWanted, Awaits, ByHand, Changed, JobPage, JobSearch, NewJob,
    Outcome, QueueState, SEARCH_LIMIT, Settlement, StopRequest, Uniqueness,
};
use crate::{IfExists, JobId, JobState};

async fn search(stage: &Stage, search: JobSearch) -> JobPage {
    let mut pages = stage.store.search(vec![search]).await;
    let pages = pages.as_mut().expect("the search is answered");
    assert_eq!(pages.len(), 1, "a page for each search");
    pages.remove(0)
}

async fn found(stage: &Stage, wanted: JobSearch) -> Vec<JobId> {
    let page = search(stage, wanted).await;
    page.jobs.iter().map(|job| job.id).collect()
}

fn failed(error: &str) -> Outcome {
    Outcome::Failed {
        error: error.to_owned(),
    }
}

async fn insert_in(stage: &Stage, queue: &str, lane: Priority) -> JobId {
    let queue = queue.to_owned();
    let job = NewJob {
        queue,
        lane,
        ..stage.job("a")
    };
    stage.insert(job).await.id()
}

pub(super) async fn queues_tell_what_is_paused_and_what_is_due(stage: Stage) {
    insert_in(&stage, "default", Priority::High).await;
    let pause = vec![ByHand::Pause("empty".to_owned())];
    stage.store.change(pause).await.expect("it is paused");
    let now = stage.store.queues().await.expect("queues are shown");
    let names: Vec<&str> = now.queues.iter().map(|queue| &*queue.name).collect();
    assert_eq!(names, ["default", "empty"]);
    let [default, empty] = &now.queues[..] else {
        unreachable!("there are two");
    };
    assert_eq!(default.state, QueueState::Open);
    assert!(default.high_due.is_some_and(|due| due <= now.now));
    assert_eq!(default.low_due, None);
    assert_eq!(empty.state, QueueState::Paused);
    assert_eq!((empty.high_due, empty.low_due), (None, None));
}

pub(super) async fn a_search_finds_what_its_filter_says(stage: Stage) {
    let high = insert_in(&stage, "default", Priority::High).await;
    let other = insert_in(&stage, "other", Priority::Low).await;
    let kind = stage.insert_kind("b").await;
    let any = JobSearch::default;
    assert_eq!(found(&stage, any()).await, [kind, other, high]);
    let of_queue = JobSearch {
        queue: Some("other".to_owned()),
        ..any()
    };
    assert_eq!(found(&stage, of_queue).await, [other]);
    let of_kind = JobSearch {
        kind: Some("b".to_owned()),
        ..any()
    };
    assert_eq!(found(&stage, of_kind).await, [kind]);
    let of_lane = JobSearch {
        lane: Some(Priority::High),
        ..any()
    };
    assert_eq!(found(&stage, of_lane).await, [high]);
    let page = search(&stage, any()).await;
    assert!(page.jobs.iter().all(|job| job.payload.is_empty()));
    assert_eq!(page.next, None);
}

pub(super) async fn a_search_finds_keys_and_times(stage: Stage) {
    let mut unique = stage.job("a");
    unique.unique = Some(Uniqueness {
        key: "key".to_owned(),
        if_exists: IfExists::Keep,
    });
    let unique = stage.insert(unique).await.id();
    let mut limited = stage.job("a");
    limited.limit_key = Some("key".to_owned());
    let limited = stage.insert(limited).await.id();
    sleep(LONGER).await;
    let last = stage.insert_kind("a").await;
    let of_key = || Some("key".to_owned());
    let any = JobSearch::default;
    let with_unique = JobSearch {
        unique_key: of_key(),
        ..any()
    };
    let with_limit = JobSearch {
        limit_key: of_key(),
        ..any()
    };
    let at = Some(stage.look(last).await.created_at);
    let since = JobSearch { since: at, ..any() };
    let until = JobSearch { until: at, ..any() };
    for (search, ids) in [
        (with_unique.clone(), vec![unique]),
        (with_limit, vec![limited]),
        (since, vec![last]),
        (until, vec![limited, unique]),
    ] {
        assert_eq!(found(&stage, search.clone()).await, ids, "{search:?}");
    }
    stage.by_hand(ByHand::Cancel(unique)).await;
    assert_eq!(found(&stage, with_unique).await, [unique], "it has ended");
}

pub(super) async fn the_unfinished_job_of_a_key_is_found(stage: Stage) {
    let find = |kind: &str, key: &str| {
        let found = stage.store.unfinished(kind.to_owned(), key.to_owned());
        async { found.await.expect("the look is answered") }
    };
    let mut job = stage.job("a");
    job.unique = Some(Uniqueness {
        key: "key".to_owned(),
        if_exists: IfExists::Keep,
    });
    let id = stage.insert(job).await.id();
    assert_eq!(find("a", "key").await, Some((id, JobState::Ready)));
    assert_eq!(find("b", "key").await, None);
    assert_eq!(find("a", "other").await, None);
    stage.claim_one(LONG).await;
    assert_eq!(find("a", "key").await, Some((id, JobState::Running)));
    assert_eq!(stage.change(ByHand::Cancel(id)).await, Changed::Asked);
    assert!(find("a", "key").await.is_some(), "it still runs");
}

pub(super) async fn a_search_by_state_finds_each_state(stage: Stage) {
    let failing = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), failed("50% of 'it' broke")).await;
    let done = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), completed()).await;
    let running = stage.insert_kind("a").await;
    stage.claim_one(LONG).await;
    let cancelled = stage.insert_kind("a").await;
    let cancel = vec![ByHand::Cancel(cancelled)];
    stage.store.change(cancel).await.expect("it is cancelled");
    let ready = stage.insert_kind("a").await;
    for (state, id) in [
        (JobState::Ready, ready),
        (JobState::Running, running),
        (JobState::Done, done),
        (JobState::Failed, failing),
        (JobState::Cancelled, cancelled),
    ] {
        let in_state = JobSearch {
            state: Some(state),
            ..JobSearch::default()
        };
        assert_eq!(found(&stage, in_state).await, [id], "{state}");
    }
    for (text, ids) in [("% of 'it'", vec![failing]), ("50_", vec![])] {
        let with_error = JobSearch {
            error: Some(text.to_owned()),
            ..JobSearch::default()
        };
        assert_eq!(found(&stage, with_error).await, ids, "{text}");
    }
}

pub(super) async fn a_search_goes_on_where_it_stopped(stage: Stage) {
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(stage.insert_kind("a").await);
    }
    ids.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let of_three = JobSearch {
            limit: 3,
            before,
            ..JobSearch::default()
        };
        let page = search(&stage, of_three).await;
        seen.extend(page.jobs.iter().map(|job| job.id));
        before = page.next;
        if before.is_none() {
            break;
        }
        assert_eq!(page.jobs.len(), 3);
    }
    assert_eq!(seen, ids);
}

pub(super) async fn a_search_is_bounded_and_tells_where_to_go_on(stage: Stage) {
    let rare = stage.insert_kind("b").await;
    let many = (0..SEARCH_LIMIT).map(|_| stage.job("a")).collect();
    stage.store.insert(many).await.expect("they are inserted");
    let mut for_rare = JobSearch {
        kind: Some("b".to_owned()),
        ..JobSearch::default()
    };
    let page = search(&stage, for_rare.clone()).await;
    assert!(page.jobs.is_empty(), "it is behind all others");
    for_rare.before = page.next;
    assert!(for_rare.before.is_some());
    assert_eq!(found(&stage, for_rare).await, [rare]);
}

pub(super) async fn the_members_of_a_batch_are_found(stage: Stage) {
    let last = NewJob {
        awaits: Some(Awaits::Settled),
        ..stage.job("a")
    };
    let member = NewJob {
        awaited_by: Some(last.id),
        ..stage.job("a")
    };
    let (last_id, member_id) = (last.id, member.id);
    let inserted = stage.store.insert(vec![last, member]).await;
    inserted.expect("they are inserted");
    stage.insert_kind("a").await;
    let members = JobSearch {
        awaited_by: Some(last_id),
        ..JobSearch::default()
    };
    assert_eq!(found(&stage, members).await, [member_id]);
}

async fn two_attempts(stage: &Stage) -> JobId {
    let id = stage.insert_kind("a").await;
    let job = stage.claim_one(LONG).await;
    let again = Outcome::Retry {
        after: Duration::ZERO,
        error: "first".to_owned(),
    };
    let _ = stage.settle(held(&job), again).await;
    sleep(Duration::from_millis(2)).await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), failed("second")).await;
    id
}

pub(super) async fn a_story_tells_of_each_attempt(stage: Stage) {
    let id = two_attempts(&stage).await;
    let unknown = stage.jobs.next_id();
    let stories = stage.store.stories(vec![unknown, id]).await;
    let mut stories = stories.expect("stories are told");
    assert_eq!(stories[0], None);
    let story = stories.remove(1).expect("the job is there");
    let told: Vec<_> = story
        .attempts
        .iter()
        .map(|attempt| (attempt.attempt, &*attempt.error))
        .collect();
    assert_eq!(told, [(1, "first"), (2, "second")]);
    let [first, second] = &story.attempts[..] else {
        unreachable!("there are two");
    };
    assert!(first.fence < second.fence);
    assert!(first.started_at <= Some(first.ended_at) && first.ended_at <= second.ended_at);
    assert_eq!(first.worker.as_deref(), Some("the case"));
    assert_eq!((story.lease_until, story.stop), (None, StopRequest::None));
}

pub(super) async fn failed_attempts_come_newest_first(stage: Stage) {
    let id = two_attempts(&stage).await;
    let all = stage.store.failed_attempts(9).await;
    let all = all.expect("they are shown");
    let told: Vec<_> = all.iter().map(|one| (one.job, &*one.error)).collect();
    assert_eq!(told, [(id, "second"), (id, "first")]);
    assert_eq!(all[0].state, JobState::Failed);
    assert_eq!((&*all[0].kind, &*all[0].queue), ("a", "default"));
    let newest = stage.store.failed_attempts(1).await;
    assert_eq!(newest, Ok(all[..1].to_vec()));
}

pub(super) async fn leases_tell_which_worker_runs_what(stage: Stage) {
    let later = stage.insert_kind("a").await;
    stage.claim_one(LONG).await;
    let sooner = stage.insert_kind("a").await;
    stage.claim_one(SHORT).await;
    let stop = vec![ByHand::Cancel(sooner)];
    stage.store.change(stop).await.expect("it is asked");
    let leases = stage.store.leases(9).await.expect("they are shown");
    let told: Vec<_> = leases
        .iter()
        .map(|lease| (lease.job.id, lease.stop))
        .collect();
    let (no, asked) = (StopRequest::None, StopRequest::Asked);
    assert_eq!(told, [(sooner, asked), (later, no)]);
    assert_eq!(leases[0].job.worker.as_deref(), Some("the case"));
    assert!(leases[0].started_at.is_some_and(|at| at < leases[0].until));
    assert_eq!(stage.store.leases(1).await.map(|some| some.len()), Ok(1));
}

async fn activity(stage: &Stage, at_most: u64) -> Activity {
    let wanted = ActivityWanted {
        queues: vec!["default".to_owned(), "unknown".to_owned()],
        slot: Duration::from_secs(60),
        slots: 3,
        at_most,
    };
    let activity = stage.store.activity(wanted).await;
    activity.expect("activity is shown")
}

/// All slots of a lane as one: a minute may end while the case runs.
fn total(activity: &Activity, place: usize) -> ActivitySlot {
    let slots = &activity.lanes[place].slots;
    assert_eq!(slots.len(), 3);
    slots.iter().fold(ActivitySlot::default(), |all, slot| {
        let done = all.done + slot.done;
        ActivitySlot {
            done,
            counted: all.counted + slot.counted,
            failed: all.failed + slot.failed,
            errors: all.errors + slot.errors,
            wait_mean: all.wait_mean.max(slot.wait_mean),
            wait_max: all.wait_max.max(slot.wait_max),
        }
    })
}

pub(super) async fn activity_counts_by_lane_and_measures_waits(stage: Stage) {
    two_attempts(&stage).await;
    insert_in(&stage, "default", Priority::High).await;
    sleep(LONGER).await;
    let job = stage.claim_one(LONG).await;
    let _ = stage.settle(held(&job), completed()).await;
    let activity = activity(&stage, 100).await;
    let lanes: Vec<_> = activity
        .lanes
        .iter()
        .map(|one| (&*one.queue, one.lane))
        .collect();
    let (high, low) = (Priority::High, Priority::Low);
    let both = [("default", high), ("default", low)];
    assert_eq!(lanes[..2], both);
    assert_eq!(lanes[2..], [("unknown", high), ("unknown", low)]);
    assert!(activity.from < activity.now);
    let (high, low) = (total(&activity, 0), total(&activity, 1));
    assert_eq!((high.done, high.failed, high.errors), (1, 0, 0));
    assert_eq!((low.done, low.failed, low.errors), (0, 1, 2));
    assert!(high.wait_max >= Some(LONGER) && high.wait_max == high.wait_mean);
    assert_eq!(low.wait_max, None);
    assert_eq!(total(&activity, 2).done, 0);
}

pub(super) async fn activity_measures_the_waits_of_both_lanes(stage: Stage) {
    let lanes = [Priority::High; 100].into_iter().chain([Priority::Low]);
    for lane in lanes {
        insert_in(&stage, "default", lane).await;
    }
    sleep(LONGER).await;
    let claimed = stage.claim(stage.wish(200, LONG)).await.jobs;
    let settle = |job| Settlement {
        held: held(job),
        outcome: completed(),
    };
    let all = claimed.iter().map(settle).collect();
    stage.store.settle(all).await.expect("they are settled");
    let activity = activity(&stage, 1_000).await;
    for (place, done) in [(0, 100), (1, 1)] {
        let lane = total(&activity, place);
        assert_eq!(lane.done, done);
        assert!(lane.wait_mean >= Some(LONGER), "{lane:?}");
    }
}

pub(super) async fn activity_counts_so_many_and_tells_in_which_time(stage: Stage) {
    let all = activity(&stage, 2).await;
    assert_eq!(total(&all, 1).done, 0);
    for _ in 0..5 {
        stage.insert_kind("a").await;
        let job = stage.claim_one(LONG).await;
        let _ = stage.settle(held(&job), completed()).await;
        sleep(Duration::from_millis(2)).await;
    }
    let all = activity(&stage, 100).await;
    assert_eq!(total(&all, 1).done, 5);
    let some = activity(&stage, 2).await;
    // A minute that ends meanwhile parts them: two in each.
    let (counted, slots) = (total(&some, 1), &some.lanes[1].slots);
    assert!((2..5).contains(&counted.done), "{counted:?}");
    assert!(slots.iter().all(|slot| slot.done <= 2), "{slots:?}");
    assert!(slots.iter().all(|slot| slot.done_per_second() >= 0.0));
}
