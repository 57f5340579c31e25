//! May observers, loggers and hooks do what tasks may: spawn, block, and enter other runtimes?

use std::cell::Cell;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use laneway::observe::{Event, LongPoll, Observer};
use laneway::{Handle, Priority, Runtime, spawn_task, yield_now};

const LONG: Duration = Duration::from_secs(20);

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Enters another runtime at every event, and counts how often that came back.
struct Enters {
    other: Handle,
    came_back: AtomicUsize,
}

impl Observer for Enters {
    fn on_event(&self, _event: Event) {
        if !INSIDE.replace(true) {
            let inner = self
                .other
                .block_on(async { spawn_task!(async { 1 }).await });
            self.came_back.fetch_add(inner, Ordering::SeqCst);
            INSIDE.set(false);
        }
    }
}

#[test]
fn an_observer_enters_another_runtime_at_every_event() {
    let other = Runtime::builder().build().unwrap();
    let observer = Arc::new(Enters {
        other: other.handle(),
        came_back: AtomicUsize::new(0),
    });
    let rt = Runtime::builder().with_observer(observer.clone());
    let rt = rt.build().unwrap();
    let steps = rt.spawn(
        async {
            yield_now().await;
            let low = spawn_task!(async {}, Priority::Low);
            let high = spawn_task!(async {}, Priority::High);
            low.await;
            high.await;
            spawn_task!(pending::<()>()).cancel().await
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(steps), None);
    assert!(rt.shutdown(LONG).is_clean());
    // Spawned, scheduled, taken, polled: of four tasks at least.
    assert!(observer.came_back.load(Ordering::SeqCst) >= 16);
}

/// Spawns a task for every long poll that it is told of, from the watchdog's thread.
#[derive(Default)]
struct Spawns(Mutex<Vec<laneway::Task<Option<String>>>>);

impl Observer for Spawns {
    fn on_event(&self, _event: Event) {}

    fn on_long_poll(&self, _poll: &LongPoll<'_>) {
        let name = async { thread::current().name().map(str::to_owned) };
        self.0.lock().unwrap().push(spawn_task!(name));
    }
}

#[test]
fn what_an_observer_spawns_on_the_watchdogs_thread_belongs_to_its_runtime() {
    let spawns = Arc::new(Spawns::default());
    let rt = Runtime::builder()
        .with_thread_name("own")
        .with_long_poll(Duration::from_millis(1))
        .with_observer(spawns.clone());
    let rt = rt.build().unwrap();
    let told = spawns.clone();
    let long = rt.spawn(
        async move {
            while told.0.lock().unwrap().is_empty() {
                thread::yield_now();
            }
        },
        Priority::High,
    );
    rt.block_on(long);
    let task = spawns.0.lock().unwrap().pop().unwrap();
    let name = laneway::block_on(task).unwrap();
    assert!(name.starts_with("own-"), "{name}");
}

static LOGGED_BY: OnceLock<Handle> = OnceLock::new();

/// Spawns a task for every line that it is given.
struct SpawningLog;

impl log::Log for SpawningLog {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.args().to_string().contains("for the log") {
            let handle = Handle::try_current().expect("the log is written inside the runtime");
            spawn_task!(async {}).detach();
            let _first = LOGGED_BY.set(handle);
        }
    }

    fn flush(&self) {}
}

#[test]
fn what_a_logger_spawns_belongs_to_the_runtime_that_it_is_told_of() {
    log::set_logger(&SpawningLog).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let rt = Runtime::builder().with_queue("marked", 1, &[]);
    let rt = rt.build().unwrap();
    rt.spawn(async { panic!("for the log") }, Priority::Low)
        .detach();
    assert!(rt.shutdown(LONG).is_clean());
    let handle = LOGGED_BY.get().expect("the panic was logged");
    assert!(handle.queue("marked").is_some(), "another runtime's");
}

#[test]
fn a_hook_that_panics_or_spawns_costs_no_thread() {
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let rt = Runtime::builder()
        .with_thread_start(|| spawn_task!(async {}).detach())
        .with_thread_stop(move || {
            count.fetch_add(1, Ordering::SeqCst);
            panic!("in the hook");
        });
    let rt = rt.with_high_num(1).with_low_num(1).with_standby(1);
    let rt = rt.build().unwrap();
    rt.block_on(rt.spawn(async {}, Priority::High));
    drop(rt);
    assert_eq!(ran.load(Ordering::SeqCst), 3);
}

/// Tells that it is dropped, and panics.
struct PanicsInDrop(Sender<()>);

impl PanicsInDrop {
    fn look_at(&self) {}
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        panic!("a hook's destructor panics");
    }
}

#[test]
fn hooks_that_panic_when_they_are_dropped_may_end_with_a_task_that_drops_the_runtime() {
    // Several times: a process that is aborted may come as far as the end of one.
    for _ in 0..10 {
        let (dropped, are_dropped) = mpsc::channel();
        let [start, stop] = [dropped.clone(), dropped].map(PanicsInDrop);
        let rt = Runtime::builder()
            .with_thread_start(move || start.look_at())
            .with_thread_stop(move || stop.look_at());
        let rt = rt.with_high_num(0).with_low_num(1).build().unwrap();
        let (give, given) = mpsc::channel::<Runtime>();
        let drops = async move { drop(given.recv().unwrap()) };
        rt.spawn(drops, Priority::Low).detach();
        give.send(rt).unwrap();
        // On the runtime's own thread, which has the last references.
        (0..2).for_each(|_| are_dropped.recv_timeout(LONG).unwrap());
    }
}
