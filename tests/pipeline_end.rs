//! Does a pipeline end when it should, in every state that it may be in, and tell the truth?

mod common;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, eventually, soon};
use laneway::pipeline::{
    DataSet, End, Outputs, Overflow, Period, Pipeline, PipelineBuilder, PipelineClock, RecvError,
    Running, Shared, TryRecvError,
};
use laneway::sim::{Sim, work};
use laneway::time::{now, sleep, timeout};
use laneway::{Priority, Runtime, Stealing, spawn_task};

const MS: Duration = Duration::from_millis(1);

/// A test that waits so long has hung.
const LONG: Duration = Duration::from_secs(20);

fn sim() -> Sim {
    let sim = Sim::seed(1).high(1).low(2);
    sim.stealing(Stealing::None)
}

/// Every 10 ms, a stage that takes so long and gives the window's start.
fn builder(millis: u32) -> PipelineBuilder<(), i64> {
    let stage = move |_: &(), window: laneway::pipeline::Window| {
        work(MS * millis);
        Ok(window.start)
    };
    Pipeline::builder(Shared::new(()))
        .stage_fn("stage", stage)
        .every(Period::Millis(10))
}

fn start(builder: PipelineBuilder<(), i64>) -> (Running, Outputs<i64>) {
    let (pipeline, outputs) = builder.build().unwrap();
    (pipeline.start_here(), outputs)
}

fn number(data_set: &DataSet<i64>) -> i64 {
    *data_set.output("stage").unwrap()
}

async fn rest(outputs: &Outputs<i64>) -> Vec<i64> {
    let mut numbers = Vec::new();
    while let Ok(data_set) = outputs.recv_async().await {
        numbers.push(number(&data_set));
    }
    numbers
}

#[test]
fn block_makes_ticks_wait_and_counts_them() {
    let run = sim().run(async {
        let (running, outputs) = start(builder(0).capacity(2));
        sleep(55 * MS).await;
        // 0 and 10 are there; the one for 20 waits since 30, and the ticks behind it.
        assert_eq!((outputs.len(), running.counts().blocked), (2, 1));
        assert_eq!(running.counts().ticks, 3);
        for expected in [0, 10, 20, 30, 40] {
            let data_set = outputs.recv_async().await.unwrap();
            assert_eq!(number(&data_set), expected);
            assert!(data_set.timestamp >= data_set.window.end);
        }
        let counts = running.shutdown().await.counts;
        assert_eq!((counts.ticks, counts.dropped), (5, 0));
    });
    run.unwrap();
}

#[test]
fn drop_oldest_makes_room_and_counts_what_it_dropped() {
    let run = sim().run(async {
        let dropping = builder(0).capacity(2).overflow(Overflow::DropOldest);
        let (running, outputs) = start(dropping);
        sleep(55 * MS).await;
        let counts = running.shutdown().await.counts;
        assert_eq!((counts.ticks, counts.dropped, counts.blocked), (5, 3, 0));
        assert_eq!(rest(&outputs).await, [30, 40]);
    });
    run.unwrap();
}

#[test]
fn dropping_the_outputs_ends_the_pipeline() {
    // While it waits for a tick, while a stage runs, and while it waits for room.
    for (millis, after, ticks, cut_off) in
        [(0, 5, 0, None), (8, 15, 0, Some(0)), (0, 45, 3, Some(20))]
    {
        let run = sim().run(async move {
            let (begin, (running, outputs)) = (now(), start(builder(millis).capacity(2)));
            sleep(MS * after).await;
            let other = outputs.clone();
            drop(outputs);
            sleep(MS).await;
            assert!(!running.is_ended(), "a clone is left");
            drop(other);
            let report = running.ended().await;
            assert_eq!(now() - begin, MS * (after + 1), "at once");
            let window = report.cut_off.map(|window| window.start);
            assert_eq!((report.end, window), (End::OutputsDropped, cut_off));
            assert_eq!(report.counts.ticks, ticks);
            let still_running = if millis > 0 { 1 } else { 0 };
            assert_eq!(report.still_running.len(), still_running);
        });
        run.unwrap();
    }
}

#[test]
fn shutdown_between_ticks_is_immediate() {
    let run = sim().run(async {
        let (begin, (running, outputs)) = (now(), start(builder(0)));
        sleep(25 * MS).await;
        let report = running.shutdown().await;
        assert_eq!(now() - begin, 25 * MS);
        assert_eq!((report.end, report.cut_off), (End::ShutDown, None));
        assert_eq!((report.counts.ticks, report.counts.done), (2, 2));
        assert_eq!(rest(&outputs).await, [0, 10]);
        assert_eq!(outputs.recv_async().await.unwrap_err(), RecvError);
        assert_eq!(outputs.try_recv().unwrap_err(), TryRecvError::Ended);
        // Again, and by waiting for it: the same report.
        assert_eq!(running.shutdown().await, report);
        assert_eq!(running.ended().await, report);
    });
    run.unwrap();
}

#[test]
fn shutdown_lets_the_running_tick_finish() {
    let run = sim().run(async {
        let (begin, (running, outputs)) = (now(), start(builder(300)));
        sleep(50 * MS).await;
        let report = running.shutdown().await;
        assert_eq!(now() - begin, 310 * MS);
        assert_eq!((report.end, report.cut_off), (End::ShutDown, None));
        // The ticks that were missed meanwhile do not run.
        assert_eq!(rest(&outputs).await, [0]);
    });
    run.unwrap();
}

#[test]
fn shutdown_cuts_off_at_its_deadline_what_does_not_finish() {
    let run = sim().run(async {
        let (begin, (running, outputs)) = (now(), start(builder(300)));
        sleep(50 * MS).await;
        // The earliest deadline counts, whoever gave it and when.
        let mut late = pin!(running.shutdown_within(1000 * MS));
        assert!(poll_once(late.as_mut()).is_pending());
        sleep(10 * MS).await;
        let report = running.shutdown_within(100 * MS).await;
        assert_eq!(now() - begin, 160 * MS);
        assert_eq!(report.cut_off.map(|window| window.start), Some(0));
        assert_eq!(report.still_running, ["stage".into()]);
        assert_eq!((report.end, report.counts.ticks), (End::ShutDown, 0));
        assert_eq!(late.await, report);
        assert_eq!(rest(&outputs).await, [0; 0]);
    });
    run.unwrap();
}

#[test]
fn a_stage_that_has_not_begun_at_the_end_never_does() {
    let run = Sim::seed(1)
        .high(1)
        .low(1)
        .stealing(Stealing::None)
        .run(async {
            let (ran, runs) = mpsc::channel();
            let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
                .stage_fn("stage", move |_: &(), _| ran.send(()).map_err(Into::into))
                .every(Period::Millis(10))
                .build()
                .unwrap();
            let running = pipeline.start_here();
            let busy = spawn_task!(async { work(50 * MS) });
            sleep(15 * MS).await;
            let report = running.shutdown_within(5 * MS).await;
            assert_eq!(report.cut_off.map(|window| window.start), Some(0));
            assert!(report.still_running.is_empty());
            busy.await;
            sleep(MS).await;
            assert_eq!(runs.try_recv(), Err(mpsc::TryRecvError::Disconnected));
            drop(outputs);
        });
    run.unwrap();
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn shutdown_needs_nobody_to_receive() {
    let run = sim().run(async {
        let (running, outputs) = start(builder(0).capacity(2));
        sleep(55 * MS).await;
        let before = now();
        let report = running.shutdown().await;
        assert_eq!((now(), report.cut_off), (before, None));
        // One more than there is room for.
        assert_eq!(rest(&outputs).await, [0, 10, 20]);
    });
    run.unwrap();
}

#[test]
fn a_shutdown_that_nobody_waits_for_is_one() {
    let run = sim().run(async {
        let (running, outputs) = start(builder(300));
        sleep(50 * MS).await;
        let waited = timeout(10 * MS, running.shutdown()).await;
        assert!(waited.is_err());
        assert_eq!(rest(&outputs).await, [0]);
        assert_eq!(running.ended().await.end, End::ShutDown);
    });
    run.unwrap();
}

#[test]
fn shutdown_may_come_from_any_thread_and_from_a_stage() {
    let rt = Runtime::builder().build().unwrap();
    let (sender, receiver) = mpsc::channel::<Arc<Running>>();
    let receiver = std::sync::Mutex::new(receiver);
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("ends it", move |_: &(), _| {
            if let Ok(running) = receiver.lock().unwrap().recv() {
                let shutdown = async move { running.shutdown().await };
                spawn_task!(shutdown).detach();
            }
            Ok(())
        })
        .every(Period::Millis(1))
        .stage_timeout(LONG)
        .build()
        .unwrap();
    let running = Arc::new(pipeline.start(&rt));
    sender.send(running.clone()).unwrap();
    // Later ticks do not wait for another one.
    drop(sender);
    let report = thread::scope(|scope| {
        let waits = scope.spawn(|| soon(running.ended()));
        waits.join().unwrap()
    });
    assert_eq!((report.end, report.cut_off), (End::ShutDown, None));
    assert_eq!(outputs.len() as u64, report.counts.ticks);
}

#[test]
fn dropping_the_handle_stops_the_pipeline() {
    let run = sim().run(async {
        let (running, outputs) = start(builder(300));
        sleep(50 * MS).await;
        let before = now();
        drop(running);
        assert_eq!(rest(&outputs).await, [0; 0]);
        assert_eq!(now(), before);
    });
    run.unwrap();
}

#[test]
fn a_detached_pipeline_goes_on_until_its_outputs_are_dropped() {
    let run = sim().run(async {
        let input = Shared::new(Arc::new(()));
        let held = input.view(Arc::clone);
        let (pipeline, outputs) = Pipeline::builder(input)
            .stage_fn("stage", |_: &Arc<()>, _| Ok(()))
            .every(Period::Millis(10))
            .build()
            .unwrap();
        pipeline.start_here().detach();
        for _ in 0..10 {
            outputs.recv_async().await.unwrap();
        }
        drop(outputs);
        sleep(MS).await;
        assert_eq!(Arc::strong_count(&held), 1, "the pipeline is gone");
    });
    run.unwrap();
}

#[test]
fn the_end_of_the_runtime_ends_the_pipeline() {
    for stop in [
        |rt: Runtime| drop(rt.shutdown(10 * MS)),
        |rt: Runtime| drop(rt),
    ] {
        let rt = Runtime::builder().build().unwrap();
        let (pipeline, outputs) = builder(0).build().unwrap();
        let running = pipeline.start(&rt);
        soon(outputs.recv_async()).unwrap();
        stop(rt);
        let report = soon(running.shutdown());
        assert_eq!(report.end, End::RuntimeEnded);
        while soon(outputs.recv_async()).is_ok() {}
    }
}

#[test]
fn a_runtime_that_drains_does_not_wait_for_the_next_tick_nor_for_room() {
    let from_now = PipelineClock::starting_at(now());
    let waits_for_a_tick = || builder(0).every(Period::Minutes(60)).clock(from_now);
    let waits_for_room = || builder(0).capacity(1);
    for (builder, ticks) in [(waits_for_a_tick(), 0), (waits_for_room(), 2)] {
        let rt = Runtime::builder().build().unwrap();
        let (pipeline, outputs) = builder.build().unwrap();
        let running = pipeline.start(&rt);
        eventually("it waits", || running.counts().ticks == ticks);
        let report = rt.shutdown(LONG);
        assert!(report.is_clean(), "{report:?}");
        let report = soon(running.ended());
        assert_eq!((report.end, report.cut_off), (End::RuntimeEnded, None));
        assert_eq!(outputs.len() as u64, ticks);
    }
}

#[test]
fn a_runtime_that_drains_lets_the_running_tick_finish() {
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("stage", move |_: &(), _| {
            let _ = begin.send(());
            let _ = released.lock().unwrap().recv();
            Ok(())
        })
        .every(Period::Millis(1))
        .stage_timeout(LONG)
        .build()
        .unwrap();
    let rt = Runtime::builder().with_high_num(1).build().unwrap();
    // Dropped before the runtime, which waits for the stage.
    let release = release;
    let running = pipeline.start(&rt);
    begun.recv_timeout(LONG).unwrap();
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| rt.shutdown(LONG));
        eventually("it drains", || {
            rt.try_spawn(async {}, Priority::Low).is_err()
        });
        release.send(()).unwrap();
        assert!(shutdown.join().unwrap().is_clean());
    });
    let report = soon(running.ended());
    assert_eq!((report.end, report.counts.done), (End::RuntimeEnded, 1));
    assert_eq!(report.cut_off, None);
    assert_eq!(outputs.len(), 1);
}

#[test]
fn a_pipeline_started_on_a_runtime_that_has_ended_says_so() {
    let rt = Runtime::builder().build().unwrap();
    rt.shutdown(LONG);
    let (pipeline, outputs) = builder(0).build().unwrap();
    let running = pipeline.start(&rt);
    assert!(running.is_ended());
    assert_eq!(soon(running.ended()).end, End::RuntimeEnded);
    assert!(soon(outputs.recv_async()).is_err());
}

#[test]
fn a_pipeline_that_is_never_started_ends_its_outputs() {
    let (pipeline, outputs) = builder(0).build().unwrap();
    let waits = thread::spawn(move || soon(outputs.recv_async()).map(|_| ()));
    drop(pipeline);
    assert_eq!(waits.join().unwrap(), Err(RecvError));
}

/// Ends at every point that schedules have: the report and what was received agree, and nothing
/// is left of the pipeline.
#[test]
fn whenever_it_ends_every_tick_is_accounted_for() {
    let mut ends = (0..60).cycle();
    let explored = Sim::seed(0).high(1).low(2).explore(1_000, || {
        let stop_at = ends.next().unwrap();
        stopped_at(MS * stop_at)
    });
    explored.unwrap();
}

async fn stopped_at(stop_at: Duration) {
    let drops = DropCounter::new();
    let token = drops.token();
    let stage = move |_: &(), window: laneway::pipeline::Window| {
        let _held = &token;
        work(MS * 4);
        Ok(window.start)
    };
    let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
        .stage_fn("stage", stage)
        .every(Period::Millis(10))
        .capacity(1)
        .build()
        .unwrap();
    let running = pipeline.start_here();
    let receiver = spawn_task!(async move {
        let mut numbers = Vec::new();
        while let Ok(data_set) = outputs.recv_async().await {
            numbers.push(number(&data_set));
            sleep(MS * 3).await;
        }
        numbers
    });
    sleep(stop_at).await;
    let report = running.shutdown_within(MS * 2).await;
    let numbers = receiver.await;
    let expected = (0..numbers.len() as i64).map(|n| 10 * n);
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    assert_eq!(report.counts.ticks, numbers.len() as u64);
    let next = 10 * numbers.len() as i64;
    assert!(report.cut_off.is_none_or(|window| window.start == next));
    assert_eq!(report.cut_off.is_some(), !report.still_running.is_empty());
    drop(running);
    sleep(MS * 10).await;
    assert_eq!(drops.count(), 1);
}

/// On real threads: many pipelines, ended in all ways at once.
#[test]
fn many_pipelines_end_and_leave_nothing_behind() {
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder.build().unwrap();
    let drops = DropCounter::new();
    let mut kept = Vec::new();
    for n in 0..200 {
        let token = drops.token();
        let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
            .stage_fn("stage", move |_: &(), _| {
                let _held = &token;
                Ok(())
            })
            .every(Period::Micros(100 + n))
            .capacity(1 + n as usize % 3)
            .build()
            .unwrap();
        kept.push((pipeline.start(&rt), outputs));
    }
    let mut waits = Vec::new();
    for (n, (running, outputs)) in kept.into_iter().enumerate() {
        assert!(soon(outputs.recv_async()).is_ok());
        match n % 4 {
            0 => drop(running),
            1 => running.detach(),
            2 => waits.push((End::OutputsDropped, running)),
            _ => {
                assert_eq!(soon(running.shutdown()).end, End::ShutDown);
                waits.push((End::ShutDown, running));
            }
        }
    }
    for (end, running) in waits {
        assert_eq!(soon(running.ended()).end, end);
    }
    eventually("all stages are dropped", || drops.count() == 200);
    assert!(rt.shutdown(LONG).is_clean());
}
