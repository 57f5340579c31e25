//! Can everybody get at a pipeline's input, and nobody keep the others out for ever?

mod common;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{eventually, soon};
use laneway::pipeline::{Period, Pipeline, Shared, StageOutcome};
use laneway::sim::{Sim, work};
use laneway::time::{now, sleep};
use laneway::{Priority, Runtime, Stealing, join_all, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);

fn sim(seed: u64) -> Sim {
    let sim = Sim::seed(seed).high(1).low(2);
    sim.stealing(Stealing::None)
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Flag {
    fn poll<F: Future>(self: &Arc<Flag>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

#[test]
fn many_may_read_or_one_may_write() {
    let shared = Shared::new(1);
    let (one, two) = (shared.try_read().unwrap(), shared.try_read().unwrap());
    assert_eq!(*one + *two, 2);
    assert!(shared.try_write().is_none());
    drop(one);
    assert!(shared.try_write().is_none());
    drop(two);
    let mut writer = shared.try_write().unwrap();
    *writer += 1;
    assert!(shared.try_read().is_none());
    assert!(shared.try_write().is_none());
    drop(writer);
    assert_eq!(shared.view(|value| *value), 2);
}

#[test]
fn a_writer_that_waits_goes_before_new_readers() {
    let shared = Shared::new(1);
    let reader = shared.try_read().unwrap();
    let (writer_woken, reader_woken) = (Arc::new(Flag::default()), Arc::new(Flag::default()));
    let mut writer = pin!(shared.write());
    assert!(writer_woken.poll(writer.as_mut()).is_pending());
    assert!(shared.try_read().is_none());
    let mut late_reader = pin!(shared.read());
    assert!(reader_woken.poll(late_reader.as_mut()).is_pending());
    drop(reader);
    assert!(writer_woken.take() && !reader_woken.take());
    assert!(
        shared.try_read().is_none(),
        "it has been woken and comes first"
    );
    let Poll::Ready(guard) = writer_woken.poll(writer.as_mut()) else {
        panic!("nobody else is there");
    };
    drop(guard);
    assert!(reader_woken.take());
    assert!(reader_woken.poll(late_reader).is_ready());
}

#[test]
fn readers_that_wait_get_their_chance_after_each_write() {
    let shared = Shared::new(1);
    let first = shared.try_write().unwrap();
    let (mut writer, mut reader) = (pin!(shared.write()), pin!(shared.read()));
    assert!(poll_once(writer.as_mut()).is_pending());
    assert!(poll_once(reader.as_mut()).is_pending());
    drop(first);
    // Whichever is polled first.
    let Poll::Ready(guard) = poll_once(reader) else {
        panic!("another writer waits, but has not tried again");
    };
    assert!(poll_once(writer.as_mut()).is_pending());
    assert!(shared.try_read().is_none());
    drop(guard);
    assert!(poll_once(writer).is_ready());
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind() {
    let shared = Shared::new(1);
    let reader = shared.try_read().unwrap();
    let woken = Arc::new(Flag::default());
    let mut other = pin!(shared.read());
    {
        let mut writer = pin!(shared.write());
        assert!(poll_once(writer.as_mut()).is_pending());
        assert!(woken.poll(other.as_mut()).is_pending());
    }
    assert!(woken.take(), "nobody keeps it out any more");
    assert!(poll_once(other).is_ready());
    drop(reader);
    let writer = shared.try_write().unwrap();
    drop(Box::pin(shared.read()));
    let mut given_up = Box::pin(shared.read());
    assert!(woken.poll(given_up.as_mut()).is_pending());
    drop(given_up);
    drop(writer);
    assert!(!woken.take());
    assert_eq!(Arc::strong_count(&woken), 1, "its waker is gone");
}

#[test]
fn a_panic_poisons_nothing() {
    let shared = Shared::new(vec![1]);
    let update = || {
        shared.update(|values| {
            values.push(2);
            resume_unwind(Box::new("half way"));
        })
    };
    catch_unwind(AssertUnwindSafe(update)).unwrap_err();
    assert_eq!(shared.view(|values| values.clone()), [1, 2]);
    let view = || shared.view(|_| resume_unwind(Box::new("half way")));
    catch_unwind(AssertUnwindSafe(view)).unwrap_err();
    shared.update(|values| values.clear());
}

/// Threads and tasks at the same time, blocking and not: no update is lost, nobody sees one that
/// is half done, and all come to their end.
#[test]
fn a_storm_of_readers_and_writers_loses_nothing() {
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    let rt = builder.build().unwrap();
    let shared = Shared::new((0_u64, 0_u64));
    let add = |(one, two): &mut (u64, u64)| {
        *one += 1;
        *two += 1;
    };
    let tasks = (0..8).map(|n| {
        let shared = shared.clone();
        let work = async move {
            for _ in 0..200 {
                match n % 4 {
                    0 => add(&mut *shared.write().await),
                    1 => shared.update(add),
                    2 => {
                        let guard = shared.read().await;
                        let before = *guard;
                        yield_now().await;
                        assert_eq!((guard.0, guard.0), (before.0, guard.1));
                    }
                    _ => assert!(shared.view(|(one, two)| one == two)),
                }
            }
        };
        rt.spawn(work, Priority::Low)
    });
    let tasks: Vec<_> = tasks.collect();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || (0..200).for_each(|_| shared.update(add)))
        })
        .collect();
    join_all(tasks);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(shared.view(|both| *both), (1_200, 1_200));
}

#[test]
fn every_schedule_of_readers_and_writers_ends() {
    let explored = Sim::seed(0).high(1).low(2).explore(1_000, || async {
        let shared = Shared::new(0);
        let mut tasks = Vec::new();
        for n in 0..6_u32 {
            let shared = shared.clone();
            tasks.push(spawn_task!(async move {
                for _ in 0..5 {
                    if n % 2 == 0 {
                        let mut guard = shared.write().await;
                        yield_now().await;
                        *guard += 1;
                    } else {
                        let guard = shared.read().await;
                        let before = *guard;
                        yield_now().await;
                        assert_eq!(*guard, before, "written while it is read");
                    }
                }
            }));
        }
        for task in tasks {
            task.await;
        }
        assert_eq!(*shared.try_read().unwrap(), 15);
    });
    explored.unwrap();
}

#[test]
fn a_writer_that_waits_for_the_outputs_gets_an_entry_that_says_so() {
    let run = sim(1).run(async {
        let input = Shared::new(7);
        let (pipeline, outputs) = Pipeline::builder(input.clone())
            .stage_fn("one", |input: &i32, _| Ok(*input))
            .stage_fn("two", |input, _| Ok(*input))
            .every(Period::Seconds(10))
            .lock_timeout(300 * MS)
            .build()
            .unwrap();
        let (begin, running) = (now(), pipeline.start_here());
        let mut guard = input.write().await;
        let data_set = outputs.recv_async().await.unwrap();
        assert_eq!(now() - begin, 10_300 * MS);
        for entry in &data_set.entries {
            assert!(
                matches!(entry.outcome, StageOutcome::InputLocked),
                "{}",
                entry.outcome
            );
        }
        *guard += 1;
        drop(guard);
        let data_set = outputs.recv_async().await.unwrap();
        assert_eq!(now() - begin, 20_000 * MS);
        assert_eq!(data_set.output("one"), Some(&8));
        assert_eq!(running.shutdown().await.counts.input_locked, 2);
    });
    run.unwrap();
}

#[test]
fn a_thread_that_waits_for_the_outputs_in_an_update_is_not_deadlocked() {
    let input = Shared::new(7);
    let (pipeline, outputs) = Pipeline::builder(input.clone())
        .stage_fn("stage", |input: &i32, _| Ok(*input))
        .every(Period::Millis(1))
        .lock_timeout(MS)
        .build()
        .unwrap();
    let rt = Runtime::builder().build().unwrap();
    let _running = pipeline.start(&rt);
    input.update(|input| {
        let locked = |outcome: &StageOutcome<i32>| matches!(outcome, StageOutcome::InputLocked);
        eventually("the stage finds it locked", || {
            let data_set = soon(outputs.recv_async()).unwrap();
            locked(data_set.outcome("stage").unwrap())
        });
        *input = 8;
    });
    eventually("the stage sees the update", || {
        soon(outputs.recv_async()).unwrap().output("stage") == Some(&8)
    });
}

#[test]
fn a_stage_waits_for_the_input_without_blocking_its_thread_and_runs_when_it_can() {
    let run = Sim::seed(1)
        .high(1)
        .low(1)
        .stealing(Stealing::None)
        .run(async {
            let input = Shared::new(7);
            let (pipeline, outputs) = Pipeline::builder(input.clone())
                .stage_fn("stage", |input: &i32, _| Ok(*input))
                .every(Period::Seconds(1))
                .build()
                .unwrap();
            let (begin, _running) = (now(), pipeline.start_here());
            let mut guard = input.write().await;
            sleep(1_200 * MS).await;
            // The only low worker is free.
            spawn_task!(async {}).await;
            assert_eq!(now() - begin, 1_200 * MS);
            assert!(outputs.is_empty());
            *guard = 8;
            drop(guard);
            let data_set = outputs.recv_async().await.unwrap();
            assert_eq!(
                (now() - begin, data_set.output("stage")),
                (1_200 * MS, Some(&8))
            );
            assert_eq!((data_set.window.end, data_set.timestamp), (1, 1));
        });
    run.unwrap();
}

#[test]
fn a_stage_that_waits_for_the_input_takes_the_job_of_the_next_tick() {
    let run = sim(1).run(async {
        let input = Shared::new(7);
        let (pipeline, outputs) = Pipeline::builder(input.clone())
            .stage_fn("stage", |_: &i32, window| Ok(window.start))
            .every(Period::Millis(10))
            .stage_timeout(8 * MS)
            .lock_timeout(15 * MS)
            .build()
            .unwrap();
        let (begin, _running) = (now(), pipeline.start_here());
        sleep(5 * MS).await;
        let guard = input.write().await;
        let data_set = outputs.recv_async().await.unwrap();
        assert_eq!(
            now() - begin,
            18 * MS,
            "the time of the stage was over first"
        );
        let outcome = data_set.outcome("stage").unwrap();
        assert!(matches!(outcome, StageOutcome::InputLocked), "{outcome}");
        // At 25 the wait that began at 10 would be over; the one of the tick at 20 is not.
        sleep(9 * MS).await;
        drop(guard);
        let data_set = outputs.recv_async().await.unwrap();
        assert_eq!(
            (now() - begin, data_set.output("stage")),
            (27 * MS, Some(&10))
        );
    });
    run.unwrap();
}

#[test]
fn the_input_is_not_locked_while_stages_wait_for_a_thread() {
    let run = Sim::seed(1)
        .high(1)
        .low(1)
        .stealing(Stealing::None)
        .run(async {
            let input = Shared::new(7);
            let (pipeline, outputs) = Pipeline::builder(input.clone())
                .stage_fn("one", |input: &i32, _| {
                    work(30 * MS);
                    Ok(*input)
                })
                .stage_fn("two", |input, _| {
                    work(30 * MS);
                    Ok(*input)
                })
                .every(Period::Millis(100))
                .build()
                .unwrap();
            let (begin, _running) = (now(), pipeline.start_here());
            sleep(90 * MS).await;
            let busy = spawn_task!(async { work(30 * MS) });
            // The tick at 100 finds no thread until 120.
            sleep(20 * MS).await;
            *input.try_write().unwrap() = 8;
            busy.await;
            sleep(10 * MS).await;
            // One of them runs until 150. A writer comes in between it and the other.
            *input.write().await += 1;
            assert_eq!(now() - begin, 150 * MS);
            let data_set = outputs.recv_async().await.unwrap();
            let mut seen = [
                *data_set.output("one").unwrap(),
                *data_set.output("two").unwrap(),
            ];
            seen.sort();
            assert_eq!(seen, [8, 9]);
        });
    run.unwrap();
}

#[test]
fn a_writer_waits_for_a_stage_that_runs_and_keeps_the_next_ones_out() {
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let input = Shared::new(7);
    let (begin, begun) = mpsc::channel();
    let (pipeline, outputs) = Pipeline::builder(input.clone())
        .stage_fn("slow", move |input: &i32, _| {
            begin.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            Ok(*input)
        })
        .stage_fn("other", |input, _| Ok(*input))
        .every(Period::Millis(1))
        .stage_timeout(20 * MS)
        .lock_timeout(10 * MS)
        .build()
        .unwrap();
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    let rt = builder.with_stealing(Stealing::None).build().unwrap();
    let running = pipeline.start(&rt);
    // Dropped before the runtime, which waits for the stage.
    let release = release;
    begun.recv_timeout(Duration::from_secs(20)).unwrap();
    let writer = thread::spawn({
        let input = input.clone();
        move || input.update(|input| *input = 8)
    });
    eventually("the writer waits", || input.try_read().is_none());
    eventually("the other stage is kept out", || {
        let data_set = soon(outputs.recv_async()).unwrap();
        matches!(data_set.outcome("other"), Some(StageOutcome::InputLocked))
    });
    drop(release);
    writer.join().unwrap();
    eventually("the other stage sees the update", || {
        soon(outputs.recv_async()).unwrap().output("other") == Some(&8)
    });
    soon(running.shutdown());
}
