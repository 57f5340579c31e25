//! Is a trace one that its readers can show, whatever was recorded and however much of it was lost?

mod common;
mod trace_format;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::eventually;
use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Recorder, Recording};
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime, Stealing, Task, join_all, spawn_task};
use serde_json::{Value, json};
use trace_format::{assert_sound, at, faults_of, nanos};

fn trace_of(recording: &Recording) -> Value {
    let mut trace = Vec::new();
    recording.write_trace(&mut trace).unwrap();
    serde_json::from_slice(&trace).expect("a trace is JSON")
}

fn recorded(capacity: usize) -> (Runtime, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::with_capacity(capacity));
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    (rt, recorder)
}

/// Spawns something when it is dropped, on whichever thread that is.
struct SpawnsWhenDropped;

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        spawn_task!(async {}, Priority::High).detach();
    }
}

/// Yields, sleeps, cancellations in the queue and while a task waits, panics, raises, blocked
/// threads, and what a destructor spawns.
async fn mixture() {
    let tasks = (0..30).map(|n: u64| {
        let task = async move {
            sleep(Duration::from_micros(40 * (n % 3))).await;
            for _ in 0..n % 4 {
                yield_now().await;
            }
            if n.is_multiple_of(10) {
                join_all([spawn_task!(sleep(Duration::from_micros(300)))]);
            }
            if n == 5 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        };
        spawn_task!(task, [Priority::High, Priority::Low][n as usize % 2]).fallible()
    });
    let tasks: Vec<_> = tasks.collect();
    for _ in 0..5 {
        drop(spawn_task!(async { drop(SpawnsWhenDropped) }));
        let held = SpawnsWhenDropped;
        let waits = spawn_task!(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        waits.escalate();
        drop(waits);
    }
    for task in tasks {
        // One of them panics.
        let _ = task.await;
    }
}

fn spawned_from_outside(rt: &Runtime, tasks: usize) {
    join_all((0..tasks).map(|_| rt.spawn(yield_now(), Priority::Low)));
}

#[test]
fn a_trace_of_everything_is_sound() {
    let (rt, recorder) = recorded(1 << 17);
    for _ in 0..5 {
        rt.block_on(mixture());
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| spawned_from_outside(&rt, 50));
            }
        });
    }
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert_eq!(recording.dropped(), 0);
    assert_sound(&trace_of(&recording));
}

#[test]
fn a_trace_that_lost_its_beginning_is_sound() {
    for round in 0..5 {
        let (rt, recorder) = recorded(512);
        for _ in 0..20 {
            rt.block_on(mixture());
            thread::scope(|scope| {
                // The first thread of all has a memory of its own, the others share one.
                scope.spawn(|| spawned_from_outside(&rt, 100 * round));
                scope.spawn(|| spawned_from_outside(&rt, 100));
            });
        }
        rt.shutdown(Duration::from_secs(20));
        let recording = recorder.recording();
        assert!(recording.dropped() > 0);
        assert_sound(&trace_of(&recording));
    }
}

#[test]
fn a_trace_of_what_goes_on_is_sound() {
    let (rt, recorder) = recorded(2_048);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                rt.block_on(mixture());
            }
        });
        for _ in 0..20 {
            assert_sound(&trace_of(&recorder.recording()));
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_simulated_trace_is_sound() {
    for seed in 0..10 {
        let recorder = Arc::new(Recorder::new());
        let sim = Sim::seed(seed).high(1).low(2).observer(recorder.clone());
        sim.run(mixture()).unwrap();
        assert_sound(&trace_of(&recorder.recording()));
    }
}

#[test]
fn a_trace_without_a_start_is_sound() {
    struct Middle(Recorder);
    impl Observer for Middle {
        fn on_event(&self, event: Event) {
            self.0.on_event(event);
        }
    }
    let middle = Arc::new(Middle(Recorder::new()));
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = builder.with_observer(middle.clone()).build().unwrap();
    rt.block_on(mixture());
    rt.shutdown(Duration::from_secs(20));
    assert_sound(&trace_of(&middle.0.recording()));
    assert_sound(&trace_of(&Recorder::new().recording()));
}

/// How long the longest poll of each task is, by a trace, in nanoseconds.
fn longest_polls(trace: &Value) -> BTreeMap<u64, u64> {
    let mut longest = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        if event["cat"] == "poll" {
            let of_task: &mut u64 = longest
                .entry(event["args"]["task"].as_u64().unwrap())
                .or_default();
            *of_task = (*of_task).max(nanos(&event["dur"]).unwrap());
        }
    }
    longest
}

#[test]
fn a_poll_that_was_blocked_in_what_is_lost_is_not_drawn_on() {
    let recorder = Arc::new(Recorder::with_capacity(1_024));
    // The low worker has nothing to tell while the high one, and the threads outside, tell much.
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let builder = builder
        .with_stealing(Stealing::None)
        .with_observer(recorder.clone());
    let rt = builder.build().unwrap();
    let (unblock, blocked) = channel::<()>();
    let (wake, woken) = channel::<()>();
    // Its first poll blocks its thread; it is polled once more when all of that is forgotten.
    let task = rt.spawn(
        async move {
            let inner = spawn_task!(async move { blocked.recv().unwrap() }, Priority::High);
            join_all([inner]);
            yield_now().await;
            laneway::blocking::unblock(move || woken.recv().unwrap()).await;
        },
        Priority::Low,
    );
    eventually("its thread is blocked", || {
        let recording = recorder.recording();
        recording
            .events()
            .any(|(_, event)| matches!(event, Event::Replaced { .. }))
    });
    unblock.send(()).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..35 {
                    join_all((0..1_000).map(|_| rt.spawn(async {}, Priority::High)));
                }
            });
        }
    });
    let forgotten_at = recorder.recording().events().last().unwrap().0;
    let id = task.id().to_string();
    wake.send(()).unwrap();
    rt.block_on(task);
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert!(recording.dropped() > 100_000);
    let trace = trace_of(&recording);
    assert_sound(&trace);
    let since = recording.events().last().unwrap().0 - forgotten_at;
    let number: u64 = id.trim_start_matches('#').parse().unwrap();
    let longest = longest_polls(&trace)[&number];
    assert!(
        u128::from(longest) <= since.as_nanos(),
        "a poll of {longest} ns, where all that is known of the task took {since:?}"
    );
}

#[test]
fn counters_say_how_many_wait_and_end_at_nothing() {
    let (rt, recorder) = recorded(1 << 17);
    rt.block_on(mixture());
    // The watchdog moves what lies behind a long poll, and tells of it once more.
    let (go_on, blocked) = channel::<()>();
    let ran = Arc::new(AtomicBool::new(false));
    let behind = {
        let ran = ran.clone();
        async move { ran.store(true, Ordering::Relaxed) }
    };
    let long = rt.spawn(
        async move {
            let behind = spawn_task!(behind);
            blocked.recv().unwrap();
            behind.await;
        },
        Priority::Low,
    );
    eventually("another worker runs it", || ran.load(Ordering::Relaxed));
    go_on.send(()).unwrap();
    rt.block_on(long);
    rt.shutdown(Duration::from_secs(20));
    let trace = trace_of(&recorder.recording());
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        if event["ph"] == "C" {
            let waiting = event["args"]["waiting"].as_u64().unwrap();
            last.insert(event["name"].as_str().unwrap(), waiting);
        }
    }
    assert_eq!(last, BTreeMap::from([("queue high", 0), ("queue low", 0)]));
}

#[test]
fn every_wake_up_has_an_arrow() {
    let (rt, recorder) = recorded(1 << 17);
    rt.block_on(async {
        let tasks: Vec<Task<()>> = (0..20).map(|_| spawn_task!(yield_now())).collect();
        for task in tasks {
            task.await;
        }
    });
    rt.shutdown(Duration::from_secs(20));
    let trace = trace_of(&recorder.recording());
    let events = trace["traceEvents"].as_array().unwrap();
    let ends: BTreeSet<u64> = events.iter().filter(|e| e["ph"] == "f").map(at).collect();
    let polls = events.iter().filter(|event| event["cat"] == "poll");
    for poll in polls {
        assert!(ends.contains(&at(poll)), "nothing leads to {poll}");
    }
}

#[test]
fn the_check_finds_faults() {
    let slice = |track: u64, from: f64, lasts: f64| json!({"ph": "X", "pid": 1, "tid": track, "ts": from, "dur": lasts, "name": "poll"});
    let flow = |kind: &str, track: u64, at: f64| {
        json!({"ph": kind, "pid": 1, "tid": track, "ts": at, "cat": "wake", "name": "wake",
            "id": 1, "bp": "e"})
    };
    let name = json!({"ph": "M", "pid": 1, "tid": 1, "ts": 0.0, "name": "thread_name",
        "args": {"name": "a"}});
    let faults = |events: &[Value]| {
        let events = [std::slice::from_ref(&name), events].concat();
        faults_of(&json!({"traceEvents": events})).len()
    };
    let sound = [
        slice(1, 1.0, 5.0),
        flow("s", 1, 1.0),
        slice(1, 2.0, 1.0),
        flow("f", 1, 2.0),
        slice(1, 6.0, 1.0),
    ];
    assert_eq!(faults(&sound), 0);
    assert_eq!(
        faults(&[slice(1, 1.0, 5.0), slice(1, 2.0, 5.0)]),
        1,
        "a crossing"
    );
    assert_eq!(
        faults(&[slice(1, 2.0, 1.0), slice(1, 1.0, 5.0)]),
        2,
        "no order"
    );
    assert_eq!(faults(&[slice(2, 1.0, 1.0)]), 1, "no name");
    assert_eq!(
        faults(&[json!({"ph": "X", "pid": 1, "tid": 1, "ts": 1.0})]),
        1,
        "no end"
    );
    let outside = [slice(1, 1.0, 5.0), flow("s", 1, 1.0), flow("f", 1, 6.0)];
    assert_eq!(faults(&outside), 1, "an arrow to nowhere");
    assert_eq!(
        faults(&[slice(1, 1.0, 5.0), flow("s", 1, 1.0)]),
        1,
        "half an arrow"
    );
}
