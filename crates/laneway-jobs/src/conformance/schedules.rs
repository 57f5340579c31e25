//! Is each instant of a schedule fired once, and by its own rules?

use std::time::{Duration, SystemTime};

use laneway::Handle;
use laneway::time::sleep;
use serde::{Deserialize, Serialize};

use super::stage::{LONG, Stage, completed, held};
use crate::store::{
    Fire, FireOutcome, Fired, Firing, FiringRun, IfExists, NewSchedule, ScheduleChange,
    ScheduleChanged, ScheduleState, ScheduleView, SchedulesNow, Uniqueness, WantedSchedules,
};
use crate::{
    Ctx, IfUnfinished, Job, JobError, JobId, Limit, Missed, Schedule, Worker, WorkerHandle,
};

const SECOND: Duration = Duration::from_secs(1);

async fn now(stage: &Stage) -> SchedulesNow {
    let wanted = WantedSchedules {
        names: None,
        fires: 9,
    };
    let now = stage.store.schedules(wanted).await;
    now.expect("the schedules are listed")
}

async fn view(stage: &Stage) -> ScheduleView {
    let mut all = now(stage).await.schedules;
    assert_eq!(all.len(), 1, "there is one schedule");
    all.remove(0)
}

async fn change(stage: &Stage, change: ScheduleChange) -> ScheduleChanged {
    let changed = stage.store.change_schedules(vec![change]).await;
    changed.expect("the change is answered")[0]
}

async fn keep(stage: &Stage, pattern: &str, next: SystemTime) {
    let schedule = NewSchedule {
        name: "nightly".to_owned(),
        pattern: pattern.to_owned(),
        zone: "UTC".to_owned(),
        kind: "a".to_owned(),
        next: Some(next),
    };
    let kept = change(stage, ScheduleChange::Keep(schedule)).await;
    assert_eq!(kept, ScheduleChanged::Done);
}

/// A schedule that is due since a second; the instant.
async fn due(stage: &Stage) -> SystemTime {
    let at = now(stage).await.now - SECOND;
    keep(stage, "p", at).await;
    at
}

fn firing(stage: &Stage, at: SystemTime) -> Firing {
    let run = FiringRun {
        at,
        job: Ok(stage.job("a")),
    };
    Firing {
        name: "nightly".to_owned(),
        pattern: "p".to_owned(),
        zone: "UTC".to_owned(),
        at,
        runs: vec![run],
        next: Some(at + 3600 * SECOND),
    }
}

fn unique(mut firing: Firing, if_exists: IfExists) -> Firing {
    for run in &mut firing.runs {
        let job = run.job.as_mut().expect("the case has made one");
        let key = "schedule nightly".to_owned();
        job.unique = Some(Uniqueness { key, if_exists });
    }
    firing
}

async fn fire(stage: &Stage, firing: Firing) -> Fired {
    let fired = stage.store.fire(vec![firing]).await;
    fired.expect("the firing is answered").remove(0)
}

async fn fire_now(stage: &Stage, if_exists: IfExists) -> FireOutcome {
    change(stage, ScheduleChange::Remove("nightly".to_owned())).await;
    let at = due(stage).await;
    match fire(stage, unique(firing(stage, at), if_exists)).await {
        Fired::Here(mut outcomes) => outcomes.remove(0),
        Fired::Elsewhere => panic!("it was due"),
    }
}

fn enqueued(fired: &Fired) -> JobId {
    match fired {
        Fired::Here(outcomes) => match outcomes[..] {
            [FireOutcome::Enqueued(id)] => id,
            _ => panic!("{outcomes:?}"),
        },
        Fired::Elsewhere => panic!("it was due"),
    }
}

async fn jobs(stage: &Stage) -> usize {
    stage.all().await.len()
}

pub(super) async fn a_firing_that_is_sent_twice_happens_once(stage: Stage) {
    let at = due(&stage).await;
    let first = fire(&stage, firing(&stage, at)).await;
    let id = enqueued(&first);
    assert_eq!(fire(&stage, firing(&stage, at)).await, Fired::Elsewhere);
    assert_eq!(jobs(&stage).await, 1);
    let view = view(&stage).await;
    assert_eq!(view.next, Some(at + 3600 * SECOND));
    let [
        Fire {
            at: kept, outcome, ..
        },
    ] = &view.fires[..]
    else {
        panic!("{:?}", view.fires);
    };
    assert_eq!((*kept, outcome), (at, &FireOutcome::Enqueued(id)));
}

pub(super) async fn a_firing_before_its_instant_does_not_happen(stage: Stage) {
    let at = now(&stage).await.now + 3600 * SECOND;
    keep(&stage, "p", at).await;
    assert_eq!(fire(&stage, firing(&stage, at)).await, Fired::Elsewhere);
    assert_eq!(jobs(&stage).await, 0);
}

pub(super) async fn a_firing_of_another_instant_does_not_happen(stage: Stage) {
    let at = due(&stage).await;
    let earlier = firing(&stage, at - 60 * SECOND);
    assert_eq!(fire(&stage, earlier).await, Fired::Elsewhere);
    assert_eq!((jobs(&stage).await, view(&stage).await.next), (0, Some(at)));
}

pub(super) async fn the_same_pattern_keeps_its_instant_and_another_does_not(stage: Stage) {
    let at = due(&stage).await;
    keep(&stage, "p", at + 3600 * SECOND).await;
    assert_eq!(view(&stage).await.next, Some(at), "a deploy misses nothing");
    keep(&stage, "q", at + 7200 * SECOND).await;
    let view = view(&stage).await;
    assert_eq!((&*view.pattern, view.next), ("q", Some(at + 7200 * SECOND)));
    let old = fire(&stage, firing(&stage, at)).await;
    assert_eq!(old, Fired::Elsewhere, "an older deploy does not fire it");
}

pub(super) async fn an_older_pattern_does_not_fire_at_an_instant_that_both_have(stage: Stage) {
    let at = due(&stage).await;
    keep(&stage, "q", at).await;
    let elsewhere = firing(&stage, at);
    assert_eq!(fire(&stage, elsewhere).await, Fired::Elsewhere);
    let mut zone = firing(&stage, at);
    (zone.pattern, zone.zone) = ("q".to_owned(), "Europe/Berlin".to_owned());
    assert_eq!(fire(&stage, zone).await, Fired::Elsewhere);
    assert_eq!(view(&stage).await.next, Some(at));
}

pub(super) async fn an_instant_that_was_fired_gets_no_second_job(stage: Stage) {
    let at = due(&stage).await;
    enqueued(&fire(&stage, firing(&stage, at)).await);
    // A deploy that read the schedule before the firing puts the instant back.
    keep(&stage, "q", at).await;
    let mut again = firing(&stage, at);
    again.pattern = "q".to_owned();
    assert_eq!(fire(&stage, again).await, Fired::Here(Vec::new()));
    assert_eq!(jobs(&stage).await, 1);
}

pub(super) async fn a_paused_schedule_does_not_fire_until_it_is_resumed(stage: Stage) {
    let at = due(&stage).await;
    let name = || "nightly".to_owned();
    assert_eq!(
        change(&stage, ScheduleChange::Pause(name())).await,
        ScheduleChanged::Done
    );
    assert_eq!(fire(&stage, firing(&stage, at)).await, Fired::Elsewhere);
    assert_eq!(view(&stage).await.state, ScheduleState::Paused);
    keep(&stage, "p", at).await;
    assert_eq!(
        view(&stage).await.state,
        ScheduleState::Paused,
        "over a restart"
    );
    assert_eq!(
        change(&stage, ScheduleChange::Resume(name())).await,
        ScheduleChanged::Done
    );
    let resumed = view(&stage).await;
    assert!(resumed.resumed_at > Some(at), "{resumed:?}");
    enqueued(&fire(&stage, firing(&stage, at)).await);
}

pub(super) async fn a_removed_schedule_is_gone_and_an_unknown_one_is_missing(stage: Stage) {
    let at = due(&stage).await;
    enqueued(&fire(&stage, firing(&stage, at)).await);
    let name = || "nightly".to_owned();
    assert_eq!(
        change(&stage, ScheduleChange::Remove(name())).await,
        ScheduleChanged::Done
    );
    assert!(now(&stage).await.schedules.is_empty());
    assert_eq!(jobs(&stage).await, 1, "its jobs stay");
    for unknown in [
        ScheduleChange::Pause(name()),
        ScheduleChange::Resume(name()),
        ScheduleChange::Remove(name()),
    ] {
        assert_eq!(change(&stage, unknown).await, ScheduleChanged::Missing);
    }
    keep(&stage, "p", at).await;
    assert_eq!(view(&stage).await.fires, [], "and its fires went with it");
}

/// A form of a page may have been sent with any text.
pub(super) async fn a_schedule_of_a_name_that_none_has_is_missing(stage: Stage) {
    due(&stage).await;
    for name in ["nightly\0", "\0", "", &"a".repeat(10_000)] {
        for unknown in [
            ScheduleChange::Pause(name.to_owned()),
            ScheduleChange::Resume(name.to_owned()),
            ScheduleChange::Remove(name.to_owned()),
        ] {
            assert_eq!(change(&stage, unknown).await, ScheduleChanged::Missing);
        }
    }
    assert_eq!(view(&stage).await.state, ScheduleState::Active);
}

pub(super) async fn an_unfinished_job_skips_or_queues_the_next_one(stage: Stage) {
    let FireOutcome::Enqueued(first) = fire_now(&stage, IfExists::Keep).await else {
        panic!("nothing was unfinished");
    };
    let skipped = fire_now(&stage, IfExists::Keep).await;
    assert_eq!(skipped, FireOutcome::Unfinished(first));
    assert_eq!(view(&stage).await.fires[0].outcome, skipped);
    let running = stage.claim_one(LONG).await;
    let queued = fire_now(&stage, IfExists::RunAgain).await;
    let FireOutcome::Enqueued(second) = queued else {
        panic!("{queued:?}");
    };
    let full = fire_now(&stage, IfExists::RunAgain).await;
    assert_eq!(full, FireOutcome::Unfinished(second));
    let _ = stage.settle(held(&running), completed()).await;
    assert_eq!(stage.claim_one(LONG).await.id, second);
}

pub(super) async fn an_instant_whose_job_cannot_be_made_is_kept_with_the_reason(stage: Stage) {
    let at = due(&stage).await;
    let mut broken = firing(&stage, at);
    broken.runs[0].job = Err("out of paper".to_owned());
    let refused = FireOutcome::Refused("out of paper".to_owned());
    assert_eq!(
        fire(&stage, broken).await,
        Fired::Here(vec![refused.clone()])
    );
    assert_eq!(view(&stage).await.fires[0].outcome, refused);
}

#[derive(Serialize, Deserialize)]
struct At(SystemTime);

impl Job for At {
    const KIND: &'static str = "a";
}

fn every_second(missed: Missed) -> Schedule {
    let schedule = Schedule::every("nightly", SECOND)
        .missed(missed)
        .if_unfinished(IfUnfinished::Allow)
        .job(At);
    schedule.expect("it is a schedule")
}

fn worker(stage: &Stage, schedule: Schedule) -> WorkerHandle {
    let worker = Worker::new(&stage.jobs)
        .queue("default", Limit::in_flight(4))
        .handle(|At(at), _: Ctx| async move { Ok::<_, JobError>(at) })
        .schedule(schedule);
    let started = worker.start(&Handle::current());
    started.expect("the worker is set up")
}

/// The instants that workers have fired in this time, or until something is there unless the
/// schedule is paused.
async fn fires_after(stage: &Stage, workers: usize, missed: Missed, wait: Duration) -> Vec<Fire> {
    let workers: Vec<WorkerHandle> = (0..workers)
        .map(|_| worker(stage, every_second(missed)))
        .collect();
    sleep(wait).await;
    while is_awaited(&view(stage).await) {
        sleep(SECOND / 100).await;
    }
    for worker in workers {
        assert!(worker.shutdown(10 * SECOND).await.is_clean());
    }
    let mut fires = view(stage).await.fires;
    fires.reverse();
    fires
}

fn is_awaited(schedule: &ScheduleView) -> bool {
    schedule.state == ScheduleState::Active && schedule.fires.is_empty()
}

fn is_whole(at: SystemTime) -> bool {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.is_ok_and(|since| since.subsec_nanos() == 0)
}

pub(super) async fn many_workers_fire_each_instant_once(stage: Stage) {
    let fires = fires_after(&stage, 4, Missed::Once, Duration::from_millis(2_600)).await;
    assert!((2..=3).contains(&fires.len()), "{fires:?}");
    let one_after_the_other = |two: &[Fire]| two[0].at + SECOND == two[1].at;
    assert!(
        fires.windows(2).all(one_after_the_other),
        "none is missing or twice: {fires:?}"
    );
    assert!(fires.iter().all(|fire| is_whole(fire.at)), "{fires:?}");
    assert_eq!(jobs(&stage).await, fires.len());
}

/// A schedule whose last ten instants no worker has fired; the first of them.
async fn neglected(stage: &Stage) -> SystemTime {
    neglected_for(stage, 10 * SECOND).await
}

async fn neglected_for(stage: &Stage, time: Duration) -> SystemTime {
    let schedule = every_second(Missed::Once);
    let first = schedule.next_after(now(stage).await.now - time);
    let first = first.expect("the period goes on");
    keep(stage, "every 1 s", first).await;
    first
}

pub(super) async fn missed_instants_are_fired_once_for_the_last_of_them(stage: Stage) {
    let first = neglected(&stage).await;
    let fires = fires_after(&stage, 2, Missed::Once, SECOND / 10).await;
    assert!((1..=2).contains(&fires.len()), "{fires:?}");
    assert!(fires[0].at >= first + 9 * SECOND, "{fires:?}");
}

pub(super) async fn missed_instants_are_fired_each_up_to_a_number(stage: Stage) {
    let first = neglected(&stage).await;
    let fires = fires_after(&stage, 2, Missed::All(3), SECOND / 10).await;
    assert!((3..=4).contains(&fires.len()), "{fires:?}");
    assert!(fires[0].at >= first + 7 * SECOND, "{fires:?}");
    assert_eq!(jobs(&stage).await, fires.len());
}

/// They take several transactions, of whichever worker comes first.
pub(super) async fn many_missed_instants_are_fired_once_each(stage: Stage) {
    let first = neglected_for(&stage, 250 * SECOND).await;
    let started: Vec<WorkerHandle> = (0..2)
        .map(|_| worker(&stage, every_second(Missed::All(1_000))))
        .collect();
    let is_behind = |now: SchedulesNow| now.schedules[0].next < Some(now.now);
    while is_behind(now(&stage).await) {
        sleep(SECOND / 100).await;
    }
    for worker in started {
        assert!(worker.shutdown(LONG).await.is_clean());
    }
    let wanted = WantedSchedules {
        names: None,
        fires: 400,
    };
    let mut now = stage
        .store
        .schedules(wanted)
        .await
        .expect("they are listed");
    let mut fires = now.schedules.remove(0).fires;
    fires.reverse();
    assert_eq!(fires[0].at, first);
    let one_after_the_other = |two: &[Fire]| two[0].at + SECOND == two[1].at;
    assert!(fires.windows(2).all(one_after_the_other), "{fires:?}");
    assert!(fires.len() >= 250, "{fires:?}");
    assert_eq!(jobs(&stage).await, fires.len());
}

pub(super) async fn instants_of_a_pause_are_not_made_up_for(stage: Stage) {
    neglected(&stage).await;
    let name = || "nightly".to_owned();
    change(&stage, ScheduleChange::Pause(name())).await;
    assert_eq!(
        fires_after(&stage, 1, Missed::All(9), SECOND / 10).await,
        []
    );
    change(&stage, ScheduleChange::Resume(name())).await;
    let resumed = view(&stage).await.resumed_at.expect("it was resumed");
    let fires = fires_after(&stage, 1, Missed::All(9), Duration::from_millis(1_100)).await;
    assert!(!fires.is_empty(), "it fires again");
    assert!(fires.iter().all(|fire| fire.at > resumed), "{fires:?}");
}

pub(super) async fn a_schedule_of_no_worker_stays_until_a_worker_removes_it(stage: Stage) {
    due(&stage).await;
    let other = || Schedule::every("hourly", 3600 * SECOND).job(At);
    let start = |worker: Worker| {
        let worker = worker.queue("default", Limit::in_flight(1));
        let worker = worker.handle(|At(at), _: Ctx| async move { Ok::<_, JobError>(at) });
        let worker = worker.schedule(other().expect("it is a schedule"));
        worker.start(&Handle::current()).expect("it is set up")
    };
    for (worker, left) in [
        (Worker::new(&stage.jobs), vec!["hourly", "nightly"]),
        (
            Worker::new(&stage.jobs).remove_other_schedules(),
            vec!["hourly"],
        ),
    ] {
        let worker = start(worker);
        while names(&stage).await != left {
            sleep(SECOND / 100).await;
        }
        assert!(worker.shutdown(LONG).await.is_clean());
        assert_eq!(names(&stage).await, left);
    }
}

async fn names(stage: &Stage) -> Vec<String> {
    let views = now(stage).await.schedules;
    views.into_iter().map(|view| view.name).collect()
}
