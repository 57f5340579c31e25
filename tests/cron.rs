//! Does a process that is to run at a time of day run then, whatever the clocks do?

mod common;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::eventually;
use laneway::background::cron::{self, Cron, CronError};
use laneway::background::{Overlap, Periodic};
use laneway::sim::{Sim, work};
use laneway::time::{MissedTickBehavior, now, sleep};
use laneway::{Priority, Runtime, spawn_task};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const ZURICH: &str = "Europe/Zurich";
const SYDNEY: &str = "Australia/Sydney";

/// A moment of 2025 in UTC.
fn utc(month: u32, day: u32, hour: u32, minute: u32) -> SystemTime {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days_before: u32 = LENGTHS[..month as usize - 1].iter().sum();
    let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
    new_year + (days_before + day - 1) * DAY + hour * HOUR + minute * MINUTE
}

/// The first few times of a pattern after a moment.
fn times(cron: &Cron, after: SystemTime, count: usize) -> Vec<SystemTime> {
    let next = |last: &SystemTime| cron.next_after(*last);
    let times = std::iter::successors(next(&after), next);
    times.take(count).collect()
}

#[track_caller]
fn assert_times(pattern: &str, zone: &str, after: SystemTime, expected: &[SystemTime]) {
    let cron = Cron::new(pattern, zone).unwrap();
    let times = times(&cron, after, expected.len());
    assert_eq!(times, expected, "{pattern:?} in {zone}");
    // From each moment between two, the next one is the same.
    for pair in expected.windows(2) {
        let between = pair[0] + (pair[1].duration_since(pair[0]).unwrap() / 2);
        assert_eq!(cron.next_after(between), Some(pair[1]), "{pattern:?}");
        let just_before = pair[1] - Duration::from_nanos(1);
        assert_eq!(cron.next_after(just_before), Some(pair[1]), "{pattern:?}");
    }
}

// The calendar.

#[test]
fn a_pattern_gives_the_times_that_it_says() {
    let new_year = utc(1, 1, 0, 0);
    let expected = [utc(1, 1, 3, 0), utc(1, 2, 3, 0), utc(1, 3, 3, 0)];
    assert_times("0 3 * * *", "UTC", new_year, &expected);
    assert_times("0 4 * * *", ZURICH, new_year, &expected);
    assert_times("0 14 * * *", SYDNEY, new_year, &expected);
    let quarters = [
        utc(1, 1, 0, 15),
        utc(1, 1, 0, 30),
        utc(1, 1, 0, 45),
        utc(1, 1, 1, 0),
    ];
    assert_times("*/15 * * * *", "UTC", new_year, &quarters);
    let second = Duration::from_secs(1);
    let seconds = [
        new_year + 20 * second,
        new_year + 40 * second,
        new_year + MINUTE,
    ];
    assert_times("*/20 * * * * *", "UTC", new_year, &seconds);
    // The first of January 2025 was a Wednesday.
    let mondays = [utc(1, 6, 12, 0), utc(1, 13, 12, 0), utc(1, 20, 12, 0)];
    assert_times("0 12 * * MON", "UTC", new_year, &mondays);
    let last = [utc(1, 31, 0, 0), utc(2, 28, 0, 0), utc(3, 31, 0, 0)];
    assert_times("0 0 L * *", "UTC", new_year, &last);
}

#[test]
fn daily_is_a_pattern_too() {
    let after = utc(6, 1, 12, 0);
    for (time, expected) in [("03:00", utc(6, 2, 1, 0)), ("23:59", utc(6, 1, 21, 59))] {
        let cron = Cron::daily(time, ZURICH).unwrap();
        assert_eq!(times(&cron, after, 2), [expected, expected + DAY]);
    }
    let to_the_second = Cron::daily("03:00:30", ZURICH).unwrap();
    let expected = utc(6, 2, 1, 0) + Duration::from_secs(30);
    assert_eq!(to_the_second.next_after(after), Some(expected));
}

// Where clocks are put forward, a time is missing.

#[test]
fn a_time_that_is_missing_comes_right_after_the_gap() {
    let zurich = [utc(3, 29, 1, 30), utc(3, 30, 1, 0), utc(3, 31, 0, 30)];
    assert_times("30 2 * * *", ZURICH, utc(3, 29, 0, 0), &zurich);
    let sydney = [utc(10, 3, 16, 30), utc(10, 4, 16, 0), utc(10, 5, 15, 30)];
    assert_times("30 2 * * *", SYDNEY, utc(10, 3, 0, 0), &sydney);
    // By half an hour, from two to half past two.
    let lord_howe = [utc(10, 3, 15, 45), utc(10, 4, 15, 30), utc(10, 5, 15, 15)];
    assert_times(
        "15 2 * * *",
        "Australia/Lord_Howe",
        utc(10, 3, 0, 0),
        &lord_howe,
    );
    // At midnight: that day begins at one.
    let santiago = [utc(9, 6, 4, 0), utc(9, 7, 4, 0), utc(9, 8, 3, 0)];
    assert_times("0 0 * * *", "America/Santiago", utc(9, 6, 3, 30), &santiago);
}

#[test]
fn several_times_that_are_missing_come_once_together() {
    let zurich = [utc(3, 30, 1, 0), utc(3, 31, 0, 0), utc(3, 31, 0, 15)];
    assert_times("*/15 2 * * *", ZURICH, utc(3, 29, 12, 0), &zurich);
    // Together with one that stands there already.
    let beside = [utc(3, 30, 1, 0), utc(3, 31, 0, 0), utc(3, 31, 1, 0)];
    assert_times("0 2,3 * * *", ZURICH, utc(3, 29, 12, 0), &beside);
    let stepped = [utc(3, 29, 23, 0), utc(3, 30, 1, 0), utc(3, 30, 2, 0)];
    assert_times("0 */2 * * *", ZURICH, utc(3, 29, 22, 0), &stepped);
}

#[test]
fn every_hour_is_every_hour_across_a_gap() {
    let hours: Vec<SystemTime> = (22..28).map(|n| utc(3, 29, 0, 30) + n * HOUR).collect();
    assert_times("30 * * * *", ZURICH, utc(3, 29, 22, 0), &hours);
    let hours: Vec<SystemTime> = (12..20).map(|n| utc(10, 4, 0, 30) + n * HOUR).collect();
    assert_times("30 * * * *", SYDNEY, utc(10, 4, 12, 0), &hours);
}

// Where they are put back, a time comes twice.

#[test]
fn a_time_that_comes_twice_is_taken_once() {
    let zurich = [utc(10, 25, 0, 30), utc(10, 26, 0, 30), utc(10, 27, 1, 30)];
    assert_times("30 2 * * *", ZURICH, utc(10, 25, 0, 0), &zurich);
    let sydney = [utc(4, 4, 15, 30), utc(4, 5, 15, 30), utc(4, 6, 16, 30)];
    assert_times("30 2 * * *", SYDNEY, utc(4, 4, 0, 0), &sydney);
    let twice_a_day = [utc(10, 26, 0, 0), utc(10, 26, 13, 0), utc(10, 27, 1, 0)];
    assert_times("0 2,14 * * *", ZURICH, utc(10, 25, 20, 0), &twice_a_day);
    let quarters = [0, 15, 30, 45].map(|minute| utc(10, 26, 0, minute));
    let quarters = [&quarters[..], &[utc(10, 27, 1, 0)]].concat();
    assert_times("*/15 2 * * *", ZURICH, utc(10, 25, 20, 0), &quarters);
    // From within the second pass, the next one is tomorrow's.
    let cron = Cron::daily("02:30", ZURICH).unwrap();
    assert_eq!(
        cron.next_after(utc(10, 26, 1, 10)),
        Some(utc(10, 27, 1, 30))
    );
}

#[test]
fn every_hour_is_every_hour_across_a_fold() {
    let hours: Vec<SystemTime> = (22..28).map(|n| utc(10, 25, 0, 30) + n * HOUR).collect();
    assert_times("30 * * * *", ZURICH, utc(10, 25, 22, 0), &hours);
    let quarters: Vec<SystemTime> = (1..24)
        .map(|n| utc(4, 5, 14, 0) + n * 15 * MINUTE)
        .collect();
    assert_times("*/15 * * * *", SYDNEY, utc(4, 5, 14, 0), &quarters);
}

// What cannot be.

#[test]
fn a_pattern_or_a_zone_that_is_none_is_an_error() {
    let wrong = |pattern: &str, zone: &str| Cron::new(pattern, zone).unwrap_err();
    for pattern in [
        "",
        "* * * *",
        "61 * * * *",
        "0 25 * * *",
        "often",
        "* * * * * * * *",
    ] {
        let error = wrong(pattern, "UTC");
        assert!(
            matches!(error, CronError::Pattern { .. }),
            "{pattern:?}: {error:?}"
        );
        assert!(
            error.to_string().contains(&format!("{pattern:?}")),
            "{error}"
        );
    }
    let error = wrong("* * * * *", "Europe/Zuerich");
    assert_eq!(error, CronError::Zone("Europe/Zuerich".to_owned()));
    assert_eq!(
        error.to_string(),
        "no time zone is called \"Europe/Zuerich\": write an IANA name, such as \"Europe/Zurich\""
    );
    for time in [
        "",
        "3",
        "24:00",
        "03:60",
        "03:00:60",
        "3 o'clock",
        "03:00:00:00",
        "+3:00",
    ] {
        let error = Cron::daily(time, ZURICH).unwrap_err();
        assert_eq!(error, CronError::Time(time.to_owned()));
        assert!(
            error
                .to_string()
                .ends_with("write \"03:00\" or \"15:04:05\"")
        );
    }
    for missing in [", * L MON,2 ,2", "0 , * * *", "0 1,,2 * * *", "0 0 * * ,"] {
        let reason = wrong(missing, ZURICH).to_string();
        assert!(reason.ends_with("one of them is missing"), "{reason}");
    }
    for never in ["0 0 30 2 *", "0 0 0 1 1 * 1999"] {
        assert_eq!(wrong(never, ZURICH), CronError::Never(never.to_owned()));
    }
}

// The process.

/// Simulates a process on one worker, for so long from a moment on, and gives when its runs began.
/// Each run takes so long. Beside it runs `other`.
fn simulate(
    cron: Cron,
    (from, duration): (SystemTime, Duration),
    length: Duration,
    other: impl Future<Output = ()> + Send + 'static,
) -> (Vec<SystemTime>, Periodic) {
    let since_epoch = from.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let run = Sim::seed(7).high(0).low(1).run(async move {
        // A simulation begins with the epoch.
        let epoch = now();
        sleep(since_epoch).await;
        let begins = Arc::new(Mutex::new(Vec::new()));
        let noted = begins.clone();
        let (process, background) = cron.build(async move || {
            let moment = SystemTime::UNIX_EPOCH + (now() - epoch);
            noted.lock().unwrap().push(moment);
            sleep(length).await;
        });
        let task = spawn_task!(background);
        let other = spawn_task!(other);
        sleep(duration).await;
        drop((task, other));
        let begins = begins.lock().unwrap().clone();
        (begins, process)
    });
    run.unwrap().output
}

#[test]
fn a_process_runs_at_its_times_across_a_change_of_clocks() {
    let simulate = |zone, from| {
        let cron = Cron::daily("02:30", zone).unwrap();
        simulate(cron, (from, 3 * DAY), MINUTE, async {}).0
    };
    let expected = [utc(3, 29, 1, 30), utc(3, 30, 1, 0), utc(3, 31, 0, 30)];
    assert_eq!(simulate(ZURICH, utc(3, 29, 0, 0)), expected);
    let expected = [utc(10, 25, 0, 30), utc(10, 26, 0, 30), utc(10, 27, 1, 30)];
    assert_eq!(simulate(ZURICH, utc(10, 25, 0, 0)), expected);
    let expected = [utc(10, 3, 16, 30), utc(10, 4, 16, 0), utc(10, 5, 15, 30)];
    assert_eq!(simulate(SYDNEY, utc(10, 3, 12, 0)), expected);
    let expected = [utc(4, 4, 15, 30), utc(4, 5, 15, 30), utc(4, 6, 16, 30)];
    assert_eq!(simulate(SYDNEY, utc(4, 4, 12, 0)), expected);
}

#[test]
fn a_process_that_is_started_at_one_of_its_times_begins_with_the_next() {
    let cron = Cron::daily("03:00", "UTC").unwrap();
    let from = utc(5, 1, 3, 0);
    let (begins, process) = simulate(cron, (from, 2 * DAY + HOUR), MINUTE, async {});
    assert_eq!(begins, [from + DAY, from + 2 * DAY]);
    assert_eq!(process.metrics().completed, 2);
}

/// Simulates a process that is due every ten seconds, for 65 seconds. The only worker is busy from
/// the fifteenth to the forty-seventh. Gives when its runs began, in seconds.
fn missing(change: impl FnOnce(Cron) -> Cron) -> Vec<u64> {
    let cron = Cron::new("*/10 * * * * *", "UTC").unwrap();
    let second = Duration::from_secs(1);
    let busy = async move {
        sleep(15 * second).await;
        work(32 * second);
    };
    let from = utc(5, 1, 0, 0);
    let (begins, _) = simulate(change(cron), (from, 65 * second), Duration::ZERO, busy);
    let seconds = |begin: SystemTime| begin.duration_since(from).unwrap().as_secs();
    begins.into_iter().map(seconds).collect()
}

#[test]
fn times_that_nobody_had_time_for_come_as_was_chosen() {
    let begins = |missed| missing(|cron| cron.missed_ticks(missed));
    assert_eq!(begins(MissedTickBehavior::Burst), [10, 47, 47, 47, 50, 60]);
    assert_eq!(begins(MissedTickBehavior::Skip), [10, 47, 50, 60]);
    assert_eq!(begins(MissedTickBehavior::Delay), [10, 47, 50, 60]);
    assert_eq!(missing(|cron| cron), [10, 47, 50, 60], "the default");
}

#[test]
fn times_in_the_middle_of_a_run_are_left_out_or_queued() {
    let cron = || Cron::new("*/10 * * * *", "UTC").unwrap().name("sweep");
    let from = utc(5, 1, 0, 0);
    let hour = (from, HOUR + MINUTE);
    let (begins, process) = simulate(cron(), hour, 25 * MINUTE, async {});
    assert_eq!(begins, [from + 10 * MINUTE, from + 40 * MINUTE]);
    let metrics = process.metrics();
    assert_eq!((metrics.skipped, metrics.name.as_str()), (4, "sweep"));

    let queued = cron().overlap(Overlap::Queue);
    let (begins, process) = simulate(queued, hour, 25 * MINUTE, async {});
    assert_eq!(begins, [10, 35, 60].map(|minute| from + minute * MINUTE));
    assert_eq!(
        (process.metrics().skipped, process.metrics().queued),
        (0, 3)
    );
}

#[test]
fn jitter_puts_each_run_off_and_does_not_add_up() {
    let cron = Cron::new("0 * * * *", "UTC").unwrap().jitter(30 * MINUTE);
    let from = utc(5, 1, 0, 30);
    let (begins, _) = simulate(cron, (from, 100 * HOUR), Duration::ZERO, async {});
    let put_off = |(n, begin): (u32, &SystemTime)| {
        let due = utc(5, 1, 1, 0) + n * HOUR;
        begin.duration_since(due).expect("never before its time")
    };
    let put_off: Vec<Duration> = (0..).zip(&begins).map(put_off).collect();
    assert!((99..=100).contains(&put_off.len()), "{}", put_off.len());
    assert!(put_off.iter().all(|by| *by <= 30 * MINUTE), "{put_off:?}");
    let mean = put_off.iter().sum::<Duration>() / put_off.len() as u32;
    assert!((10 * MINUTE..20 * MINUTE).contains(&mean), "{mean:?}");
}

#[test]
fn on_the_real_clock_it_runs_every_second() {
    let seconds = Arc::new(Mutex::new(Vec::new()));
    let noted = seconds.clone();
    let (process, background) = cron::every("* * * * * *", "UTC", async move || {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        noted.lock().unwrap().push(since_epoch.unwrap().as_secs());
    })
    .unwrap();
    let rt = Runtime::builder().build().unwrap();
    rt.spawn(background, Priority::Low).detach();
    eventually("it has run twice", || process.metrics().completed >= 2);
    assert!(
        rt.shutdown(MINUTE).is_clean(),
        "it ends when shutdown begins"
    );
    let seconds = seconds.lock().unwrap();
    assert!(seconds.is_sorted_by(|one, next| one < next), "{seconds:?}");
}

#[test]
fn stop_ends_a_process_that_waits_for_tomorrow() {
    let (process, background) = cron::daily("03:00", ZURICH, async || ()).unwrap();
    let task = spawn_task!(background);
    process.stop();
    laneway::block_on(task);
    assert_eq!(process.metrics().completed, 0);
}
