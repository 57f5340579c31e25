//! Every background pattern at full speed, for as long as you like, with an eye on the memory:
//! `cargo run --release --example soak -- --seconds 600` takes ten minutes for each pattern, and
//! fails if one of them grows. `--help` tells the options.

mod exit;
mod record;

use std::error::Error;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use futures_lite::future::poll_once;
use laneway::background::{CallError, Every, Overlap, RestartPolicy, Service};
use laneway::pipeline::{MissedWindows, Period, Pipeline, Shared};
use laneway::time::MissedTickBehavior;
use laneway::{Priority, Runtime, TaskGroup, block_on, yield_now};
use sysinfo::{ProcessesToUpdate, System};

use record::Record;

/// Runs each pattern at full speed, and fails if the memory grows.
#[derive(Parser)]
#[command(name = "soak")]
struct Options {
    /// Seconds for each pattern, 1 to 86400
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Only these patterns
    #[arg(long, value_delimiter = ',')]
    only: Vec<Pattern>,

    #[command(flatten)]
    record: Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pattern {
    /// Callers of all kinds: they wait, give up, do not care; the handler panics now and then.
    Service,
    /// Processes that are always due, some of which panic.
    Every,
    /// Two pipelines in a chain with a tick always due, whose stages work, fail and panic; ended
    /// and built anew every 10,000 ticks.
    Pipeline,
}

impl Pattern {
    fn run(self, rt: &Runtime, soak: &Arc<Soak>) {
        match self {
            Pattern::Service => service(rt, soak),
            Pattern::Every => every(rt, soak),
            Pattern::Pipeline => pipeline(rt, soak),
        }
    }
}

/// The state that a pattern shares with the thread that watches it.
#[derive(Default)]
struct Soak {
    over: AtomicBool,
    done: AtomicU64,
}

impl Soak {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn service(rt: &Runtime, soak: &Arc<Soak>) {
    let handler = async |sum: &AtomicU64, n: u64| {
        if n.is_multiple_of(7) {
            yield_now().await;
        }
        if n == 1_000 {
            resume_unwind(Box::new("one in a thousand"));
        }
        sum.fetch_add(n, Ordering::Relaxed)
    };
    let at_once = RestartPolicy::new().backoff(Duration::ZERO, Duration::ZERO);
    let service = Service::new().bounded(64).in_flight(16).restart(at_once);
    let (handle, background) = service.build(async || AtomicU64::new(0), handler);
    let background = rt.spawn(background, Priority::Low);
    let mut callers = TaskGroup::new();
    for _ in 0..4 {
        let (handle, soak) = (handle.clone(), soak.clone());
        let caller = async move {
            while soak.goes_on() {
                for n in 1..=1_000 {
                    let replied = handle.call(n).await;
                    assert!(
                        matches!(replied, Ok(_) | Err(CallError::Panicked(_))),
                        "{replied:?}"
                    );
                    // One that is given up at once, and one for which no task waits.
                    poll_once(handle.call(n)).await;
                    if let Ok(reply) = handle.try_call(2) {
                        reply.detach();
                    }
                    soak.count();
                }
            }
        };
        callers.spawn_on(rt, caller, Priority::Low);
    }
    drop(handle);
    let results = block_on(callers.join_all());
    results
        .into_iter()
        .for_each(|result| result.expect("no caller panics"));
    block_on(background);
}

fn every(rt: &Runtime, soak: &Arc<Soak>) {
    let processes = [Overlap::Skip, Overlap::Queue].map(|overlap| {
        let counted = soak.clone();
        let every = Every::new(Duration::from_micros(1)).overlap(overlap);
        // Never late enough to rest.
        let every = every.missed_ticks(MissedTickBehavior::Burst);
        let (process, background) =
            every
                .jitter(Duration::from_nanos(500))
                .build(async move || {
                    let n = counted.done.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                    if n.is_multiple_of(1_000) {
                        resume_unwind(Box::new("one in a thousand"));
                    }
                });
        (process, rt.spawn(background, Priority::Low))
    });
    while soak.goes_on() {
        thread::sleep(Duration::from_millis(10));
    }
    for (process, background) in processes {
        process.stop();
        block_on(background);
    }
}

fn pipeline(rt: &Runtime, soak: &Arc<Soak>) {
    while soak.goes_on() {
        let number = Shared::new(0);
        let (first, sums) = Pipeline::builder(number.clone())
            .stage_fn("works", |number: &u64, _window| Ok(*number))
            .stage_fn("fails", |_, window| Err(format!("not for {window}").into()))
            .stage_fn("panics", |_, _window| resume_unwind(Box::new("every time")))
            .every(Period::Micros(1))
            .build()
            .expect("it has stages and an interval");
        let latest = Shared::new(0);
        let (second, copies) = Pipeline::builder(latest.clone())
            .stage_fn("copies", |latest: &u64, _window| Ok(*latest))
            .every(Period::Micros(1))
            .missed_windows(MissedWindows::Coalesce)
            .build()
            .expect("it has stages and an interval");
        let feed = sums.feed(latest, |latest, data_set| {
            *latest = *data_set.output("works").expect("it works");
        });
        let feeding = rt.spawn(feed, Priority::Low);
        let (first, second) = (first.start(rt), second.start(rt));
        for _ in (0..10_000).take_while(|_| soak.goes_on()) {
            number.update(|number| *number += 1);
            let copied = copies.recv().expect("it has not ended");
            assert!(copied.output("copies").is_some(), "{copied:?}");
            soak.count();
        }
        block_on(first.shutdown());
        block_on(feeding);
        block_on(second.shutdown());
    }
}

/// The memory of this process that is in RAM, in KiB.
fn resident() -> u64 {
    let pid = sysinfo::get_current_pid().expect("this process has a number");
    let mut system = System::new();
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), true);
    system
        .process(pid)
        .map_or(0, |process| process.memory() / 1024)
}

/// How many lines are printed for a pattern.
const SAMPLES: u32 = 10;

/// Runs a pattern, and prints the memory as it goes on. Gives how much it has grown since the
/// first line, by when everything has its size.
///
/// # Errors
///
/// If a line cannot be printed. The pattern ends early then.
fn soak(rt: &Runtime, pattern: Pattern, length: Duration) -> io::Result<i64> {
    let shared = Arc::new(Soak::default());
    let started = Instant::now();
    let mut samples = Vec::new();
    let printed = thread::scope(|scope| {
        scope.spawn(|| pattern.run(rt, &shared));
        let printed = (1..=SAMPLES).try_for_each(|n| {
            let due = started + length * n / SAMPLES;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let done = shared.done.load(Ordering::Relaxed);
            let kib = resident();
            samples.push(kib);
            let seconds = started.elapsed().as_secs_f64();
            let rate = format!("{seconds:6.1} s  {done:>12} done");
            writeln!(io::stdout(), "{pattern:?}: {rate}  {kib:>8} KiB resident")
        });
        shared.over.store(true, Ordering::Relaxed);
        printed
    });
    printed?;
    let grown = samples[samples.len() - 1].cast_signed() - samples[0].cast_signed();
    let line = format!("grown by {grown} KiB since the first line");
    writeln!(io::stdout(), "{pattern:?}: {line}").map(|()| grown)
}

/// The memory that the allocator may keep for itself: some pages for each thread.
const ALLOWED_KIB: i64 = 2_048;

fn main() -> ExitCode {
    exit::code("soak", run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let rt = options.record.watch(Runtime::builder()).build()?;
    let mut most = i64::MIN;
    for pattern in Pattern::value_variants() {
        if options.only.is_empty() || options.only.contains(pattern) {
            most = most.max(soak(&rt, *pattern, Duration::from_secs(options.seconds))?);
        }
    }
    options.record.save();
    match most <= ALLOWED_KIB {
        true => Ok(()),
        false => Err(format!("the memory grew by more than {ALLOWED_KIB} KiB").into()),
    }
}
