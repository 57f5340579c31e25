//! Does the log say that a spawn has started another runtime, and where?
//!
//! There is one process-wide runtime in a process, so each test runs in a process of its own.

use std::cell::RefCell;
use std::env;
use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use laneway::observe::{Event, Observer};
use laneway::{Priority, Runtime, block_on, spawn_task};
use log::Level;

const MS: Duration = Duration::from_millis(1);

/// Keeps the lines that speak of the process-wide runtime.
struct Lines(Mutex<Vec<(Level, String)>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        if line.starts_with("the process-wide runtime has started ") {
            self.0.lock().unwrap().push((record.level(), line));
        }
    }

    fn flush(&self) {}
}

fn keep_lines() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
}

/// Asserts that there is one line, of this level, which names this place.
#[track_caller]
fn assert_told(level: Level, line_number: u32, others: &str) {
    let lines = LINES.0.lock().unwrap();
    let [(told_as, line)] = &lines[..] else {
        panic!("one line is expected: {lines:?}");
    };
    assert_eq!(*told_as, level, "{line}");
    let place = format!("{}:{line_number}", file!());
    assert!(line.contains(&place), "{place} is not in: {line}");
    assert!(line.contains(others), "{line}");
}

/// Set for the processes that these tests start.
const ALONE: &str = "LANEWAY_TEST_ALONE";

/// Whether this is a process for the test of this name. If not, starts it, and waits until the test
/// has passed there.
#[track_caller]
fn is_alone(name: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--test-threads=1"]);
    let ended = child.env(ALONE, "1").output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    false
}

#[test]
fn a_spawn_on_a_plain_thread_beside_a_runtime_is_warned_of_once() {
    if !is_alone("a_spawn_on_a_plain_thread_beside_a_runtime_is_warned_of_once") {
        return;
    }
    keep_lines();
    let rt = Runtime::builder().build().unwrap();
    assert_eq!(rt.block_on(async { spawn_task!(async { 1 }).await }), 1);
    assert!(LINES.0.lock().unwrap().is_empty());

    let place = line!() + 1;
    let tasks = [(); 3].map(|()| spawn_task!(async { 1 }));
    tasks
        .into_iter()
        .for_each(|task| assert_eq!(block_on(task), 1));
    block_on(spawn_task!(async {}));
    assert_told(Level::Warn, place, "(1 others exist)");
}

/// Each of them finds no runtime, and one of them starts it.
#[test]
fn first_spawns_of_several_threads_at_once_are_warned_of_once() {
    if !is_alone("first_spawns_of_several_threads_at_once_are_warned_of_once") {
        return;
    }
    keep_lines();
    let _rt = Runtime::builder().build().unwrap();
    let start = Barrier::new(8);
    let place = line!() + 4;
    thread::scope(|scope| {
        let first_spawn = || {
            start.wait();
            spawn_task!(async {}).detach();
        };
        for _ in 0..8 {
            scope.spawn(first_spawn);
        }
    });
    assert_told(Level::Warn, place, "(1 others exist)");
}

#[test]
fn a_spawn_in_block_on_without_a_runtime_is_warned_of() {
    if !is_alone("a_spawn_in_block_on_without_a_runtime_is_warned_of") {
        return;
    }
    keep_lines();
    let _rt = Runtime::builder().build().unwrap();
    let place = line!() + 1;
    let answer = block_on(async { spawn_task!(async { 2 }).await });
    assert_eq!(answer, 2);
    assert_told(Level::Warn, place, "(1 others exist)");
}

thread_local! {
    static LAST: RefCell<Option<SpawnsWhenDropped>> = const { RefCell::new(None) };
}

/// Spawns a task.
struct SpawnsWhenDropped(Sender<()>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        spawn_task!(async {}).detach();
        self.0.send(()).unwrap();
    }
}

/// Leaves such a value to the thread that drops it.
struct LeavesLast(Sender<()>);

impl Drop for LeavesLast {
    fn drop(&mut self) {
        LAST.set(Some(SpawnsWhenDropped(self.0.clone())));
    }
}

/// Drops its runtime at the first event after it has it.
#[derive(Default)]
struct DropsRuntime(Mutex<Option<Runtime>>);

impl Observer for DropsRuntime {
    fn on_event(&self, event: Event) {
        if matches!(event, Event::Spawned { by: None, .. }) {
            let runtime = self.0.lock().unwrap().take();
            drop(runtime);
        }
    }
}

/// An observer has dropped the runtime, which another thread ends therefore.
#[test]
fn a_thread_local_on_the_thread_that_ends_a_runtime_starts_no_other() {
    if !is_alone("a_thread_local_on_the_thread_that_ends_a_runtime_starts_no_other") {
        return;
    }
    keep_lines();
    let observer = Arc::new(DropsRuntime::default());
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = rt.with_observer(observer.clone()).build().unwrap();
    let ((told, tells), (end, may_end)) = (mpsc::channel(), mpsc::channel::<()>());
    let (begins, has_begun) = mpsc::channel();
    let blocks = async move {
        begins.send(()).unwrap();
        may_end.recv().unwrap_err();
    };
    rt.spawn(blocks, Priority::Low).detach();
    has_begun.recv().unwrap();
    // The only worker is busy, so the thread that ends the runtime drops this one.
    let last = LeavesLast(told);
    rt.spawn(async move { drop(last) }, Priority::Low).detach();
    let handle = rt.handle();
    *observer.0.lock().unwrap() = Some(rt);
    handle.spawn(async {}, Priority::Low).detach();
    tells.recv_timeout(MS).unwrap_err();
    drop(end);
    tells.recv().unwrap();
    assert!(LINES.0.lock().unwrap().is_empty());
}

#[test]
fn the_first_runtime_of_a_process_is_no_reason_for_a_warning() {
    if !is_alone("the_first_runtime_of_a_process_is_no_reason_for_a_warning") {
        return;
    }
    keep_lines();
    drop(Runtime::builder().build().unwrap());
    let place = line!() + 1;
    block_on(spawn_task!(async {}));
    assert_told(Level::Debug, place, "(0 others exist)");
}
