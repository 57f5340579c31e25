//! Do closures that block run beside the tasks, and what becomes of their results, panics and
//! awaiters?
//!
//! What concerns the pool's threads and its bound is tested beside it, on pools of the test's own.

mod common;

use std::any::Any;
use std::env;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex, Once};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, eventually};
use laneway::blocking::{BLOCKING_NUM_VARIABLE, Unblock, metrics, unblock};
use laneway::time::timeout;
use laneway::{Priority, Runtime, block_on, spawn_task};

const LONG: Duration = Duration::from_secs(20);

/// Set in child processes of this test.
const CHILD: &str = "LANEWAY_TEST_CHILD";

fn payload_of<R>(run: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("it was to panic"),
        Err(payload) => payload,
    }
}

/// A closure that has begun, and what ends it: a message, or the sender's end.
fn begun<T: Send + 'static>(end: impl FnOnce() -> T + Send + 'static) -> (Unblock<T>, Sender<()>) {
    let (begin, begun) = mpsc::channel();
    let (release, released): (_, Receiver<()>) = mpsc::channel();
    let closure = unblock(move || {
        begin.send(()).unwrap();
        let _ = released.recv();
        end()
    });
    begun.recv_timeout(LONG).unwrap();
    (closure, release)
}

#[test]
fn a_closure_gives_its_output_outside_of_any_runtime() {
    let word = String::from("borrowed by nobody");
    assert_eq!(block_on(unblock(move || word.len())), 18);
}

#[test]
fn a_closure_begins_before_its_future_is_polled() {
    let (sender, receiver) = mpsc::channel();
    let closure = unblock(move || sender.send(3).unwrap());
    assert_eq!(receiver.recv_timeout(LONG), Ok(3));
    block_on(closure);
}

#[test]
fn closures_hold_up_neither_workers_nor_each_other() {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.build().unwrap();
    // All of them wait for all of them, and for a task of the only worker.
    let barrier = Arc::new(Barrier::new(9));
    let closures: Vec<_> = (0..8)
        .map(|n| {
            let barrier = barrier.clone();
            let wait = async move {
                unblock(move || barrier.wait()).await;
                n
            };
            rt.spawn(wait, Priority::Low)
        })
        .collect();
    let last = async move { unblock(move || barrier.wait()).await };
    let last = rt.spawn(last, Priority::Low);
    assert_eq!(laneway::join_all(closures), (0..8).collect::<Vec<_>>());
    rt.block_on(last);
}

#[test]
fn threads_are_named() {
    let name = block_on(unblock(|| thread::current().name().map(str::to_owned)));
    let name = name.unwrap();
    let number = name
        .strip_prefix("laneway-blocking-")
        .map(str::parse::<u64>);
    assert!(matches!(number, Some(Ok(_))), "{name}");
}

#[test]
fn a_panic_reaches_the_awaiter_with_its_payload() {
    let payload = payload_of(|| block_on(unblock(|| panic_any(7_u64))));
    assert_eq!(*payload.downcast::<u64>().unwrap(), 7);
    // In a task it is the task's.
    let task = spawn_task!(async { unblock(|| -> u32 { resume_unwind(Box::new("own")) }).await });
    let error = block_on(task.fallible()).unwrap_err();
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "own");
}

#[test]
fn spawn_inside_a_closure_uses_the_runtime_of_the_caller() {
    let builder = Runtime::builder().with_thread_name("its-own");
    let rt = builder.build().unwrap();
    let name = rt.block_on(async {
        let spawned =
            unblock(|| spawn_task!(async { thread::current().name().map(str::to_owned) }));
        spawned.await.await
    });
    // Which of its threads is up to stealing.
    let name = name.unwrap();
    assert!(name.starts_with("its-own-"), "{name}");
}

#[test]
fn a_closure_whose_awaiter_goes_away_runs_to_its_end() {
    let drops = DropCounter::new();
    let token = drops.token();
    let (sender, receiver) = mpsc::channel();
    let (closure, release) = begun(move || {
        sender.send("to the end").unwrap();
        token
    });
    drop(closure);
    assert_eq!(drops.count(), 0);
    drop(release);
    assert_eq!(receiver.recv_timeout(LONG), Ok("to the end"));
    eventually("the output is dropped", || drops.count() == 1);
}

#[test]
fn an_output_that_nobody_took_is_dropped_with_the_future() {
    let drops = DropCounter::new();
    let token = drops.token();
    let mut closure = unblock(move || token);
    eventually_ready(Pin::new(&mut closure));
    // Taken by the poll, and dropped there.
    assert_eq!(drops.count(), 1);
    let (token, (ended, end)) = (drops.token(), mpsc::channel::<()>());
    let closure = unblock(move || {
        let _ended_after = ended;
        token
    });
    assert!(end.recv().is_err());
    drop(closure);
    eventually("the output is dropped", || drops.count() == 2);
}

/// Polls until ready, and drops the output.
#[track_caller]
fn eventually_ready<F: Future>(future: Pin<&mut F>) {
    let future = Mutex::new(future);
    eventually("the future is ready", || {
        let mut cx = Context::from_waker(Waker::noop());
        future.lock().unwrap().as_mut().poll(&mut cx).is_ready()
    });
}

/// Counts, then panics, when dropped.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("an output goes off");
    }
}

#[test]
fn a_panic_in_the_destructor_of_an_unwanted_output_costs_nothing() {
    let bangs = Arc::new(AtomicUsize::new(0));
    let (bomb, (closure, release)) = (Bomb(bangs.clone()), begun(|| ()));
    let armed = unblock(move || {
        block_on(closure);
        bomb
    });
    drop(release);
    // It may be in the queue, running, or over: the drop comes back whichever it is.
    drop(armed);
    eventually("the bomb goes off", || bangs.load(Ordering::SeqCst) == 1);
    assert_eq!(block_on(unblock(|| 1)), 1);
}

struct RudeWaker(AtomicUsize);

impl Wake for RudeWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a rude waker wakes");
    }
}

#[test]
fn a_panic_in_the_waker_of_an_awaiter_costs_nothing() {
    let (closure, release) = begun(|| 4);
    let rude = Arc::new(RudeWaker(AtomicUsize::new(0)));
    let waker = Waker::from(rude.clone());
    let mut closure = pin!(closure);
    let polled = closure.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop(release);
    eventually("the waker is woken", || rude.0.load(Ordering::SeqCst) == 1);
    assert_eq!(block_on(closure), 4);
}

#[test]
fn the_last_awaiter_to_poll_is_woken() {
    let (closure, release) = begun(|| 4);
    let first = Arc::new(RudeWaker(AtomicUsize::new(0)));
    let mut closure = Box::pin(closure);
    let waker = Waker::from(first.clone());
    assert!(
        closure
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let task = spawn_task!(closure);
    drop(release);
    assert_eq!(block_on(task), 4);
    // If the task polled too late to be woken, the first was, which is right as well.
    assert!(first.0.load(Ordering::SeqCst) <= 1);
}

/// The process's logger: keeps every error.
struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl Log {
    fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            log::set_logger(&LOG).unwrap();
            log::set_max_level(log::LevelFilter::Error);
        });
    }

    /// The errors that contain these words, which are the test's own.
    fn with(words: &str) -> Vec<String> {
        let errors = LOG.0.lock().unwrap();
        let found = errors.iter().filter(|message| message.contains(words));
        found.cloned().collect()
    }
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// A panic that says nothing on the standard error.
fn quiet_panic(words: &'static str) {
    resume_unwind(Box::new(words))
}

#[test]
fn a_panic_that_nobody_awaits_goes_to_the_log_once() {
    Log::install();
    let (running, release) = begun(|| quiet_panic("lost while running"));
    drop(running);
    drop(release);
    let place = format!("{}:{}:", file!(), line!() + 1);
    unblock(|| quiet_panic("lost as detached")).detach();
    let (ended, end) = mpsc::channel::<()>();
    let over = unblock(move || {
        let _ended_after = ended;
        quiet_panic("lost after its end");
    });
    assert!(end.recv().is_err());
    drop(over);
    for words in [
        "lost while running",
        "lost as detached",
        "lost after its end",
    ] {
        eventually(words, || Log::with(words).len() == 1);
    }
    let detached = Log::with("lost as detached").remove(0);
    assert!(detached.contains(&place), "{detached}");

    payload_of(|| block_on(unblock(|| quiet_panic("awaited"))));
    assert_eq!(Log::with("lost").len(), 3, "{:?}", Log::with("lost"));
    assert_eq!(Log::with("awaited").len(), 0);
}

#[test]
fn a_task_that_is_cancelled_does_not_run_its_closure_in_the_queue() {
    let name = "a_task_that_is_cancelled_does_not_run_its_closure_in_the_queue";
    in_child(name, "1", || {
        let (_busy, release) = begun(|| ());
        let ran = Arc::new(AtomicUsize::new(0));
        let runs = ran.clone();
        let count = async move { unblock(move || runs.fetch_add(1, Ordering::SeqCst)).await };
        let task = spawn_task!(count);
        eventually("it is in the queue", || metrics().queued == 1);
        assert_eq!(block_on(task.cancel()), None);
        assert_eq!(metrics().queued, 0);
        drop(release);
        block_on(unblock(|| ()));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert_eq!(Arc::strong_count(&ran), 1);
    });
}

#[test]
fn the_environment_sets_the_bound() {
    in_child("the_environment_sets_the_bound", "2", || {
        assert_eq!(metrics().max_threads, 2);
        let busy = [begun(|| ()), begun(|| ())];
        let waits = unblock(|| 9);
        let now = metrics();
        assert_eq!((now.threads, now.idle, now.queued), (2, 0, 1));
        drop(busy);
        assert_eq!(block_on(waits), 9);
    });
}

/// Closures within closures, each of which waits for the one within it.
fn nested(depth: u32) -> u32 {
    match depth {
        0 => 0,
        _ => 1 + block_on(unblock(move || nested(depth - 1))),
    }
}

#[test]
fn closures_that_wait_for_closures_come_to_their_end_at_the_bound() {
    let name = "closures_that_wait_for_closures_come_to_their_end_at_the_bound";
    in_child(name, "1", || {
        assert_eq!(block_on(unblock(|| nested(10))), 10);
        // Whichever executor waits.
        let foreign = || futures_lite::future::block_on(unblock(|| 5));
        assert_eq!(futures_lite::future::block_on(unblock(foreign)), 5);
        // Two at once, of which one waits in its turn.
        let both = || {
            let (one, two) = (unblock(|| nested(1)), unblock(|| 7));
            block_on(futures_lite::future::zip(one, two))
        };
        assert_eq!(block_on(unblock(both)), (1, 7));
        eventually("one thread is left", || metrics().threads == 1);
        assert_eq!(metrics().queued, 0);
    });
}

#[test]
fn a_crowd_of_closures_that_wait_has_one_thread_more_for_each_that_has_begun() {
    let name = "a_crowd_of_closures_that_wait_has_one_thread_more_for_each_that_has_begun";
    in_child(name, "3", || {
        let outer = || {
            let threads = block_on(unblock(|| metrics().threads));
            (threads, metrics().threads)
        };
        let crowd: Vec<_> = (0..200).map(|_| unblock(outer)).collect();
        for closure in crowd {
            let (inside, after) = block_on(closure);
            assert!((1..=6).contains(&inside), "{inside} threads");
            assert!((1..=6).contains(&after), "{after} threads");
        }
        eventually("no thread beyond the bound is left", || {
            metrics().threads <= 3
        });
    });
}

#[test]
fn a_wait_for_a_closure_within_a_closure_can_be_given_up() {
    let name = "a_wait_for_a_closure_within_a_closure_can_be_given_up";
    in_child(name, "1", || {
        let outer = unblock(|| {
            let (release, released) = mpsc::channel::<()>();
            let inner = unblock(move || released.recv().is_err());
            // Its thread goes on beside this one.
            let timed_out = block_on(timeout(Duration::from_millis(1), inner)).is_err();
            drop(release);
            // One that waits in the queue is dropped instead.
            drop(unblock(|| unreachable!("nobody waits for it")));
            (timed_out, block_on(unblock(|| 3)))
        });
        assert_eq!(block_on(outer), (true, 3));
        assert_eq!(block_on(unblock(|| 4)), 4);
        eventually("one thread is left", || metrics().threads == 1);
    });
}

#[test]
fn a_bad_bound_is_a_panic_that_names_the_variable_each_time() {
    let name = "a_bad_bound_is_a_panic_that_names_the_variable_each_time";
    in_child(name, "plenty", || {
        for _ in 0..2 {
            let payload = payload_of(|| unblock(|| ()));
            let message = payload.downcast_ref::<String>().unwrap();
            assert!(message.contains(BLOCKING_NUM_VARIABLE), "{message}");
            assert!(message.contains("\"plenty\""), "{message}");
        }
    });
}

/// Runs `body` in a child process with this bound on the blocking threads.
#[track_caller]
fn in_child(test: &str, bound: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env(BLOCKING_NUM_VARIABLE, bound)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "the child failed: {stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn ten_thousand_closures_from_four_threads() {
    const EACH: usize = 2_500;
    let drops = DropCounter::new();
    thread::scope(|scope| {
        for giver in 0..4 {
            let drops = drops.clone();
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(giver);
                for n in 0..EACH {
                    let token = drops.token();
                    let panics = rng.u8(..4) == 0;
                    let closure = unblock(move || {
                        let _owned = token;
                        if panics {
                            resume_unwind(Box::new(n));
                        }
                        n
                    });
                    match (rng.u8(..4), panics) {
                        (0, _) => drop(closure),
                        (1, _) => closure.detach(),
                        (_, false) => assert_eq!(block_on(closure), n),
                        (_, true) => {
                            let payload = payload_of(|| block_on(closure));
                            assert_eq!(*payload.downcast::<usize>().unwrap(), n);
                        }
                    }
                }
            });
        }
    });
    eventually("every closure is gone", || drops.count() == 4 * EACH);
}
