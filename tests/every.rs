//! Does a periodic process run when it should, once at a time, and end in the middle of nothing?

mod common;

use std::future::pending;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually};
use laneway::background::{self, Every, Overlap, Periodic};
use laneway::sim::{Sim, work};
use laneway::time::{MissedTickBehavior, now, sleep};
use laneway::{Priority, Runtime, block_on, spawn_task};

use Run::{Computes, Waits};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(20);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// When runs begin, in simulated milliseconds.
#[derive(Clone, Default)]
struct Begins(Arc<Mutex<Vec<u128>>>);

impl Begins {
    fn note(&self, start: std::time::Instant) {
        self.0.lock().unwrap().push((now() - start).as_millis());
    }
}

/// What a run does, for how many milliseconds.
#[derive(Clone, Copy)]
enum Run {
    Waits(u32),
    Computes(u32),
}

impl Run {
    async fn take_its_time(self) {
        match self {
            Run::Waits(millis) => sleep(millis * MS).await,
            Run::Computes(millis) => work(millis * MS),
        }
    }
}

/// Simulates a process on one worker for so many milliseconds. Each run takes as long as the list
/// says, the rest no time. Beside it runs `other`.
fn simulate<F: Future<Output = ()> + Send + 'static>(
    every: Every,
    millis: u32,
    runs: &'static [Run],
    other: F,
) -> (Vec<u128>, Periodic) {
    let run = Sim::seed(7).high(0).low(1).run(async move {
        let (begins, start) = (Begins::default(), now());
        let inside = begins.clone();
        let mut runs = runs.iter();
        let (process, background) = every.build(async move || {
            inside.note(start);
            if let Some(run) = runs.next() {
                run.take_its_time().await;
            }
        });
        let task = spawn_task!(background);
        let other = spawn_task!(other);
        sleep(millis * MS).await;
        drop((task, other));
        let begins = begins.0.lock().unwrap().clone();
        (begins, process)
    });
    run.unwrap().output
}

fn every(period: u32) -> Every {
    Every::new(period * MS)
}

/// Keeps the only worker busy from the fifth millisecond to the thirty-fifth.
async fn busy() {
    sleep(5 * MS).await;
    work(30 * MS);
}

// When.

#[test]
fn the_first_run_comes_at_once_and_the_others_every_period() {
    let (begins, process) = simulate(every(10), 35, &[], async {});
    assert_eq!(begins, [0, 10, 20, 30]);
    assert_eq!(process.metrics().completed, 4);
}

#[test]
fn an_initial_delay_puts_all_of_them_off() {
    let every = every(10).initial_delay(7 * MS);
    assert_eq!(simulate(every, 35, &[], async {}).0, [7, 17, 27]);
}

#[test]
fn jitter_puts_each_run_off_and_does_not_add_up() {
    let every = every(10_000).jitter(5_000 * MS);
    let (begins, _) = simulate(every, 1_000_000, &[], async {});
    let put_off: Vec<u128> = (0..).zip(&begins).map(|(n, at)| at - 10_000 * n).collect();
    assert!((99..=100).contains(&begins.len()), "{}", begins.len());
    assert!(put_off.iter().all(|ms| *ms <= 5_000), "{put_off:?}");
    let mean = put_off.iter().sum::<u128>() / put_off.len() as u128;
    assert!((1_500..3_500).contains(&mean), "{mean}");
}

#[test]
fn jitter_is_kept_out_of_step_by_no_behaviour() {
    for missed in [MissedTickBehavior::Burst, MissedTickBehavior::Delay] {
        let every = every(10_000).jitter(5_000 * MS).missed_ticks(missed);
        let (begins, _) = simulate(every, 1_000_000, &[], async {});
        let within = (0..)
            .zip(&begins)
            .all(|(n, at)| at - 10_000 * n <= 5_000 + n);
        assert!(within, "{missed:?}: {begins:?}");
    }
}

#[test]
fn ticks_that_nobody_had_time_for_come_as_was_chosen() {
    let begins = |missed| simulate(every(10).missed_ticks(missed), 58, &[], busy()).0;
    assert_eq!(begins(MissedTickBehavior::Burst), [0, 35, 35, 35, 40, 50]);
    assert_eq!(begins(MissedTickBehavior::Delay), [0, 35, 45, 55]);
    assert_eq!(begins(MissedTickBehavior::Skip), [0, 35, 40, 50]);
}

#[test]
fn by_default_missed_ticks_are_skipped() {
    assert_eq!(simulate(every(10), 58, &[], busy()).0, [0, 35, 40, 50]);
}

// Overlaps.

#[test]
fn ticks_in_the_middle_of_a_run_are_skipped_by_default() {
    let (begins, process) = simulate(every(10), 68, &[Waits(25), Waits(5), Waits(15)], async {});
    assert_eq!(begins, [0, 30, 40, 60]);
    let metrics = process.metrics();
    assert_eq!((metrics.skipped, metrics.queued), (3, 0));
}

#[test]
fn ticks_in_the_middle_of_a_run_can_be_queued() {
    let every = every(10).overlap(Overlap::Queue);
    let (begins, process) = simulate(every.clone(), 55, &[Waits(25), Waits(7)], async {});
    assert_eq!(begins, [0, 25, 32, 32, 40, 50]);
    assert_eq!(process.metrics().skipped, 0);
    // Runs that take longer than the period fall behind more and more, and never overlap.
    let (begins, process) = simulate(every, 68, &[Waits(30); 3], async {});
    assert_eq!(begins, [0, 30, 60]);
    let metrics = process.metrics();
    assert_eq!((metrics.completed, metrics.queued), (2, 4));
}

#[test]
fn ticks_during_a_run_that_computes_are_skipped_like_those_during_one_that_waits() {
    for run in [&[Computes(35); 3], &[Waits(35); 3]] {
        let (begins, process) = simulate(every(10), 118, run, async {});
        assert_eq!(begins, [0, 40, 80]);
        let metrics = process.metrics();
        assert_eq!((metrics.skipped, metrics.queued), (9, 0));
    }
    // Both in one run, and runs whose end is the moment of a tick.
    let (begins, process) = simulate(every(10), 78, &[Computes(30), Waits(10)], async {});
    assert_eq!(begins, [0, 30, 40, 50, 60, 70]);
    assert_eq!(process.metrics().skipped, 2);
}

#[test]
fn a_run_that_computes_is_no_missed_tick_whatever_becomes_of_those() {
    for missed in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        let every = every(10).missed_ticks(missed);
        let (begins, process) = simulate(every, 98, &[Computes(35); 2], async {});
        assert_eq!(begins, [0, 40, 80, 90], "{missed:?}");
        assert_eq!(process.metrics().skipped, 6, "{missed:?}");
    }
}

#[test]
fn ticks_during_a_run_that_computes_are_queued_and_none_is_lost() {
    let every = every(10).overlap(Overlap::Queue);
    for run in [&[Computes(35)], &[Waits(35)]] {
        let (begins, process) = simulate(every.clone(), 58, run, async {});
        assert_eq!(begins, [0, 35, 35, 35, 40, 50]);
        assert_eq!(process.metrics().skipped, 0);
    }
    let (begins, process) = simulate(every, 88, &[Computes(35); 3], async {});
    assert_eq!(begins, [0, 35, 70]);
    // Ticks at 10 to 80, of which two have had their runs.
    assert_eq!(process.metrics().queued + 2, 8);
}

#[test]
fn a_burst_is_made_up_for_and_what_comes_during_its_runs_is_left_out() {
    // The thread is taken until 35. The three runs that are due then take 10 ms each.
    let every = every(10).missed_ticks(MissedTickBehavior::Burst);
    let runs = &[Waits(0), Waits(10), Computes(10), Waits(10)];
    let (begins, process) = simulate(every, 98, runs, busy());
    assert_eq!(begins, [0, 35, 45, 55, 70, 80, 90]);
    assert_eq!(process.metrics().skipped, 3);
}

#[test]
fn the_ticks_of_a_long_run_are_counted_at_once() {
    let hour = 3_600_000;
    let every = Every::new(Duration::from_nanos(1)).overlap(Overlap::Queue);
    let run = Sim::seed(7).run(async move {
        let (process, background) = every.build(async move || work(hour * MS));
        let mut background = pin!(background);
        assert!(poll_once(background.as_mut()).is_pending());
        process.metrics()
    });
    let metrics = run.unwrap().output;
    assert_eq!((metrics.completed, metrics.skipped), (1, 0));
    assert_eq!(metrics.queued, 3_600_000_000_000 - 1);
}

#[test]
fn a_dropped_process_is_not_running() {
    let (_, process) = simulate(every(10), 5, &[Waits(1_000)], async {});
    let metrics = process.metrics();
    assert_eq!((metrics.running, metrics.completed), (false, 0));
}

// Panics.

/// Keeps what is logged.
struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_is_reported_and_the_next_run_happens() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    let run = Sim::seed(7).run(async {
        let mut n = 0;
        let every = Every::new(10 * MS).name("odd jobs");
        let (process, background) = every.build(async move || {
            n += 1;
            laneway::yield_now().await;
            if n == 2 {
                resume_unwind(Box::new("no luck"));
            }
        });
        let task = spawn_task!(background);
        sleep(35 * MS).await;
        drop(task);
        process.metrics()
    });
    let metrics = run.unwrap().output;
    assert_eq!((metrics.completed, metrics.panicked), (3, 1));
    assert_eq!(metrics.last_panic.as_deref(), Some("no luck"));
    assert_eq!(metrics.name, "odd jobs");
    let expected = "run 2 of the periodic process \"odd jobs\" panicked; it goes on: no luck";
    assert!(LOG.0.lock().unwrap().iter().any(|line| line == expected));
}

// The end.

#[test]
fn shutdown_lets_a_run_finish_and_begins_no_other() {
    let rt = Runtime::builder().build().unwrap();
    let (gate, begun) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let (opened, count) = (gate.clone(), begun.clone());
    let every = Every::new(Duration::from_nanos(1)).overlap(Overlap::Queue);
    let (process, background) = every.build(async move || {
        count.fetch_add(1, Ordering::SeqCst);
        opened.wait().await;
    });
    rt.spawn(background, Priority::Low).detach();
    gate.eventually_polled(1);
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| rt.shutdown(LONG));
        eventually("shutdown has begun", || {
            rt.try_spawn(async {}, Priority::Low).is_err()
        });
        assert!(!shutdown.is_finished());
        gate.open();
        assert!(shutdown.join().unwrap().is_clean());
    });
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    let metrics = process.metrics();
    assert_eq!((metrics.completed, metrics.running), (1, false));
    assert!(metrics.queued > 0, "more runs were due");
}

#[test]
fn shutdown_ends_a_process_that_waits_for_its_tick() {
    let rt = Runtime::builder().build().unwrap();
    let hour = 3_600_000 * MS;
    let (process, background) = Every::new(hour).initial_delay(hour).build(async || ());
    rt.spawn(background, Priority::Low).detach();
    let started = now();
    assert!(rt.shutdown(LONG).is_clean());
    assert!(now() - started < LONG, "it did not wait for the deadline");
    assert_eq!(process.metrics().completed, 0);
}

#[test]
fn a_run_that_outlives_the_deadline_is_cut_off() {
    let rt = Runtime::builder().build().unwrap();
    let (gate, dropped) = (Gate::new(), DropCounter::new());
    let (closed, token) = (gate.clone(), dropped.token());
    let (process, background) = background::every(MS, async move || {
        let _held = &token;
        closed.wait().await;
    });
    rt.spawn(background, Priority::Low).detach();
    gate.eventually_polled(1);
    assert_eq!(cut_off(&rt).cut_off, 1);
    assert_eq!(dropped.count(), 1);
    assert!(!process.metrics().running);
}

#[test]
fn stop_ends_it_on_any_executor() {
    let (process, background) = background::every(MS, async || ());
    let thread = thread::spawn(move || futures_lite::future::block_on(background));
    eventually("it runs", || process.metrics().completed >= 3);
    process.stop();
    thread.join().unwrap();
    let metrics = process.metrics();
    assert_eq!((metrics.panicked, metrics.running), (0, false));
}

#[test]
fn stop_lets_a_run_finish() {
    let gate = Gate::new();
    let opened = gate.clone();
    let (process, background) = background::every(MS, async move || opened.wait().await);
    let task = spawn_task!(background);
    gate.eventually_polled(1);
    process.clone().stop();
    assert!(!task.is_finished());
    gate.open();
    block_on(task);
    assert_eq!(process.metrics().completed, 1);
}

#[test]
fn stopped_before_it_begins_it_never_runs() {
    let ran = AtomicBool::new(false);
    let (process, background) = background::every(MS, async || ran.store(true, Ordering::SeqCst));
    process.stop();
    block_on(background);
    assert!(!ran.load(Ordering::SeqCst));
}

// Fairness and bad settings.

#[test]
fn runs_that_are_always_due_do_not_keep_the_worker() {
    let every = Every::new(Duration::from_nanos(1)).missed_ticks(MissedTickBehavior::Burst);
    let (process, background) = every.clone().build(async || ());
    let mut background = pin!(background);
    for runs in 1..100 {
        assert!(poll_once(background.as_mut()).is_pending());
        assert!(
            process.metrics().completed <= runs,
            "several runs in one poll"
        );
    }
    // And a run that waits, with a tick due whenever it is looked for.
    let (process, background) = every
        .overlap(Overlap::Queue)
        .build(async || pending().await);
    let mut background = pin!(background);
    for _ in 0..100 {
        let before = process.metrics().queued;
        assert!(poll_once(background.as_mut()).is_pending());
        assert!(process.metrics().queued > before || !process.metrics().running);
    }
}

#[test]
#[should_panic(expected = "must not be zero")]
fn a_period_of_zero_is_refused() {
    let _ = Every::new(Duration::ZERO);
}

#[test]
#[should_panic(expected = "is longer than the period")]
fn a_jitter_beyond_the_period_is_refused() {
    let _ = Every::new(MS).jitter(2 * MS);
}
