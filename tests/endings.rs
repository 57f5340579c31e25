//! Does a runtime end, and does it come back from its end when all futures are gone, whatever wakes
//! its tasks meanwhile?
//!
//! The sizes are chosen so that each test finds its fault within a second or so. A test that would
//! hang is killed by [`within`], which says so.

mod common;
mod program;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{DropCounter, cut_off, eventually};
use laneway::time::{Sleep, sleep};
use laneway::{Handle, Priority, Runtime, spawn_task};

const LONG: Duration = Duration::from_secs(20);

/// A test that takes so long hangs. Some make a thousand runtimes, which take a busy machine a while.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs `test` on a thread of its own, and fails if that hangs.
#[track_caller]
fn within(limit: Duration, test: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel::<()>();
    let tester = thread::spawn(move || {
        let _done = done;
        test();
    });
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        panic!("hangs: no end after {limit:?}");
    }
    tester.join().expect("the test passes");
}

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

/// Wakers of tasks, kept by their tasks under a lock that the futures' destructors take as well.
#[derive(Clone, Default)]
struct Locked(Arc<Mutex<Vec<Waker>>>);

/// Waits for ever, and takes the lock when it is polled and when it is dropped.
struct WaitsLocked(Locked, DropCounter);

impl Future for WaitsLocked {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.0.lock().unwrap().push(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for WaitsLocked {
    fn drop(&mut self) {
        let _locked = self.0.0.lock().unwrap();
        drop(self.1.token());
    }
}

#[test]
fn wakers_may_be_woken_under_a_lock_that_the_destructors_take() {
    within(LIMIT, || {
        for _round in 0..200 {
            let rt = runtime();
            let (locked, drops) = (Locked::default(), DropCounter::new());
            for _ in 0..50 {
                let task = WaitsLocked(locked.clone(), drops.clone());
                rt.spawn(task, Priority::Low).detach();
            }
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        let locked = locked.0.lock().unwrap();
                        locked.iter().for_each(Waker::wake_by_ref);
                    }
                });
                drop(rt);
                assert_eq!(drops.count(), 50, "futures live on after the runtime");
                stop.store(true, Ordering::SeqCst);
            });
        }
    });
}

#[test]
fn handles_may_be_dropped_under_a_lock_that_the_destructors_take() {
    within(LIMIT, || {
        for round in 0..200 {
            let rt = runtime();
            let (locked, drops) = (Locked::default(), DropCounter::new());
            let spawn = |_| {
                let task = WaitsLocked(locked.clone(), drops.clone());
                rt.spawn(task, Priority::Low)
            };
            let mut tasks: Vec<_> = (0..50).map(spawn).collect();
            let started = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    started.wait();
                    let _locked = locked.0.lock().unwrap();
                    tasks.truncate(round % 50);
                });
                started.wait();
                drop(rt);
                assert_eq!(drops.count(), 50, "futures live on after the runtime");
            });
        }
    });
}

/// A value that many tasks wait for, as a shared future is: the thread that completes it wakes them
/// while it holds the lock.
#[test]
fn a_shared_result_may_come_while_the_runtime_ends() {
    within(LIMIT, || {
        for _round in 0..200 {
            let rt = runtime();
            let (locked, drops) = (Locked::default(), DropCounter::new());
            for _ in 0..200 {
                let task = WaitsLocked(locked.clone(), drops.clone());
                rt.spawn(task, Priority::Low).detach();
            }
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut locked = locked.0.lock().unwrap();
                    locked.drain(..).for_each(Waker::wake);
                });
                drop(rt);
            });
            assert_eq!(drops.count(), 200);
        }
    });
}

/// A future whose destructor sleeps, which only the timer's thread can end.
struct SleepsWhenDropped;

impl Drop for SleepsWhenDropped {
    fn drop(&mut self) {
        laneway::block_on(sleep(Duration::from_micros(100)));
    }
}

#[test]
fn the_timer_survives_tasks_whose_destructors_sleep() {
    within(LIMIT, || {
        for _round in 0..100 {
            let rt = runtime();
            for _ in 0..10 {
                let ticks = async {
                    let _sleeps = SleepsWhenDropped;
                    loop {
                        sleep(Duration::from_micros(50)).await;
                    }
                };
                rt.spawn(ticks, Priority::Low).detach();
            }
            drop(rt);
        }
        laneway::block_on(sleep(Duration::from_millis(1)));
    });
}

/// A waker that drops what it has, on the thread that calls it.
struct DropsWhenWoken(Mutex<Option<Box<dyn Send>>>);

impl Wake for DropsWhenWoken {
    fn wake(self: Arc<Self>) {
        let owned = self.0.lock().unwrap().take();
        drop(owned);
    }
}

/// Has the timer's thread drop this in a moment, while the sleep is there.
#[must_use]
fn leave_to_the_timer(owned: impl Send + 'static) -> Pin<Box<Sleep>> {
    let mut sleep = Box::pin(sleep(Duration::from_micros(100)));
    let drops = DropsWhenWoken(Mutex::new(Some(Box::new(owned))));
    let waker = Waker::from(Arc::new(drops));
    // Ready on a busy machine, and then there is no need for the timer.
    if sleep
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_ready()
    {
        waker.wake();
    }
    sleep
}

#[test]
fn the_timer_survives_wakers_that_sleep() {
    within(LIMIT, || {
        let drops = DropCounter::new();
        let owned = || (SleepsWhenDropped, drops.token());
        let _sleeps: Vec<_> = (0..10).map(|_| leave_to_the_timer(owned())).collect();
        eventually("all are gone", || drops.count() == 10);
        laneway::block_on(sleep(Duration::from_millis(1)));
    });
}

#[test]
fn the_timer_survives_a_runtime_that_a_waker_drops() {
    within(LIMIT, || {
        for way in [drop, ends_within_a_moment] {
            let (rt, drops) = (runtime(), DropCounter::new());
            let owned = (SleepsWhenDropped, drops.token());
            let (begin, begun) = mpsc::channel();
            let waits = async move {
                let _owned = owned;
                begin.send(()).unwrap();
                pending::<()>().await;
            };
            rt.spawn(waits, Priority::Low).detach();
            begun.recv().unwrap();
            let _sleep = leave_to_the_timer(EndsWhenDropped(Some(rt), way));
            eventually("all are gone", || drops.count() == 1);
            laneway::block_on(sleep(Duration::from_millis(1)));
        }
    });
}

fn ends_within_a_moment(rt: Runtime) {
    rt.shutdown(Duration::from_millis(1));
}

/// Ends a runtime when it is dropped.
struct EndsWhenDropped(Option<Runtime>, fn(Runtime));

impl Drop for EndsWhenDropped {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(self.1);
    }
}

/// Holds a foreign thread at the point between the decision to queue a task and its push.
#[test]
fn the_end_waits_for_futures_that_a_foreign_thread_is_about_to_queue() {
    within(LIMIT, || {
        for _round in 0..1000 {
            let rt = runtime();
            let drops = DropCounter::new();
            let waker = Arc::new(Mutex::new(None::<Waker>));
            let (kept, token) = (waker.clone(), drops.token());
            let waits = async move {
                let _token = token;
                poll_fn(|cx| {
                    *kept.lock().unwrap() = Some(cx.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            };
            rt.spawn(waits, Priority::High).detach();
            eventually("the task waits", || waker.lock().unwrap().is_some());
            let waker = waker.lock().unwrap().take().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| waker.wake());
                let report = cut_off(&rt);
                assert_eq!((report.still_running, drops.count()), (0, 1), "{report:?}");
            });
        }
    });
}

thread_local! {
    static SLOW: RefCell<Option<SlowToDrop>> = const { RefCell::new(None) };
}

/// Keeps its thread for as long as the receiver waits.
struct SlowToDrop(mpsc::Receiver<()>);

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        let _ended = self.0.recv_timeout(LONG);
    }
}

#[test]
fn shutdown_does_not_wait_for_the_destructors_of_thread_locals() {
    let rt = runtime();
    let (end, ended) = mpsc::channel();
    rt.block_on(rt.spawn(
        async move { SLOW.set(Some(SlowToDrop(ended))) },
        Priority::Low,
    ));
    let begun = Instant::now();
    let report = rt.shutdown(Duration::from_millis(50));
    let took = begun.elapsed();
    assert!(report.is_clean(), "{report:?}");
    assert!(took < Duration::from_secs(5), "shutdown took {took:?}");
    end.send(()).unwrap();
}

/// A destructor that takes as long as the receiver waits.
#[test]
fn shutdown_does_not_wait_for_the_destructors_of_futures() {
    for workers in 1..=2 {
        let rt = Runtime::builder().with_high_num(0).with_low_num(workers);
        let rt = rt.build().unwrap();
        let ends: Vec<_> = (0..3).map(|_| waits_with_slow_destructor(&rt)).collect();
        let begun = Instant::now();
        let report = rt.shutdown(Duration::from_millis(50));
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "shutdown took {took:?}");
        assert!(report.still_running >= 1, "{report:?}");
        drop(ends);
        let report = rt.shutdown(LONG);
        assert_eq!((report.cut_off, report.still_running), (3, 0));
    }
}

/// Spawns a task that waits for ever, and whose destructor waits for the sender to go.
fn waits_with_slow_destructor(rt: &Runtime) -> mpsc::Sender<()> {
    let (end, ended) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let waits = async move {
        let _slow = SlowToDrop(ended);
        begin.send(()).unwrap();
        pending::<()>().await;
    };
    rt.spawn(waits, Priority::Low).detach();
    begun.recv().unwrap();
    end
}

/// The last reference to a runtime lies in a future whose destructor outlives the shutdown.
#[test]
fn a_runtime_may_be_dropped_by_a_destructor_that_its_shutdown_did_not_wait_for() {
    within(LIMIT, || {
        let rt = Arc::new(runtime());
        let (handle, drops) = (rt.handle(), DropCounter::new());
        let (end, ended) = mpsc::channel();
        let (slow, owned, token) = (SlowToDrop(ended), rt.clone(), drops.token());
        let (begin, begun) = mpsc::channel();
        let waits = async move {
            // Dropped in the reverse order.
            let (_token, _owned) = (token, owned);
            let _slow = slow;
            begin.send(()).unwrap();
            pending::<()>().await;
        };
        rt.spawn(waits, Priority::Low).detach();
        begun.recv().unwrap();
        let report = rt.shutdown(Duration::ZERO);
        assert_eq!(report.still_running, 1);
        drop(rt);
        end.send(()).unwrap();
        eventually("the future is gone", || drops.count() == 1);
        assert!(handle.is_shut_down());
    });
}

thread_local! {
    static LAST: RefCell<Option<SpawnsWhenDropped>> = const { RefCell::new(None) };
}

/// Spawns a task, and tells whether the task had a future in the end.
struct SpawnsWhenDropped(mpsc::Sender<Option<Handle>>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        spawn_task!(async {}).detach();
        self.0.send(Handle::try_current()).unwrap();
    }
}

/// The only test of this file that could start the process-wide runtime: none does.
#[test]
fn a_thread_local_that_spawns_at_the_end_of_a_worker_does_not_start_another_runtime() {
    let rt = Runtime::builder().with_thread_name("tls").build().unwrap();
    let (told, tells) = mpsc::channel();
    rt.block_on(rt.spawn(
        async move { LAST.set(Some(SpawnsWhenDropped(told))) },
        Priority::Low,
    ));
    drop(rt);
    let handle = tells.recv().unwrap().expect("the thread's own runtime");
    assert!(handle.is_shut_down());
    Runtime::new()
        .try_run()
        .expect("no process-wide runtime has started");
}

#[test]
fn a_handle_in_a_task_does_not_keep_its_runtime_alive() {
    let rt = runtime();
    let drops = DropCounter::new();
    let (handle, token) = (rt.handle(), drops.token());
    let keeps = async move {
        let _owned = (handle, token);
        pending::<()>().await;
    };
    rt.spawn(keeps, Priority::Low).detach();
    let handle = rt.handle();
    drop(rt);
    assert_eq!(drops.count(), 1);
    assert!(handle.is_shut_down());
    let refused = handle.try_spawn(async { 5 }, Priority::Low).unwrap_err();
    assert_eq!(laneway::block_on(refused.into_future()), 5);
    assert!(handle.spawn(async {}, Priority::Low).is_finished());
}

#[test]
fn a_runtime_that_its_own_task_drops_ends_when_the_task_does() {
    within(LIMIT, || {
        for round in 0..100 {
            let rt = runtime();
            let handle = rt.handle();
            let drops = DropCounter::new();
            for _ in 0..5 {
                let token = drops.token();
                let waits = async move {
                    let _token = token;
                    pending::<()>().await;
                };
                rt.spawn(waits, Priority::Low).detach();
            }
            let (token, count) = (drops.token(), drops.clone());
            let (send, owned) = mpsc::channel();
            let (tell, told) = mpsc::channel();
            let ends = async move {
                let _token = token;
                drop::<Runtime>(owned.recv().unwrap());
                tell.send(count.count()).unwrap();
                if round % 2 == 0 {
                    pending::<()>().await;
                }
            };
            handle.spawn(ends, Priority::High).detach();
            send.send(rt).unwrap();
            assert_eq!(told.recv(), Ok(5), "all others are gone");
            eventually("the last one is gone", || drops.count() == 6);
        }
    });
}

#[test]
fn shutdown_inside_a_task_waits_for_all_others_and_not_for_itself() {
    let rt = Arc::new(runtime());
    let inner = rt.clone();
    let ends = async move { inner.shutdown(LONG) };
    let begun = Instant::now();
    let report = laneway::block_on(rt.spawn(ends, Priority::Low));
    assert_eq!((report.cut_off, report.still_running), (0, 1));
    assert!(begun.elapsed() < LONG, "it waited for itself");
}

/// Ends the runtime again from the destructor of a task that its end has cut off.
struct EndsAgain(Arc<Runtime>, Arc<AtomicUsize>);

impl Drop for EndsAgain {
    fn drop(&mut self) {
        let report = self.0.shutdown(LONG);
        self.1
            .fetch_add(report.still_running as usize, Ordering::SeqCst);
    }
}

#[test]
fn shutdown_in_a_destructor_during_shutdown_comes_back() {
    within(LIMIT, || {
        let rt = Arc::new(runtime());
        let alive = Arc::new(AtomicUsize::new(0));
        let again = EndsAgain(rt.clone(), alive.clone());
        let waits = async move {
            let _again = again;
            pending::<()>().await;
        };
        rt.spawn(waits, Priority::Low).detach();
        rt.block_on(async { spawn_task!(async {}).await });
        rt.shutdown(Duration::ZERO);
        // A task that ends its own runtime is waited for by no caller.
        eventually("the one being dropped is told of", || {
            alive.load(Ordering::SeqCst) == 1
        });
    });
}

#[test]
fn ten_thousand_runtimes_end_in_every_way_there_is() {
    let limit = Duration::from_secs(600);
    let mut storm = program::example("endings");
    let ended = program::run(storm.args(["--runtimes", "10000"]), limit);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let first = ended.stdout.lines().next();
    assert_eq!(first, Some("10000 runtimes ended, none of them hung:"));
}

#[test]
fn the_storm_refuses_what_it_cannot_do() {
    for bad in [
        ["--runtimes", "0"],
        ["--runtimes", "many"],
        ["--patience", "0"],
    ] {
        let ended = program::run(program::example("endings").args(bad), LONG);
        assert_eq!(ended.code, Some(2), "{bad:?}: {ended:?}");
        assert!(ended.stderr.contains(bad[0]), "{ended:?}");
    }
}
