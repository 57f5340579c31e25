//! Ten million events: does memory stay within bounds, and does recording one ever pause?
//!
//! Every single event is timed on its thread, by the clock and by the processor time that the
//! thread has used: the operating system may take the processor away at any time, which the clock
//! shows and the processor time does not. (What a hypervisor takes shows in both.) The same
//! runtime does the same with an observer that does nothing, for comparison: what it is late is
//! not ours. Meanwhile the main thread takes recordings.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Recorder, RuntimeShape};
use laneway::{Priority, Runtime, Task, TaskId};

const EVENTS: u64 = 10_000_000;

/// Of which so many are told by the main thread and the worker about empty tasks, five each; the
/// rest is about tasks that yield, four events each time.
const ABOUT_SPAWNS: u64 = 1_000_000;

const YIELDING: u64 = 100;
const RECORDINGS: u64 = 10;

pub(crate) fn measure() {
    println!("Ten million events, each of them timed, in microseconds:\n");
    println!(
        "{:<12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>10}{:>10}",
        "", "events", "longest", "on cpu", ">100 us", "on cpu", ">1 ms", "on cpu", "seconds"
    );
    run("nothing", Arc::new(Timed::new(None)), None);
    let recorder = Arc::new(Recorder::new());
    let before = resident("VmRSS");
    run(
        "recorder",
        Arc::new(Timed::new(Some(recorder.clone()))),
        Some(&recorder),
    );
    let after = resident("VmRSS");
    let recording = recorder.recording();
    println!(
        "\nkept {}, dropped {}; resident memory before {before}, after {after}, at its highest, \
         with {RECORDINGS} recordings taken, {}",
        recording.len(),
        recording.dropped(),
        resident("VmHWM")
    );
}

fn run(name: &str, timed: Arc<Timed>, recorder: Option<&Recorder>) {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(timed.clone()).build();
    let rt = rt.expect("the threads start");
    let started = Instant::now();
    for _ in 0..RECORDINGS {
        let yielding = || async {
            for _ in 0..(EVENTS - ABOUT_SPAWNS) / 4 / YIELDING / RECORDINGS {
                yield_now().await;
            }
        };
        let tasks: Vec<Task<()>> = (0..YIELDING)
            .map(|_| rt.spawn(yielding(), Priority::Low))
            .collect();
        let empty = (0..ABOUT_SPAWNS / 5 / RECORDINGS).map(|_| rt.spawn(async {}, Priority::Low));
        let empty: Vec<Task<()>> = empty.collect();
        // In the middle of it.
        if let Some(recorder) = recorder {
            assert!(!recorder.recording().is_empty());
        }
        rt.block_on(async {
            for task in tasks.into_iter().chain(empty) {
                task.await;
            }
        });
    }
    let took = started.elapsed();
    drop(rt);
    timed.print(name, took);
}

/// Times every event that it hands on.
struct Timed {
    recorder: Option<Arc<Recorder>>,
    events: AtomicU64,
    by_clock: Longest,
    on_cpu: Longest,
}

/// The longest times, in nanoseconds. Threads that tell something at once seldom both set a
/// record.
#[derive(Default)]
struct Longest {
    ns: AtomicU64,
    over_100_us: AtomicU64,
    over_1_ms: AtomicU64,
}

impl Timed {
    fn new(recorder: Option<Arc<Recorder>>) -> Timed {
        Timed {
            recorder,
            events: AtomicU64::new(0),
            by_clock: Longest::default(),
            on_cpu: Longest::default(),
        }
    }

    fn time(&self, tell: impl FnOnce(&Recorder)) {
        let (cpu, clock) = (cpu_time(), Instant::now());
        if let Some(recorder) = &self.recorder {
            tell(recorder);
        }
        self.by_clock.add(clock.elapsed());
        self.on_cpu.add(cpu_time().saturating_sub(cpu));
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    fn print(&self, name: &str, took: Duration) {
        let us = |longest: &Longest| longest.ns.load(Ordering::Relaxed) as f64 / 1e3;
        let (clock, cpu) = (&self.by_clock, &self.on_cpu);
        println!(
            "{name:<12}{:>12}{:>12.1}{:>12.1}{:>12}{:>12}{:>12}{:>10}{:>10.1}",
            self.events.load(Ordering::Relaxed),
            us(clock),
            us(cpu),
            clock.over_100_us.load(Ordering::Relaxed),
            cpu.over_100_us.load(Ordering::Relaxed),
            clock.over_1_ms.load(Ordering::Relaxed),
            cpu.over_1_ms.load(Ordering::Relaxed),
            took.as_secs_f64()
        );
    }
}

impl Longest {
    fn add(&self, time: Duration) {
        let ns = time.as_nanos() as u64;
        if ns > self.ns.load(Ordering::Relaxed) {
            self.ns.fetch_max(ns, Ordering::Relaxed);
        }
        if ns > 100_000 {
            self.over_100_us.fetch_add(1, Ordering::Relaxed);
        }
        if ns > 1_000_000 {
            self.over_1_ms.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer for Timed {
    fn on_start(&self, shape: &RuntimeShape) {
        if let Some(recorder) = &self.recorder {
            recorder.on_start(shape);
        }
    }

    fn on_event(&self, event: Event) {
        self.time(|recorder| recorder.on_event(event));
    }

    fn on_named(&self, task: TaskId, name: &str) {
        self.time(|recorder| recorder.on_named(task, name));
    }
}

/// What this thread has used of a processor. Elsewhere than on Linux, the time by the clock.
#[cfg(target_os = "linux")]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(not(target_os = "linux"))]
fn cpu_time() -> Duration {
    use std::sync::OnceLock;
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    BEGINNING.get_or_init(Instant::now).elapsed()
}

/// A line of what Linux says of this process's memory.
fn resident(what: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let size = line.and_then(|line| line.strip_prefix(':'));
    size.map_or("unknown", str::trim).to_owned()
}
