//! Does every public function give a sensible answer in the destructor of a thread-local?
//!
//! Such a destructor may run after those of the thread-locals that the function needs, and a panic
//! in it aborts the process. So each place and order is a child process, which has to end well.

mod program;

use std::cell::Cell;
use std::env;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use laneway::background::{self, every};
use laneway::blocking::{self, unblock};
use laneway::observe::{Monitor, Recorder, Tee};
use laneway::pipeline::{Period, Pipeline, Shared};
use laneway::sim::{self, Sim};
use laneway::time::{self, interval, now, sleep, sleep_until, timeout};
use laneway::{
    Handle, Priority, Runtime, Task, TaskGroup, block_on, join, join_all, named, shutdown_begun,
    spawn, spawn_task, try_join, try_join_all, yield_now,
};

const MS: Duration = Duration::from_millis(1);

const LIMIT: Duration = Duration::from_secs(60);

// The places, the orders, and the children.

/// On which thread the destructor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The process's first thread, when the process ends.
    Main,
    /// A thread of the program's own.
    Plain,
    /// A worker's thread, at the end of its runtime.
    Worker,
    /// A simulation's thread, at its end.
    Simulated,
}

/// When this crate's thread-locals begin to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// After that of the test, so that they are destroyed before its destructor runs.
    After,
    /// Before, so that the destructor still finds them.
    Before,
    /// In the destructor.
    Within,
}

const PLACES: [Place; 4] = [Place::Main, Place::Plain, Place::Worker, Place::Simulated];

const ORDERS: [Order; 3] = [Order::After, Order::Before, Order::Within];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, place, order] = &arguments[..]
        && word == "child"
    {
        child(chosen(PLACES, place), chosen(ORDERS, order));
        return ExitCode::SUCCESS;
    }
    let cases = PLACES
        .iter()
        .flat_map(|p| ORDERS.iter().map(move |o| (*p, *o)));
    let failed = cases
        .filter(|(place, order)| !passes(*place, *order))
        .count();
    println!("\n{failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn chosen<C: Copy + std::fmt::Debug, const N: usize>(all: [C; N], word: &str) -> C {
    let mut all = all.into_iter();
    all.find(|choice| format!("{choice:?}") == word)
        .expect("a child is told one of the choices")
}

/// Runs a case in a child process.
fn passes(place: Place, order: Order) -> bool {
    let mut command = Command::new(env::current_exe().expect("a test knows its own path"));
    command.args(["child", &format!("{place:?}"), &format!("{order:?}")]);
    let ended = program::run(&mut command, LIMIT);
    let ran_all = ended.stdout.ends_with("all of them\n");
    let passed = ended.code == Some(0) && ran_all;
    let word = if passed { "ok" } else { "FAILED" };
    println!("test in a destructor on {place:?}, thread-locals {order:?} ... {word}");
    if !passed {
        println!("{:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
    }
    passed
}

fn child(place: Place, order: Order) {
    match place {
        Place::Main => prepare(place, order),
        Place::Plain => thread::spawn(move || prepare(place, order))
            .join()
            .expect("it ends well"),
        Place::Worker => {
            let rt = Runtime::builder()
                .with_high_num(0)
                .with_low_num(1)
                .with_observer(Arc::new(Recorder::new()))
                .build()
                .expect("one worker is enough");
            rt.block_on(rt.spawn(async move { prepare(place, order) }, Priority::Low));
            drop(rt);
        }
        Place::Simulated => {
            let run = Sim::seed(1).run(async move { prepare(place, order) });
            run.expect("it waits for nothing");
            // A simulation does not wait for the destructors of its threads' locals.
            while !ENDED.load(Ordering::Acquire) {
                thread::yield_now();
            }
        }
    }
}

fn prepare(place: Place, order: Order) {
    if order == Order::Before {
        acts_in_turn(first_uses(place));
    }
    AT_EXIT.set(Some(Acts));
    if order == Order::After {
        acts_in_turn(first_uses(place));
    }
}

static ENDED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static AT_EXIT: Cell<Option<Acts>> = const { Cell::new(None) };
}

/// What a simulation cannot wait for is not done within one.
fn first_uses(place: Place) -> &'static [(&'static str, fn())] {
    match place {
        Place::Simulated => SIMULATED_FIRST_USES,
        Place::Main | Place::Plain | Place::Worker => FIRST_USES,
    }
}

/// Does everything when it is dropped.
struct Acts;

impl Drop for Acts {
    fn drop(&mut self) {
        acts_in_turn(ACTS);
        println!("all of them");
        ENDED.store(true, Ordering::Release);
    }
}

fn acts_in_turn(acts: &[(&str, fn())]) {
    for (name, act) in acts {
        println!("{name}");
        act();
    }
}

// What is done.

/// These touch all thread-locals that last as long as their thread.
const FIRST_USES: &[(&str, fn())] = &[
    ("sim", simulates),
    ("spawn", spawns),
    ("unblock", unblocks),
    ("sleep", sleeps),
    ("services", serves),
];

const SIMULATED_FIRST_USES: &[(&str, fn())] =
    &[("spawn", spawns), ("unblock", unblocks), ("sleep", sleeps)];

const ACTS: &[(&str, fn())] = &[
    ("block_on", blocks),
    ("now", tells_the_time),
    ("sleep", sleeps),
    ("metrics of the blocking pool", counts_blocking_threads),
    ("unblock", unblocks),
    ("spawn", spawns),
    ("join", joins),
    ("tasks", uses_tasks),
    ("groups", groups),
    ("handles", uses_handles),
    ("an own runtime", owns_a_runtime),
    ("services", serves),
    ("periodic processes", repeats),
    ("pipelines", pipes),
    ("observers", observes),
    ("sim", simulates),
    ("task-locals", follows),
];

/// A task's output. None: it was cancelled, since its runtime has ended.
fn output<T>(task: Task<T>) -> Option<T> {
    block_on(task.fallible()).ok()
}

fn blocks() {
    assert_eq!(block_on(async { 2 }), 2);
    block_on(yield_now());
}

fn tells_the_time() {
    assert!(now() <= now());
    sim::work(MS);
}

fn sleeps() {
    block_on(sleep(MS));
    block_on(sleep_until(now() + MS));
    assert!(block_on(timeout(MS, std::future::pending::<()>())).is_err());
    let mut ticks = interval(MS);
    block_on(async {
        ticks.tick().await;
        ticks.tick().await;
    });
    ticks.reset();
    let mut slept = time::sleep(LIMIT);
    slept.reset(now());
    block_on(slept);
}

fn counts_blocking_threads() {
    let metrics = blocking::metrics();
    assert!(metrics.idle <= metrics.threads);
}

fn unblocks() {
    assert_eq!(block_on(unblock(|| 3)), 3);
    unblock(|| ()).detach();
    drop(unblock(|| ()));
}

fn spawns() {
    assert!(matches!(
        output(spawn(async { 4 }, Priority::High)),
        Some(4) | None
    ));
    assert!(matches!(output(spawn_task!(async { 5 })), Some(5) | None));
    let named = named("named").spawn(async { 6 }, Priority::Low);
    assert!(matches!(output(named), Some(6) | None));
    spawn_task!(async {}).detach();
    drop(spawn_task!(sleep(MS)));
}

fn joins() {
    let fine = || Runtime::global().spawn(async { 7 }, Priority::Low);
    assert_eq!(join!(fine(), fine()), [7, 7]);
    assert_eq!(join_all([fine()]), [7]);
    let joined = try_join!(spawn_task!(async { 8 }));
    assert!(joined[0].as_ref().is_ok_and(|n| *n == 8) || joined[0].is_err());
    assert_eq!(try_join_all([spawn_task!(async {})]).len(), 1);
}

fn uses_tasks() {
    let task = spawn_task!(sleep(MS));
    task.escalate();
    let _ = (task.is_finished(), task.priority(), task.name(), task.id());
    block_on(task.cancel());
}

fn groups() {
    let mut group = TaskGroup::new();
    group.spawn(async { 9 }, Priority::Low);
    group.spawn_on(Runtime::global(), async { 9 }, Priority::High);
    assert!(block_on(group.join_next()).is_some());
    assert_eq!(block_on(group.join_all()).len(), 1);
    let mut group = TaskGroup::new();
    group.spawn(sleep(LIMIT), Priority::Low);
    block_on(group.cancel_all());
}

fn uses_handles() {
    let _here = Handle::try_current();
    let handle = Runtime::global().block_on(async { Handle::current() });
    let _entered = handle.enter();
    let _begun = shutdown_begun();
    let taken = handle.try_spawn(async { 10 }, Priority::Low);
    assert!(matches!(taken.map(output), Ok(Some(10))));
}

fn owns_a_runtime() {
    let rt = Runtime::builder().with_high_num(1).with_low_num(1).build();
    let rt = rt.expect("a runtime can be built");
    assert_eq!(rt.block_on(rt.spawn(async { 11 }, Priority::Low)), 11);
    let report = rt.shutdown(LIMIT);
    assert!(report.is_clean());
}

fn serves() {
    let (handle, background) = background::service(0, async |sum: &mut u32, n: u32| {
        *sum += n;
        *sum
    });
    Runtime::global().spawn(background, Priority::High).detach();
    assert_eq!(block_on(handle.call(12)), Ok(12));
    assert_eq!(handle.metrics().in_flight, 0);
}

fn repeats() {
    let (sender, runs) = mpsc::channel();
    let run = async move || sender.send(13).expect("the test is listening");
    let (periodic, background) = every(MS, run);
    let task = Runtime::global().spawn(background, Priority::Low);
    assert_eq!(runs.recv(), Ok(13));
    periodic.stop();
    block_on(task);
}

fn pipes() {
    let input = Shared::new(14);
    input.update(|n| *n += 1);
    let (pipeline, outputs) = Pipeline::builder(input)
        .stage_fn("same", |n: &i32, _window| Ok(*n))
        .every(Period::Millis(1))
        .build()
        .expect("it has all it needs");
    let running = pipeline.start(Runtime::global());
    let data_set = outputs.recv().expect("the pipeline runs");
    assert_eq!(data_set.output("same"), Some(&15));
    block_on(running.shutdown());
}

fn observes() {
    let (monitor, recorder) = (Arc::new(Monitor::new()), Arc::new(Recorder::new()));
    let tee = Tee::new().with(monitor.clone()).with(recorder.clone());
    let rt = Runtime::builder().with_observer(Arc::new(tee)).build();
    let rt = rt.expect("a runtime can be built");
    rt.block_on(rt.spawn(async {}, Priority::Low));
    drop(rt);
    assert_eq!(monitor.tasks().len(), 0);
    assert!(!recorder.recording().is_empty());
}

fn simulates() {
    let run = Sim::seed(1).run(async {
        sleep(LIMIT).await;
        spawn_task!(async { 16 }).await + unblock(|| 17).await
    });
    assert_eq!(run.expect("it comes to its end").output, 33);
    sim::explore(2, || async { yield_now().await }).expect("nothing fails");
}

laneway::task_local! {
    static NUMBER: u32;
}

fn follows() {
    assert_eq!(NUMBER.try_get().ok(), None);
    assert_eq!(block_on(NUMBER.scope(18, async { NUMBER.get() })), 18);
}
