//! Does a recorder keep what happened, in order and within bounds, and write it so that others can
//! read it, whatever tasks are called?

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Recorder, Recording};
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime, Task, join_all, spawn_task};
use serde_json::{Value, json};

use common::eventually;

const HOSTILE: &str = "</script>\"\\\n\r\0\u{7f}\u{2028}\u{2029}<!--&' 😀";

fn recorded_by(recorder: Recorder, high: usize, low: usize) -> (Runtime, Arc<Recorder>) {
    let recorder = Arc::new(recorder);
    let builder = Runtime::builder().with_high_num(high).with_low_num(low);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    (rt, recorder)
}

fn recorded(high: usize, low: usize) -> (Runtime, Arc<Recorder>) {
    recorded_by(Recorder::new(), high, low)
}

fn count(recording: &Recording, is_meant: impl Fn(&Event) -> bool) -> usize {
    recording
        .events()
        .filter(|(_, event)| is_meant(event))
        .count()
}

/// A task's events make sense in the order in which they are given.
fn assert_each_task_goes_its_way(recording: &Recording) {
    let mut queued = BTreeSet::new();
    let mut known = BTreeSet::new();
    let mut raised = BTreeSet::new();
    for (_, event) in recording.events() {
        match event {
            Event::Spawned { task, .. } => assert!(known.insert(task)),
            Event::Scheduled { task, by, .. } => {
                assert!(
                    known.contains(&task),
                    "{task} was scheduled before its spawn"
                );
                // The watchdog tells so when it moves a task on that lies behind a long poll, and a
                // worker when it moves one that was raised.
                let is_new = queued.insert(task);
                assert!(
                    is_new || by.is_none() || raised.remove(&task),
                    "{task} was scheduled twice"
                );
            }
            Event::Escalated { task, .. } => drop(raised.insert(task)),
            Event::Taken { task, .. } => {
                assert!(queued.remove(&task), "{task} was taken from nowhere");
            }
            _ => {}
        }
    }
}

/// A run with yields, sleeps, steals, a panic and a blocked thread.
fn varied_run() -> Recording {
    let (rt, recorder) = recorded(2, 2);
    rt.block_on(async {
        let task = |n: usize| async move {
            if n.is_multiple_of(4) {
                sleep(Duration::from_micros(200)).await;
            }
            for _ in 0..n % 5 {
                yield_now().await;
            }
            if n == 3 {
                join_all([spawn_task!(sleep(Duration::from_millis(1)))]);
            }
            if n == 5 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        };
        let priority = |n: usize| match n % 3 {
            0 => Priority::High,
            _ => Priority::Low,
        };
        let tasks: Vec<_> = (0..40)
            .map(|n| spawn_task!(task(n), priority(n)).fallible())
            .collect();
        for task in tasks {
            // One of them panics.
            let _ = task.await;
        }
    });
    rt.shutdown(Duration::from_secs(20));
    recorder.recording()
}

fn trace_of(recording: &Recording) -> Value {
    let mut trace = Vec::new();
    recording.write_trace(&mut trace).unwrap();
    serde_json::from_slice(&trace).expect("a trace is JSON")
}

fn events_of<'a>(trace: &'a Value, kind: &str) -> Vec<&'a Value> {
    let events = trace["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] == kind).collect()
}

/// A path that is removed with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("laneway-recorder-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

// What is kept.

#[test]
fn every_event_is_kept_and_in_order() {
    let recording = varied_run();
    assert_eq!(recording.dropped(), 0);
    let times: Vec<Duration> = recording.events().map(|(at, _)| at).collect();
    assert!(times.is_sorted());
    assert_each_task_goes_its_way(&recording);
    // 40 tasks, and one that was joined.
    assert_eq!(
        count(&recording, |e| matches!(e, Event::Spawned { .. })),
        41
    );
    let starts = count(&recording, |e| matches!(e, Event::PollStarted { .. }));
    assert_eq!(
        starts,
        count(&recording, |e| matches!(e, Event::PollEnded { .. }))
    );
    assert_eq!(
        starts,
        count(&recording, |e| matches!(e, Event::Taken { .. }))
    );
}

#[test]
fn a_full_buffer_drops_the_oldest_and_counts_them() {
    let (rt, recorder) = recorded_by(Recorder::with_capacity(1_024), 0, 1);
    for _ in 0..20 {
        join_all((0..1_000).map(|_| rt.spawn(async {}, Priority::Low)));
    }
    let last = rt.spawn(async {}, Priority::Low);
    let last = (last.id(), rt.block_on(last)).0;
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    // Of the worker: taken, started, ended of each task; from outside: spawned, scheduled.
    let parks = count(&recording, |e| {
        matches!(e, Event::Parked { .. } | Event::Unparked { .. })
    });
    let kept = recording.len() as u64 + recording.dropped();
    assert!(kept >= 5 * 20_000, "{kept} and {parks} parks");
    // The worker's memory is the shorter one, and of what was told outside no more than belongs
    // to it.
    let most = 2 * (1_024 + 512);
    assert!(
        (1_024..=most).contains(&recording.len()),
        "{}",
        recording.len()
    );
    // What is kept is the end.
    let is_its_end =
        |event: &Event| matches!(event, Event::PollEnded { task, .. } if *task == last);
    assert_eq!(count(&recording, is_its_end), 1);
}

#[test]
fn threads_that_share_a_buffer_lose_nothing() {
    let (rt, recorder) = recorded(0, 1);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| join_all((0..500).map(|_| rt.spawn(yield_now(), Priority::Low))));
        }
    });
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert_eq!(recording.dropped(), 0);
    assert_each_task_goes_its_way(&recording);
    let spawned = count(&recording, |e| matches!(e, Event::Spawned { .. }));
    let ended = count(&recording, |e| matches!(e, Event::PollEnded { .. }));
    assert_eq!((spawned, ended), (4_000, 8_000));
}

#[test]
fn a_worker_that_goes_from_thread_to_thread_loses_nothing() {
    let (rt, recorder) = recorded(0, 1);
    let blocks = || async { join_all([spawn_task!(async {}), spawn_task!(yield_now())]) };
    join_all((0..200).map(|_| rt.spawn(blocks(), Priority::Low)));
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert_eq!(recording.dropped(), 0);
    assert_each_task_goes_its_way(&recording);
    let replaced = count(&recording, |e| matches!(e, Event::Replaced { .. }));
    let starts = count(&recording, |e| matches!(e, Event::PollStarted { .. }));
    let ends = count(&recording, |e| matches!(e, Event::PollEnded { .. }));
    // The joiner, the empty one, and the one that yields once.
    assert_eq!((starts, ends), (4 * 200, 4 * 200));
    assert!(replaced > 0, "some joins block");
}

#[test]
fn no_capacity_is_too_large_or_too_small() {
    for capacity in [0, usize::MAX] {
        let (rt, recorder) = recorded_by(Recorder::with_capacity(capacity), 0, 1);
        rt.block_on(rt.spawn(async {}, Priority::Low));
        rt.shutdown(Duration::from_secs(20));
        assert!(recorder.recording().len() >= 5, "{capacity}");
    }
}

#[test]
fn recording_goes_on_while_recordings_are_taken() {
    let (rt, recorder) = recorded_by(Recorder::with_capacity(4_096), 1, 1);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut taken = 0;
            while !over.load(Ordering::Relaxed) {
                let recording = recorder.recording();
                let times: Vec<Duration> = recording.events().map(|(at, _)| at).collect();
                assert!(times.is_sorted());
                taken += 1;
            }
            taken
        });
        for _ in 0..50 {
            join_all((0..200).map(|_| rt.spawn(yield_now(), Priority::Low)));
        }
        over.store(true, Ordering::Relaxed);
        assert!(taker.join().unwrap() > 0);
    });
    let polled = |recorder: &Recorder| {
        let recording = recorder.recording();
        recording.dropped() + recording.len() as u64 >= 8 * 10_000
    };
    eventually("all events are counted", || polled(&recorder));
}

#[test]
fn names_are_kept_with_their_tasks_and_cut() {
    let (rt, recorder) = recorded(0, 1);
    let long = "é".repeat(1 << 20);
    let named = rt.named("parser").spawn(async {}, Priority::Low);
    let vast = rt.named(long.as_str()).spawn(async {}, Priority::Low);
    let nameless = rt.spawn(async {}, Priority::Low);
    let ids = [named.id(), vast.id(), nameless.id()];
    join_all([named, vast, nameless]);
    let recording = recorder.recording();
    assert_eq!(recording.name(ids[0]), Some("parser"));
    let cut = format!("{}…", "é".repeat(120));
    assert_eq!(recording.name(ids[1]), Some(cut.as_str()));
    assert_eq!(recording.name(ids[2]), None);
}

#[test]
fn a_recorder_that_nobody_observes_by_still_takes_events() {
    // As one does that is told by an observer of the user's, without the start.
    struct Middle(Recorder);
    impl Observer for Middle {
        fn on_event(&self, event: Event) {
            self.0.on_event(event);
        }
    }
    let middle = Arc::new(Middle(Recorder::new()));
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = builder.with_observer(middle.clone()).build().unwrap();
    join_all((0..10).map(|_| rt.spawn(async {}, Priority::Low)));
    rt.shutdown(Duration::from_secs(20));
    let recording = middle.0.recording();
    assert_eq!(
        count(&recording, |e| matches!(e, Event::Spawned { .. })),
        10
    );
    let trace = trace_of(&recording);
    assert_eq!(
        events_of(&trace, "X")
            .iter()
            .filter(|e| e["cat"] == "poll")
            .count(),
        10
    );
}

#[test]
fn waits_are_from_the_scheduling_to_the_poll() {
    let (rt, recorder) = recorded(0, 1);
    join_all((0..200).map(|_| rt.spawn(async {}, Priority::Low)));
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    let mut scheduled = HashMap::new();
    let mut waits: Vec<Duration> = Vec::new();
    for (at, event) in recording.events() {
        match event {
            Event::Scheduled { task, .. } => drop(scheduled.insert(task, at)),
            Event::PollStarted { task, .. } => waits.push(at - scheduled[&task]),
            _ => {}
        }
    }
    waits.sort_unstable();
    let low = &recording.waits()[1];
    assert_eq!((low.queue.as_str(), low.count), ("low", 200));
    assert_eq!(
        [low.p50, low.p99, low.max],
        [waits[99], waits[197], waits[199]]
    );
    assert_eq!(recording.waits()[0].count, 0);
    assert_eq!(recording.waits()[0].max, Duration::ZERO);
}

// In the simulator.

fn simulated(seed: u64) -> Recording {
    let recorder = Arc::new(Recorder::new());
    let sim = Sim::seed(seed).high(1).low(2).observer(recorder.clone());
    let ran = sim.run(async {
        let tasks: Vec<Task<()>> = (0..10)
            .map(|n| {
                spawn_task!(async move {
                    sleep(Duration::from_millis(n % 3)).await;
                    yield_now().await;
                })
            })
            .collect();
        let joined = spawn_task!(async { join_all([spawn_task!(async { 7 })]) });
        for task in tasks {
            task.await;
        }
        joined.await
    });
    assert_eq!(ran.unwrap().output, [7]);
    recorder.recording()
}

#[test]
fn a_simulation_is_recorded_in_its_own_time_and_order() {
    let recording = simulated(7);
    assert_eq!(recording.to_replay_json(), simulated(7).to_replay_json());
    assert_ne!(recording.to_replay_json(), simulated(8).to_replay_json());
    let json: Value = serde_json::from_str(&recording.to_replay_json()).unwrap();
    assert_eq!(json["clock"], "simulated");
    // No two events have the same time: their order is all that there is.
    let times: BTreeSet<Duration> = recording.events().map(|(at, _)| at).collect();
    assert_eq!(times.len(), recording.len());
    // Two milliseconds pass, and next to nothing besides.
    let (last, _) = recording.events().last().unwrap();
    let two = Duration::from_millis(2);
    assert!(
        (two..two + Duration::from_micros(500)).contains(&last),
        "{last:?}"
    );
}

#[test]
fn a_simulation_of_a_thousand_years_is_recorded_to_its_end() {
    let recorder = Arc::new(Recorder::new());
    let sim = Sim::seed(1).observer(recorder.clone()).keep_events();
    let ran = sim.run(async {
        for _ in 0..10 {
            let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
            spawn_task!(sleep(century)).await;
        }
    });
    let recording = recorder.recording();
    assert_eq!(recording.len(), ran.unwrap().events.len());
    let times: BTreeSet<Duration> = recording.events().map(|(at, _)| at).collect();
    assert_eq!(times.len(), recording.len(), "their order is kept");
    serde_json::from_str::<Value>(&recording.to_replay_json()).unwrap();
    trace_of(&recording);
}

// Files.

#[test]
fn the_extension_chooses_the_format() {
    let (rt, recorder) = recorded(1, 1);
    rt.block_on(rt.spawn(async {}, Priority::High));
    let page = Scratch::new("run.HTML");
    let trace = Scratch::new("run.json");
    recorder.save(&page.0).unwrap();
    recorder.save(&trace.0).unwrap();
    assert!(
        fs::read_to_string(&page.0)
            .unwrap()
            .starts_with("<!doctype html>")
    );
    let trace: Value = serde_json::from_str(&fs::read_to_string(&trace.0).unwrap()).unwrap();
    assert!(trace["traceEvents"].is_array());
    for name in ["run", "run.svg", "html", ".json"] {
        let path = Scratch::new("x").0.with_file_name(name);
        let error = recorder.save(&path).unwrap_err().to_string();
        assert!(
            error.contains(".html") && error.contains(".json"),
            "{error}"
        );
        assert!(!path.exists(), "nothing is made at {path:?}");
    }
}

#[test]
fn a_path_that_cannot_be_written_costs_nothing() {
    let (rt, recorder) = recorded(1, 1);
    rt.block_on(rt.spawn(async {}, Priority::High));
    let error = recorder.save("/no/such/folder/run.html").unwrap_err();
    assert!(
        error.to_string().contains("the recording is kept"),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
    let page = Scratch::new("second.html");
    recorder.save(&page.0).unwrap();
    assert!(fs::metadata(&page.0).unwrap().len() > 1_000);
}

// The trace.

#[test]
fn a_trace_has_a_slice_for_each_poll_on_its_workers_track() {
    let recording = varied_run();
    let trace = trace_of(&recording);
    let names: BTreeMap<u64, &str> = events_of(&trace, "M")
        .into_iter()
        .filter(|event| event["name"] == "thread_name")
        .map(|event| {
            (
                event["tid"].as_u64().unwrap(),
                event["args"]["name"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        "other threads",
        "high 0",
        "high 1",
        "standby 0",
        "low 0",
        "low 1",
    ];
    assert_eq!(
        names.values().take(6).copied().collect::<Vec<_>>(),
        expected
    );
    let slices = events_of(&trace, "X");
    let polls = || slices.iter().filter(|event| event["cat"] == "poll");
    let starts = count(&recording, |e| matches!(e, Event::PollStarted { .. }));
    // A poll that blocked its thread has a second part, on a track without a worker. There is one
    // such poll, which may block twice; none if what it joins has ended first.
    let blocked = count(&recording, |e| matches!(e, Event::Replaced { .. })).min(1);
    assert_eq!(polls().count(), starts + blocked);
    let elsewhere =
        polls().filter(|event| names[&event["tid"].as_u64().unwrap()] == "blocked in a task");
    assert_eq!(elsewhere.count(), blocked);
    let panicked = polls().filter(|event| event["args"]["end"] == "panicked");
    assert_eq!(panicked.count(), 1);
    let place = polls().next().unwrap()["args"]["spawned_at"]
        .as_str()
        .unwrap();
    assert!(place.starts_with("tests/recorder.rs:"), "{place}");
}

// Whatever tasks are called.

#[test]
fn hostile_names_stay_names() {
    let (rt, recorder) = recorded(0, 1);
    let task = rt.named(HOSTILE).spawn(async {}, Priority::Low);
    let id = task.id();
    rt.block_on(task);
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert_eq!(recording.name(id), Some(HOSTILE));

    let trace = trace_of(&recording);
    let slices = events_of(&trace, "X");
    let poll = slices.iter().find(|event| event["cat"] == "poll").unwrap();
    assert_eq!(poll["name"], format!("{HOSTILE} {id}"));

    let text = recording.to_replay_json();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["tasks"][0][2], HOSTILE);
    let breaks_out = |c: char| c.is_control() && c != '\n' || "<>&\u{2028}\u{2029}".contains(c);
    assert_eq!(text.find(breaks_out), None);

    let mut page = Vec::new();
    recording.write_replay(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    // The data, and the player.
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(
        page.matches("<!--").count(),
        1,
        "a comment of the page's own"
    );
}

// The format.

#[test]
fn a_recording_names_the_workers_that_stand_by() {
    let (rt, recorder) = recorded(2, 2);
    rt.shutdown(Duration::from_secs(20));
    let json: Value = serde_json::from_str(&recorder.recording().to_replay_json()).unwrap();
    assert_eq!(json["homes"], json!([0, 0, 0, 1, 1]));
    assert_eq!(json["standbys"], json!([2]));
}

#[test]
fn the_replay_format_is_as_documented() {
    let (rt, recorder) = recorded(0, 1);
    let task = rt.named("a name").spawn(async {}, Priority::Low);
    let place = line!() - 1;
    let id = task.id().to_string();
    rt.block_on(task);
    rt.shutdown(Duration::from_secs(20));
    let text = recorder.recording().to_replay_json();
    let json: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let mut expected = [
        "format", "version", "clock", "dropped", "queues", "homes", "places", "tasks", "events",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(json["format"], "laneway-replay");
    assert_eq!(json["version"], 1);
    assert_eq!(json["clock"], "real");
    assert_eq!(json["queues"], json!(["high", "low"]));
    assert_eq!(json["homes"], json!([1]));
    assert_eq!(json["places"].as_array().unwrap().len(), 1);
    let file = json["places"][0].as_str().unwrap();
    assert!(
        file.starts_with(&format!("tests/recorder.rs:{place}:")),
        "{file}"
    );
    let number: u64 = id.trim_start_matches('#').parse().unwrap();
    assert_eq!(json["tasks"], json!([[number, 0, "a name"]]));
    let rows: Vec<i64> = serde_json::from_value(json["events"].clone()).unwrap();
    let rows: Vec<&[i64]> = rows.chunks(6).collect();
    let of_task: Vec<&[i64]> = rows
        .iter()
        .filter(|row| row[2] == 0)
        .map(|row| &row[1..])
        .collect();
    let from = of_task[2][4];
    assert!(
        from == 0 || from == 1,
        "from the channel, if not with others: {from}"
    );
    let expected: [&[i64]; 5] = [
        &[0, 0, 1, -1, 0],
        &[1, 0, 1, -1, 2],
        &[2, 0, 1, 0, from],
        &[3, 0, -1, 0, 0],
        &[4, 0, -1, 0, 2],
    ];
    assert_eq!(of_task, expected);
}
