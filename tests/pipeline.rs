//! Does every tick of a pipeline come to one data set, whatever its stages do?
//!
//! Most of it runs in the simulator, where a stage takes as long as it says. What is about threads
//! runs on threads.

mod common;

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::soon;
use futures_lite::StreamExt;
use laneway::pipeline::{
    End, MissedWindows, Outputs, Period, Pipeline, PipelineClock, PipelineError, Shared, Stage,
    StageError, StageOutcome, TryRecvError, Unit, Window,
};
use laneway::sim::{Sim, work};
use laneway::time::{now, sleep};
use laneway::{Priority, Runtime, Stealing, spawn_task};

const MS: Duration = Duration::from_millis(1);

/// Two threads for the stages, and one that is there for the pipeline's own task alone.
fn sim(seed: u64) -> Sim {
    let sim = Sim::seed(seed).high(1).low(2);
    sim.stealing(Stealing::None)
}

fn runtime(low: usize) -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(low);
    builder.with_stealing(Stealing::None).build().unwrap()
}

type Run<I, O> = fn(&I, Window) -> Result<O, StageError>;

/// A pipeline of one stage, every 10 ms.
fn one_stage<I: Send + Sync + 'static, O: Send + 'static>(
    input: I,
    run: Run<I, O>,
) -> (Pipeline<I, O>, Outputs<O>) {
    let builder = Pipeline::builder(Shared::new(input)).stage_fn("stage", run);
    builder.every(Period::Millis(10)).build().unwrap()
}

#[derive(Default)]
struct Series(Vec<(i64, f64)>);

impl Series {
    fn since(&self, start: i64, end: i64) -> Vec<f64> {
        let inside = self.0.iter().filter(|(at, _)| (start..end).contains(at));
        inside.map(|(_, value)| *value).collect()
    }
}

struct RollingAverage {
    over: i64,
}

impl Stage<Series> for RollingAverage {
    type Output = f64;

    fn name(&self) -> &str {
        "average"
    }

    fn run(&self, input: &Series, window: Window) -> Result<f64, StageError> {
        let values = input.since(window.end - self.over, window.end);
        if values.is_empty() {
            return Err("no samples yet".into());
        }
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    }
}

struct StandardDeviation;

impl Stage<Series> for StandardDeviation {
    type Output = f64;

    fn name(&self) -> &str {
        "deviation"
    }

    fn run(&self, input: &Series, window: Window) -> Result<f64, StageError> {
        let values = input.since(window.start, window.end);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        Ok((squares.sum::<f64>() / values.len() as f64).sqrt())
    }
}

#[test]
fn outputs_are_gathered_into_one_data_set_per_tick() {
    let run = sim(1).run(async {
        let series = Shared::new(Series::default());
        let (pipeline, outputs) = Pipeline::builder(series.clone())
            .stage(RollingAverage { over: 60 })
            .stage(StandardDeviation)
            .every(Period::Seconds(10))
            .build()?;
        let running = pipeline.start_here();
        // One sample a second, which is its own value.
        let sampler = spawn_task!(async move {
            for at in 0..100 {
                series.write().await.0.push((at, at as f64));
                sleep(1000 * MS).await;
            }
        });
        let mut rows = Vec::new();
        while let Ok(data_set) = outputs.recv_async().await {
            let names: Vec<&str> = data_set.entries.iter().map(|entry| &*entry.stage).collect();
            assert_eq!(names, ["average", "deviation"]);
            assert_eq!(data_set.timestamp, data_set.window.end);
            let average = *data_set.output("average").unwrap();
            rows.push((data_set.window.start, data_set.window.end, average));
            // The numbers from 0 to 9, wherever they begin.
            let deviation = data_set.output("deviation").unwrap();
            assert!((deviation - 8.25_f64.sqrt()).abs() < 1e-9, "{deviation}");
            if rows.len() == 8 {
                running.shutdown().await;
            }
        }
        sampler.await;
        Ok::<_, PipelineError>(rows)
    });
    let expected = [4.5, 9.5, 14.5, 19.5, 24.5, 29.5, 39.5, 49.5];
    let expected = (0..)
        .zip(expected)
        .map(|(n, average)| (10 * n, 10 * n + 10, average));
    let rows = run.unwrap().output.unwrap();
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn no_stages_is_a_build_error() {
    let builder = Pipeline::<u8, u8>::builder(Shared::new(1)).every(Period::Seconds(1));
    assert_eq!(builder.build().unwrap_err(), PipelineError::NoStages);
}

#[test]
fn two_stages_of_one_name_are_a_build_error() {
    let same: Run<u8, u8> = |input, _| Ok(*input);
    let builder = Pipeline::builder(Shared::new(1))
        .stage_fn("a", same)
        .stage_fn("b", same)
        .stage_fn("a", same);
    let error = builder.every(Period::Seconds(1)).build().unwrap_err();
    assert_eq!(error, PipelineError::DuplicateStage { name: "a".into() });
    assert!(error.to_string().contains("\"a\""), "{error}");
}

#[test]
fn what_cannot_work_is_a_build_error() {
    let builder = || Pipeline::builder(Shared::new(1)).stage_fn("a", |input: &u8, _| Ok(*input));
    let error = |builder: laneway::pipeline::PipelineBuilder<u8, u8>| builder.build().unwrap_err();
    assert_eq!(error(builder()), PipelineError::NoPeriod);
    for zero in [
        Period::Micros(0),
        Period::Millis(0),
        Period::Seconds(0),
        Period::Minutes(0),
    ] {
        assert_eq!(error(builder().every(zero)), PipelineError::ZeroPeriod);
    }
    let endless = builder().every(Period::Minutes(u64::MAX));
    assert_eq!(error(endless), PipelineError::PeriodTooLong);
    let every = || builder().every(Period::Seconds(1));
    assert_eq!(error(every().capacity(0)), PipelineError::ZeroCapacity);
    for zero in [
        every().stage_timeout(Duration::ZERO),
        every().lock_timeout(Duration::ZERO),
    ] {
        assert_eq!(error(zero), PipelineError::ZeroTimeout);
    }
    let no_timeouts = every().stage_timeout(Duration::MAX);
    assert!(no_timeouts.lock_timeout(Duration::MAX).build().is_ok());
}

#[test]
fn stages_run_in_parallel_on_the_low_queue() {
    // Neither can end without the other.
    let barrier = Arc::new(Barrier::new(2));
    let meet = move |_: &(), _| {
        barrier.wait();
        Ok(thread::current().name().unwrap().to_owned())
    };
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("one", meet.clone())
        .stage_fn("two", meet)
        .every(Period::Millis(1))
        .stage_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let rt = runtime(2);
    let running = pipeline.start(&rt);
    let data_set = soon(outputs.recv_async()).unwrap();
    let threads: BTreeSet<&str> = ["one", "two"]
        .map(|stage| data_set.output(stage).unwrap().as_str())
        .into();
    assert_eq!(threads, ["laneway-low-0", "laneway-low-1"].into());
    soon(running.shutdown());
}

#[test]
fn a_tick_takes_as_long_as_its_slowest_stage() {
    let run = sim(1).run(async {
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("one", |_: &(), _| {
                work(300 * MS);
                Ok(())
            })
            .stage_fn("two", |_, _| {
                work(700 * MS);
                Ok(())
            })
            .every(Period::Seconds(1))
            .build()
            .unwrap();
        let (begin, _running) = (now(), pipeline.start_here());
        outputs.recv_async().await.unwrap();
        now() - begin
    });
    assert_eq!(run.unwrap().output, 1700 * MS);
}

#[test]
fn a_stage_that_fails_is_an_entry() {
    let run = sim(1).run(async {
        let (pipeline, outputs) = Pipeline::builder(Shared::new("x"))
            .stage_fn("fails", |input: &&str, _| Ok(input.parse::<u32>()?))
            .stage_fn("works", |input, _| Ok(u32::try_from(input.len())?))
            .every(Period::Millis(10))
            .build()
            .unwrap();
        let running = pipeline.start_here();
        for _ in 0..3 {
            let data_set = outputs.recv_async().await.unwrap();
            let outcome = data_set.outcome("fails").unwrap();
            assert_eq!(outcome.to_string(), "failed: invalid digit found in string");
            assert_eq!(data_set.output("fails"), None);
            assert_eq!(data_set.output("works"), Some(&1));
            assert!(data_set.outcome("other").is_none());
        }
        let counts = running.shutdown().await.counts;
        assert_eq!((counts.ticks, counts.failed, counts.done), (3, 3, 3));
    });
    run.unwrap();
}

#[test]
fn a_stage_that_panics_is_an_entry_and_the_input_is_not_poisoned() {
    let run = sim(1).run(async {
        let input = Shared::new(0);
        let throw = |input: &u64, _| match input {
            0 => resume_unwind(Box::new("out of luck")),
            1 => resume_unwind(Box::new(format!("out of {input}"))),
            n => Ok(*n),
        };
        let (pipeline, outputs) = Pipeline::builder(input.clone())
            .stage_fn("panics", throw)
            .stage_fn("works", |input: &u64, _| Ok(*input))
            .every(Period::Millis(10))
            .build()
            .unwrap();
        let running = pipeline.start_here();
        let mut outcomes = Vec::new();
        for n in 0..3 {
            let data_set = outputs.recv_async().await.unwrap();
            outcomes.push(data_set.outcome("panics").unwrap().to_string());
            assert_eq!(data_set.output("works"), Some(&n));
            *input.write().await += 1;
        }
        assert_eq!(
            outcomes,
            ["panicked: out of luck", "panicked: out of 1", "done"]
        );
        assert_eq!(running.counts().panicked, 2);
    });
    run.unwrap();
}

/// Its output is the window that it ran for. It takes 25 ms at the windows named.
fn slow_at(starts: &'static [i64]) -> impl Fn(&(), Window) -> Result<i64, StageError> {
    move |_, window| {
        if starts.contains(&window.start) {
            work(25 * MS);
        }
        Ok(window.start)
    }
}

#[test]
fn a_stage_that_overruns_its_timeout_is_an_entry_and_is_not_started_twice() {
    let run = sim(1).run(async {
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("slow", slow_at(&[10, 50]))
            .stage_fn("quick", |_, window| Ok(window.start))
            .every(Period::Millis(10))
            .stage_timeout(5 * MS)
            .build()
            .unwrap();
        let running = pipeline.start_here();
        let mut outcomes = Vec::new();
        for n in 0..8 {
            let data_set = outputs.recv_async().await.unwrap();
            assert_eq!(data_set.output("quick"), Some(&(10 * n)));
            outcomes.push(data_set.outcome("slow").unwrap().to_string());
        }
        let busy = |start| format!("still runs for the window [{start}, {}) ms", start + 10);
        // Begun at 20, it ends at 45: between the ticks at 40 and 50.
        let expected = [
            "done",
            "timed out",
            &busy(10),
            &busy(10),
            "done",
            "timed out",
            &busy(50),
            &busy(50),
        ];
        assert_eq!(outcomes, expected);
        let counts = running.shutdown().await.counts;
        assert_eq!((counts.timed_out, counts.busy), (2, 4));
    });
    run.unwrap();
}

/// Whatever takes how long: an output is in the data set of the window that it is about, no stage
/// runs twice at a time, and every tick ends in time.
#[test]
fn a_late_result_never_lands_in_another_data_set() {
    let explored = Sim::seed(0).high(2).low(2).explore(300, || async {
        let stage = |name: u64| {
            let running = AtomicUsize::new(0);
            move |_: &(), window: Window| {
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "runs twice");
                let mut random = fastrand::Rng::with_seed(name ^ window.start as u64);
                work(MS * random.u32(0..25));
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(window)
            }
        };
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("one", stage(1))
            .stage_fn("two", stage(2))
            .stage_fn("three", stage(3))
            .every(Period::Millis(10))
            .stage_timeout(8 * MS)
            .missed_windows(MissedWindows::Coalesce)
            .build()
            .unwrap();
        let running = pipeline.start_here();
        for _ in 0..20 {
            let data_set = outputs.recv_async().await.unwrap();
            for entry in &data_set.entries {
                match &entry.outcome {
                    StageOutcome::Done(window) => assert_eq!(*window, data_set.window),
                    StageOutcome::Busy { window } => assert!(window.end <= data_set.window.start),
                    StageOutcome::TimedOut => {}
                    other => panic!("{}: {other}", entry.stage),
                }
            }
        }
        let report = running.shutdown().await;
        assert!(report.counts.done > 0 && report.counts.timed_out > 0);
    });
    let explored = explored.unwrap();
    assert!(explored.distinct > 100, "{explored:?}");
}

/// On threads, where the next tick may begin while the last stage is about to leave.
#[test]
fn a_stage_that_ends_in_time_is_never_busy() {
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("one", |_: &(), window| Ok(window.start))
        .stage_fn("two", |_, window| Ok(window.start))
        .every(Period::Micros(1))
        .stage_timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let rt = runtime(2);
    let running = pipeline.start(&rt);
    let mut last = None;
    for _ in 0..20_000 {
        let data_set = soon(outputs.recv_async()).unwrap();
        let start = data_set.window.start;
        assert!(last.is_none_or(|last| last + 1 == start));
        last = Some(start);
        for entry in &data_set.entries {
            assert_eq!(entry.outcome.output(), Some(&start), "{}", entry.outcome);
        }
    }
    assert_eq!(soon(running.shutdown()).counts.busy, 0);
}

#[test]
fn a_stage_that_no_thread_has_come_to_runs_once_and_for_the_newest_window() {
    let run = Sim::seed(1)
        .high(1)
        .low(1)
        .stealing(Stealing::None)
        .run(async {
            let runs = Arc::new(Mutex::new(Vec::new()));
            let ran = runs.clone();
            let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
                .stage_fn("stage", move |_: &(), window| {
                    ran.lock().unwrap().push(window.start);
                    Ok(window.start)
                })
                .every(Period::Millis(10))
                .stage_timeout(5 * MS)
                .build()
                .unwrap();
            let running = pipeline.start_here();
            // The only low worker is busy from 1 to 42.
            sleep(MS).await;
            let busy = spawn_task!(async { work(41 * MS) });
            let mut outcomes = Vec::new();
            for _ in 0..5 {
                let data_set = outputs.recv_async().await.unwrap();
                outcomes.push(data_set.outcome("stage").unwrap().to_string());
            }
            busy.await;
            // The tick at 40 is still waiting at 42: its job is the one that is taken.
            let expected = ["timed out", "timed out", "timed out", "done", "done"];
            assert_eq!(outcomes, expected);
            assert_eq!(*runs.lock().unwrap(), [30, 40]);
            assert!(running.shutdown().await.still_running.is_empty());
        });
    run.unwrap();
}

#[test]
fn a_stage_that_never_returns_costs_one_thread_and_its_own_entries() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("stuck", move |_: &(), _| {
            let _ = released.lock().unwrap().recv();
            Ok(())
        })
        .stage_fn("works", |_, _| Ok(()))
        .every(Period::Millis(1))
        .missed_windows(MissedWindows::Skip)
        .stage_timeout(20 * MS)
        .build()
        .unwrap();
    let rt = runtime(2);
    // Dropped before the runtime, which waits for the stage.
    let release = release;
    let running = pipeline.start(&rt);
    let (mut stuck_since, mut works) = (None, 0);
    while works < 5 {
        let data_set = soon(outputs.recv_async()).unwrap();
        match data_set.outcome("stuck").unwrap() {
            StageOutcome::TimedOut if stuck_since.is_none() => {}
            StageOutcome::Busy { window } => {
                assert_eq!(window, stuck_since.get_or_insert(*window));
                works += usize::from(data_set.output("works").is_some());
            }
            other => panic!("{other}"),
        }
    }
    let report = soon(running.shutdown());
    assert_eq!(report.still_running, ["stuck".into()]);
    assert_eq!((report.end, report.cut_off), (End::ShutDown, None));
    drop(release);
}

#[test]
fn destructors_that_panic_cost_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !thread::panicking() {
                resume_unwind(Box::new("goes off"));
            }
        }
    }
    let run = sim(1).run(async {
        let late = |_: &(), window: Window| {
            if window.start == 0 {
                work(15 * MS);
            }
            Ok(Bomb)
        };
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("late", late)
            .stage_fn("panics", |_, _| resume_unwind(Box::new(Bomb)))
            .every(Period::Millis(10))
            .stage_timeout(5 * MS)
            .capacity(1)
            .overflow(laneway::pipeline::Overflow::DropOldest)
            .build()
            .unwrap();
        let running = pipeline.start_here();
        sleep(95 * MS).await;
        let report = running.shutdown().await;
        assert_eq!((report.end, report.counts.dropped), (End::ShutDown, 8));
        std::mem::forget(outputs);
    });
    run.unwrap();
}

#[test]
fn data_sets_whose_destructors_panic_are_dropped_whole() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            resume_unwind(Box::new("goes off"));
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let made = || {
        let drops = drops.clone();
        move |_: &(), _: Window| Ok(Bomb(drops.clone()))
    };
    let (one, other) = (made(), made());
    let run = sim(1).run(async {
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("one", one)
            .stage_fn("other", other)
            .every(Period::Millis(10))
            .capacity(2)
            .overflow(laneway::pipeline::Overflow::DropOldest)
            .build()
            .unwrap();
        let running = pipeline.start_here();
        sleep(45 * MS).await;
        let report = running.shutdown().await;
        assert_eq!((report.counts.ticks, report.counts.dropped), (4, 2));
        drop(outputs);
    });
    run.unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 8);
}

#[test]
fn windows_are_aligned_to_unix_time() {
    let (pipeline, outputs) = one_stage((), |_, _| Ok(()));
    let rt = runtime(1);
    let millis = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64
    };
    let before = millis();
    let _running = pipeline.start(&rt);
    let window = soon(outputs.recv_async()).unwrap().window;
    let after = millis();
    assert_eq!((window.start % 10, window.length()), (0, 10));
    assert_eq!(window.unit, Unit::Millis);
    // The two clocks may be a millisecond apart.
    assert!(
        window.end >= before && window.end <= after + 1,
        "{before} {window} {after}"
    );
}

#[test]
fn a_clock_of_ones_own_is_the_epoch() {
    let run = sim(1).run(async {
        sleep(12_345 * MS).await;
        let unix = PipelineClock::unix();
        assert_eq!(unix.now(Unit::Seconds), 12, "the simulation's own time");
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("stage", |_: &(), _| Ok(()))
            .every(Period::Seconds(10))
            .clock(PipelineClock::starting_at(now() + 15_500 * MS))
            .build()
            .unwrap();
        let started = now();
        let _running = pipeline.start_here();
        let mut ticks = Vec::new();
        for _ in 0..3 {
            let data_set = outputs.recv_async().await.unwrap();
            ticks.push((data_set.window.start, now() - started));
        }
        assert_eq!(
            ticks,
            [(-20, 5_500 * MS), (-10, 15_500 * MS), (0, 25_500 * MS)]
        );
    });
    run.unwrap();
}

#[test]
fn pipelines_chain_and_the_second_is_one_tick_behind() {
    let explored = Sim::seed(0).high(1).low(2).explore(300, || async {
        let (first, numbers) = Pipeline::builder(Shared::new(()))
            .stage_fn("number", |_: &(), window| Ok(window.start / 10))
            .every(Period::Millis(10))
            .build()
            .unwrap();
        let history = Shared::new(Vec::new());
        let (second, sums) = Pipeline::builder(history.clone())
            .stage_fn("sum", |history: &Vec<(i64, i64)>, window| {
                let inside = history.iter().filter(|(at, _)| window.contains(*at));
                Ok(inside.map(|(_, number)| number).sum::<i64>())
            })
            .every(Period::Millis(20))
            .clock(first.clock())
            .build()
            .unwrap();
        let feeding = spawn_task!(numbers.feed(history, |history, data_set| {
            let number = *data_set.output("number").unwrap();
            history.push((data_set.timestamp, number));
        }));
        let (first, second) = (first.start_here(), second.start_here());
        let mut received = Vec::new();
        for _ in 0..4 {
            received.push(*sums.recv_async().await.unwrap().output("sum").unwrap());
        }
        // The numbers that came at 10; at 20 and 30; at 40 and 50; at 60 and 70.
        assert_eq!(received, [0, 1 + 2, 3 + 4, 5 + 6]);
        let report = first.shutdown().await;
        assert_eq!(feeding.await, report.counts.ticks);
        assert_eq!(second.shutdown().await.end, End::ShutDown);
        assert!(matches!(sums.try_recv(), Err(TryRecvError::Ended)));
    });
    explored.unwrap();
}

#[test]
fn outputs_are_a_stream_and_clones_share_them() {
    let run = sim(1).run(async {
        let (pipeline, outputs) = one_stage((), |_, window| Ok(window.start));
        let running = pipeline.start_here();
        let number = |data_set: laneway::pipeline::DataSet<i64>| *data_set.output("stage").unwrap();
        let first: Vec<i64> = outputs.clone().take(3).map(number).collect().await;
        assert_eq!(first, [0, 10, 20]);
        let collect = |outputs: Outputs<i64>| {
            spawn_task!(async move { outputs.map(number).collect::<Vec<i64>>().await })
        };
        let (one, two) = (collect(outputs.clone()), collect(outputs));
        sleep(1000 * MS).await;
        let report = running.shutdown().await;
        let (mut all, mut other) = (one.await, two.await);
        all.append(&mut other);
        all.sort();
        let ticks = report.counts.ticks as i64;
        assert_eq!(all, (3..ticks).map(|n| 10 * n).collect::<Vec<_>>());
        assert!(ticks >= 100);
    });
    run.unwrap();
}

#[test]
fn a_data_set_may_be_received_from_any_thread() {
    let (pipeline, outputs) = one_stage(7, |input, _| Ok(*input));
    let rt = runtime(1);
    let running = pipeline.start(&rt);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let outputs = outputs.clone();
            thread::spawn(move || *soon(outputs.recv_async()).unwrap().output("stage").unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 7);
    }
    let recv = |outputs: Outputs<i32>| async move { outputs.recv().is_ok() };
    assert!(soon(rt.spawn(recv(outputs.clone()), Priority::Low)));
    assert!(
        thread::spawn(move || outputs.recv().is_ok())
            .join()
            .unwrap()
    );
    drop(running);
}
