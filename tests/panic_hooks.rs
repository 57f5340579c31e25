//! May a panic hook use this crate, also where it is this crate that panics?
//!
//! A hook runs before the unwinding, in the middle of the code that panics. Each test is about the
//! first start of something that a process has once, and so runs in a process of its own.

mod program;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use laneway::background::{TaskQueue, Work};
use laneway::blocking::{self, unblock};
use laneway::time::{armed, sleep};
use laneway::{Runtime, block_on, spawn_task};

/// A child that reaches it has hung.
const LIMIT: Duration = Duration::from_secs(60);

/// Set for the processes that these tests start.
const ALONE: &str = "LANEWAY_TEST_ALONE";

/// Whether this is the process of the test of this name, with this variable set. If not, starts it,
/// and waits until the test has passed there.
#[track_caller]
fn is_alone(name: &str, variable: &str, value: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--test-threads=1"]);
    child.env(ALONE, "1").env(variable, value);
    let ended = program::run(&mut child, LIMIT);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    false
}

/// Calls `used` in the hook of the panic that `panics` ends with, and gives the panic's message.
fn in_the_hook_of<R>(panics: impl FnOnce() -> R, used: fn()) -> String {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    set_hook(Box::new(move |panic| {
        let mut told = TOLD.lock().unwrap();
        told.push(panic.to_string());
        // A panic within the call comes here as well.
        let is_first = told.len() == 1;
        drop(told);
        if is_first {
            used();
        }
    }));
    let panicked = catch_unwind(AssertUnwindSafe(panics)).is_err();
    drop(take_hook());
    assert!(panicked);
    TOLD.lock().unwrap().swap_remove(0)
}

/// Starts the runtime that could not start with its defaults.
fn starts_the_runtime() {
    let started = Runtime::new().with_high_num(1).with_low_num(1).try_run();
    assert!(started.is_ok(), "there is none yet: {started:?}");
    assert_eq!(block_on(spawn_task!(async { 1 })), 1);
}

#[test]
fn of_a_process_wide_runtime_that_cannot_start_for_a_spawn() {
    let name = "of_a_process_wide_runtime_that_cannot_start_for_a_spawn";
    if is_alone(name, laneway::HIGH_NUM_VARIABLE, "many") {
        let told = in_the_hook_of(|| spawn_task!(async {}), starts_the_runtime);
        assert!(told.contains("is \"many\""), "{told}");
    }
}

#[test]
fn of_a_process_wide_runtime_that_cannot_start_for_its_caller() {
    let name = "of_a_process_wide_runtime_that_cannot_start_for_its_caller";
    if is_alone(name, laneway::LOW_NUM_VARIABLE, "-1") {
        let told = in_the_hook_of(Runtime::global, starts_the_runtime);
        assert!(told.contains("is \"-1\""), "{told}");
    }
}

static QUEUE: Mutex<Option<TaskQueue<u8>>> = Mutex::new(None);

#[test]
fn of_a_process_wide_runtime_that_cannot_start_for_a_queue() {
    let name = "of_a_process_wide_runtime_that_cannot_start_for_a_queue";
    if is_alone(name, laneway::HIGH_NUM_VARIABLE, "many") {
        let queue = TaskQueue::bounded(1);
        *QUEUE.lock().unwrap() = Some(queue.clone());
        let submits = || queue.submit(Work::sync(|_| 1));
        in_the_hook_of(submits, || {
            starts_the_runtime();
            let queue = QUEUE.lock().unwrap().take().unwrap();
            let id = queue
                .submit(Work::sync(|_| 2))
                .expect("it has a runtime now");
            block_on(queue.wait(id));
            assert_eq!(queue.take(id), Ok(2));
        });
    }
}

#[test]
fn of_a_pool_of_blocking_threads_with_a_bad_variable() {
    let name = "of_a_pool_of_blocking_threads_with_a_bad_variable";
    if is_alone(name, blocking::BLOCKING_NUM_VARIABLE, "none") {
        let gives = || unblock(|| ()).detach();
        let told = in_the_hook_of(gives, || {
            // It panics as well, which would end the process within the hook.
            let asks = thread::spawn(|| drop(blocking::metrics()));
            assert!(asks.join().is_err());
        });
        assert!(told.contains("is \"none\""), "{told}");
    }
}

/// No thread can be had, since there is no address space for its stack.
#[test]
fn of_a_timer_whose_thread_is_refused() {
    let name = "of_a_timer_whose_thread_is_refused";
    if is_alone(name, "RUST_MIN_STACK", "1000000000000000") {
        let sleeps = || block_on(sleep(Duration::from_millis(1)));
        let told = in_the_hook_of(sleeps, || assert_eq!(armed(), 0));
        let refused = "no thread could be started for the timer";
        assert!(told.contains(refused), "{told}");
    }
}
