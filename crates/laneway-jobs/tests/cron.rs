//! Do cron schedules keep their times of day, through a year and the changes of its clocks?

use std::time::{Duration, Instant, SystemTime};

use laneway::Handle;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway_jobs::sqlite::SqliteOptions;
use laneway_jobs::store::{FireOutcome, ScheduleChanged, ScheduleState, WantedSchedules};
use laneway_jobs::testing::simulated;
use laneway_jobs::{
    Ctx, IfUnfinished, Job, JobError, Jobs, Limit, Missed, Schedule, ScheduleError, StartError,
    Worker, WorkerHandle,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Report(SystemTime);

impl Job for Report {
    const KIND: &'static str = "report";
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The first of January 2026, UTC.
const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);

fn worker(jobs: &Jobs) -> Worker {
    Worker::new(jobs)
        .queue("default", Limit::in_flight(8))
        .lease(DAY)
        .handle(|Report(at), _: Ctx| async move { Ok::<_, JobError>(at) })
}

/// The fires of a year of `pattern`, in seconds since new year.
fn year_of(pattern: &'static str, workers: usize) -> Vec<u64> {
    let run = Sim::seed(1).run(async move {
        let start = SystemTime::UNIX_EPOCH + NEW_YEAR;
        let store = SqliteOptions::new().wall_clock(start).memory().unwrap();
        let jobs = Jobs::new(store);
        let nightly = || Schedule::cron("nightly", pattern, "Europe/Berlin");
        let start_one = |_| {
            let schedule = nightly().job(Report).unwrap();
            worker(&jobs).schedule(schedule).start(&Handle::current())
        };
        let workers: Vec<_> = (0..workers).map(start_one).map(Result::unwrap).collect();
        sleep(365 * DAY).await;
        for worker in workers {
            assert!(worker.shutdown(DAY).await.is_clean());
        }
        let wanted = WantedSchedules {
            names: None,
            fires: 400,
        };
        let mut now = jobs.store().schedules(wanted).await.unwrap();
        let mut fires = now.schedules.remove(0).fires;
        fires.reverse();
        for fire in &fires {
            assert!(matches!(fire.outcome, FireOutcome::Enqueued(_)), "{fire:?}");
            assert_eq!(fire.at, fire.fired_at, "the clock is exact here");
        }
        let since = |at: SystemTime| at.duration_since(start).unwrap().as_secs();
        fires.into_iter().map(|fire| since(fire.at)).collect()
    });
    run.unwrap().output
}

#[test]
fn a_year_has_each_night_once_also_where_clocks_change() {
    let begun = Instant::now();
    let fires = year_of("30 2 * * *", 1);
    println!("{:?} for a simulated year", begun.elapsed());
    assert_eq!(fires.len(), 365);
    let hour = 3600;
    let steps: Vec<u64> = fires.windows(2).map(|two| two[1] - two[0]).collect();
    // The gap of the 29th of March, from 2 to 3: at its end, half an hour of real time early, and
    // the night after is shorter by half an hour. The second half past two of the 25th of October
    // is not fired.
    let odd: Vec<(usize, u64)> = steps
        .into_iter()
        .enumerate()
        .filter(|&(_, step)| step != 24 * hour)
        .collect();
    let (short, shorter) = (23 * hour + hour / 2, 23 * hour + hour / 2);
    assert_eq!(odd, [(86, short), (87, shorter), (297, 25 * hour)]);
}

#[test]
fn three_workers_fire_a_year_of_weeks_once() {
    let fires = year_of("0 9 * * MON", 3);
    assert_eq!(fires.len(), 52);
    assert!(fires.is_sorted_by(|a, b| a < b));
}

#[test]
fn bad_patterns_zones_and_names_are_errors_that_say_what_to_write() {
    let error = |name: &str, pattern, zone| {
        let schedule = Schedule::cron(name, pattern, zone).job(Report);
        schedule.unwrap_err().to_string()
    };
    assert!(error("a", "0 0 31 2 *", "UTC").contains("no time ever matches"));
    assert!(error("a", "every day", "UTC").contains("is no pattern"));
    assert!(error("a", "0 3 * * *", "Europe/Atlantis").contains("no time zone"));
    let long = "x".repeat(101);
    for name in ["", " a", "a\n", "a\u{202e}b", "<b>", "a'; --", "\0", &long] {
        let refused = error(name, "0 3 * * *", "UTC");
        assert!(refused.contains("is no name of a schedule"), "{refused}");
    }
    assert!(
        Schedule::cron("Übersicht 2: täglich", "0 3 * * *", "UTC")
            .job(Report)
            .is_ok()
    );
    for period in [Duration::ZERO, Duration::from_millis(1_500)] {
        let refused = Schedule::every("a", period).job(Report).unwrap_err();
        assert_eq!(refused, ScheduleError::Period(period));
    }
    let all = Schedule::daily("a", "03:00", "UTC").missed(Missed::All(2));
    assert_eq!(all.job(Report).unwrap_err(), ScheduleError::AllAtOnce);
}

#[test]
fn two_schedules_of_one_name_are_refused() {
    let rt = laneway::Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteOptions::new().memory().unwrap());
    let one = || Schedule::daily("a", "03:00", "UTC").job(Report).unwrap();
    let refused = worker(&jobs).schedule(one()).schedule(one()).start(&rt);
    assert_eq!(
        refused.unwrap_err(),
        StartError::ScheduleTwice("a".to_owned())
    );
}

/// The fires of the one schedule, in minutes since new year, the earliest first.
async fn minutes(jobs: &Jobs) -> Vec<u64> {
    let wanted = WantedSchedules {
        names: None,
        fires: 400,
    };
    let mut now = jobs.store().schedules(wanted).await.unwrap();
    let fires = now.schedules.remove(0).fires;
    let start = SystemTime::UNIX_EPOCH + NEW_YEAR;
    let since = |at: SystemTime| at.duration_since(start).unwrap().as_secs() / 60;
    fires.iter().rev().map(|fire| since(fire.at)).collect()
}

fn start(jobs: &Jobs, pattern: &str) -> WorkerHandle {
    let schedule = Schedule::cron("report", pattern, "UTC")
        .job(Report)
        .unwrap();
    worker(jobs)
        .schedule(schedule)
        .start(&Handle::current())
        .unwrap()
}

#[test]
fn a_deploy_with_another_pattern_goes_on_with_it_and_fires_nothing_twice() {
    simulated(|jobs| async move {
        let old = start(&jobs, "0 * * * *");
        sleep(2 * HOUR + HOUR / 4).await;
        // Both deploys run for a while: the one that was started last has the say.
        let new = start(&jobs, "0,30 * * * *");
        sleep(HOUR).await;
        assert!(old.shutdown(HOUR).await.is_clean());
        sleep(HOUR / 2).await;
        assert!(new.shutdown(HOUR).await.is_clean());
        assert_eq!(minutes(&jobs).await, [60, 120, 150, 180, 210]);
        assert_eq!(jobs.schedules().await.unwrap()[0].pattern, "0,30 * * * *");
    });
}

#[test]
fn what_a_deploy_was_down_for_counts_as_missed_under_the_new_pattern_as_well() {
    simulated(|jobs| async move {
        let old = start(&jobs, "0 * * * *");
        sleep(HOUR + HOUR / 4).await;
        assert!(old.shutdown(HOUR).await.is_clean());
        sleep(HOUR).await;
        let new = start(&jobs, "0,10 * * * *");
        sleep(HOUR / 60).await;
        // Until ten past two; it is a quarter past.
        assert_eq!(minutes(&jobs).await, [60, 130]);
        assert!(new.shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn a_worker_that_crashes_leaves_the_next_instants_to_others() {
    simulated(|jobs| async move {
        let mut spare = start(&jobs, "*/10 * * * *");
        for _ in 0..10 {
            sleep(HOUR / 3).await;
            let next = start(&jobs, "*/10 * * * *");
            drop(std::mem::replace(&mut spare, next));
        }
        sleep(HOUR / 60).await;
        let fires = minutes(&jobs).await;
        assert_eq!(fires, (1..=20).map(|n| 10 * n).collect::<Vec<_>>());
        assert!(spare.shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn a_running_worker_hears_of_pause_resume_and_removal() {
    simulated(|jobs| async move {
        let worker = start(&jobs, "0 * * * *");
        sleep(HOUR + HOUR / 2).await;
        let paused = jobs.pause_schedule("report").await.unwrap();
        assert_eq!(paused, ScheduleChanged::Done);
        sleep(2 * HOUR).await;
        let view = jobs.schedules().await.unwrap().remove(0);
        assert_eq!(view.state, ScheduleState::Paused);
        jobs.resume_schedule("report").await.unwrap();
        sleep(HOUR).await;
        assert_eq!(
            minutes(&jobs).await,
            [60, 240],
            "2:00 and 3:00 were in the pause"
        );
        jobs.remove_schedule("report").await.unwrap();
        sleep(2 * HOUR).await;
        assert_eq!(jobs.schedules().await, Ok(vec![]));
        assert_eq!(
            jobs.pause_schedule("report").await,
            Ok(ScheduleChanged::Missing)
        );
        assert!(worker.shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn a_closure_that_panics_makes_no_job_and_ends_nothing() {
    simulated(|jobs| async move {
        let schedule = Schedule::cron("report", "0 * * * *", "UTC").job(|at| {
            let hour = at
                .duration_since(SystemTime::UNIX_EPOCH + NEW_YEAR)
                .unwrap();
            assert!(hour > HOUR, "out of paper");
            Report(at)
        });
        let worker = worker(&jobs).schedule(schedule.unwrap());
        let worker = worker.start(&Handle::current()).unwrap();
        sleep(2 * HOUR + SECOND).await;
        let fires = jobs.schedules().await.unwrap().remove(0).fires;
        let panicked = FireOutcome::Refused("the schedule's closure panicked".to_owned());
        assert_eq!(fires[1].outcome, panicked);
        assert!(
            matches!(fires[0].outcome, FireOutcome::Enqueued(_)),
            "{fires:?}"
        );
        assert!(worker.shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn a_long_run_skips_or_queues_the_instants_that_come_meanwhile() {
    for (if_unfinished, runs) in [
        (IfUnfinished::Skip, 2),
        (IfUnfinished::QueueOne, 3),
        (IfUnfinished::Allow, 5),
    ] {
        simulated(|jobs| async move {
            let schedule = Schedule::cron("report", "0 * * * *", "UTC");
            let schedule = schedule.if_unfinished(if_unfinished).job(Report);
            let worker = Worker::new(&jobs)
                .queue("default", Limit::in_flight(8))
                .lease(DAY)
                .timeout(DAY)
                .handle(|_: Report, _: Ctx| async {
                    sleep(3 * HOUR + HOUR / 2).await;
                    Ok::<_, JobError>(())
                })
                .schedule(schedule.unwrap())
                .start(&Handle::current())
                .unwrap();
            // Instants at 1, 2, 3, 4 and 5; the first run ends at half past four.
            sleep(5 * HOUR + HOUR / 4).await;
            let all = jobs.search(Default::default()).await.unwrap().jobs;
            assert_eq!(all.len(), runs, "{if_unfinished:?}");
            assert_eq!(minutes(&jobs).await.len(), 5, "each instant is kept");
            let _ = worker.shutdown(Duration::ZERO).await;
        });
    }
}
