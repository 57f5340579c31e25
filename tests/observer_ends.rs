//! What becomes of a runtime whose observer ends it, or ends with a panic?

mod common;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::{eventually, soon};
use laneway::observe::{Event, LongPoll, Observer};
use laneway::{Builder, Handle, Priority, Runtime, TaskId, spawn_task, yield_now};

const LONG: Duration = Duration::from_secs(20);

fn one_worker() -> Builder {
    Runtime::builder().with_high_num(0).with_low_num(1)
}

/// Holds the first poll back before it begins, and panics when it is dropped.
struct HoldsBack {
    held: Sender<()>,
    go_on: Mutex<Receiver<()>>,
    dropped: Sender<()>,
}

impl Observer for HoldsBack {
    fn on_event(&self, event: Event) {
        if let Event::PollStarted { .. } = event {
            self.held.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
    }
}

impl Drop for HoldsBack {
    fn drop(&mut self) {
        self.dropped.send(()).unwrap();
        panic!("the observer's destructor panics");
    }
}

#[test]
fn an_observer_that_is_dismissed_in_the_middle_of_a_call_may_panic_when_it_is_dropped() {
    let rt = one_worker().build().unwrap();
    let (held, is_held) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let (dropped, is_dropped) = mpsc::channel();
    let observation = rt.handle().observe(Arc::new(HoldsBack {
        held,
        go_on: Mutex::new(goes_on),
        dropped,
    }));
    let task = rt.spawn(async { 1 }, Priority::Low);
    is_held.recv_timeout(LONG).unwrap();
    drop(observation);
    // The worker has the last reference.
    go_on.send(()).unwrap();
    is_dropped.recv_timeout(LONG).unwrap();
    assert_eq!(soon(task), 1);
    assert_eq!(soon(rt.spawn(async { 2 }, Priority::Low)), 2);
}

/// Panics when it is dropped.
struct PanicsInDrop(Sender<()>);

impl Observer for PanicsInDrop {}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        panic!("the observer's destructor panics");
    }
}

#[test]
fn an_observer_that_panics_when_it_is_dropped_may_end_with_a_task_that_drops_the_runtime() {
    let (dropped, is_dropped) = mpsc::channel();
    let observer = Arc::new(PanicsInDrop(dropped));
    let rt = one_worker().with_observer(observer).build().unwrap();
    let (give, given) = mpsc::channel::<Runtime>();
    let drops = async move { drop(given.recv().unwrap()) };
    rt.spawn(drops, Priority::Low).detach();
    give.send(rt).unwrap();
    // On the runtime's own thread, which has the last reference.
    is_dropped.recv_timeout(LONG).unwrap();
}

/// Holds back the thread that raises a task, and tells which thread drops it.
struct HoldsRaiseBack {
    held: Sender<()>,
    go_on: Mutex<Receiver<()>>,
    dropped: Sender<ThreadId>,
}

impl Observer for HoldsRaiseBack {
    fn on_event(&self, event: Event) {
        if let Event::Escalated { .. } = event {
            self.held.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
    }
}

impl Drop for HoldsRaiseBack {
    fn drop(&mut self) {
        self.dropped.send(thread::current().id()).unwrap();
    }
}

/// A thread that is in the middle of a raise, or of a wake-up, has the last reference.
#[test]
fn a_thread_outside_does_not_drop_the_observer_of_a_runtime_that_ends_meanwhile() {
    let (held, is_held) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let (dropped, is_dropped) = mpsc::channel();
    let observer = Arc::new(HoldsRaiseBack {
        held,
        go_on: Mutex::new(goes_on),
        dropped,
    });
    let rt = one_worker().with_observer(observer).build().unwrap();
    let task = rt.spawn(std::future::pending::<()>(), Priority::Low);
    let raiser = thread::spawn(move || task.escalate());
    is_held.recv_timeout(LONG).unwrap();
    drop(rt);
    go_on.send(()).unwrap();
    let dropper = is_dropped.recv_timeout(LONG).unwrap();
    assert_ne!(dropper, raiser.thread().id());
    raiser.join().unwrap();
}

/// Ends its runtime when it is told of a long poll.
struct EndsRuntime {
    runtime: Mutex<Option<Runtime>>,
    end_poll: Sender<()>,
    done: Sender<()>,
}

impl Observer for EndsRuntime {
    fn on_long_poll(&self, _poll: &LongPoll<'_>) {
        let Some(runtime) = self.runtime.lock().unwrap().take() else {
            return;
        };
        self.end_poll.send(()).unwrap();
        drop(runtime);
        self.done.send(()).unwrap();
    }
}

#[test]
fn a_runtime_that_its_observer_ends_on_the_watchdogs_thread_leaves_nothing_behind() {
    let (end_poll, ends_poll) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    let observer = Arc::new(EndsRuntime {
        runtime: Mutex::new(None),
        end_poll,
        done,
    });
    let builder = one_worker().with_observer(observer.clone());
    let rt = builder.build().unwrap();
    let task = rt.spawn(async move { ends_poll.recv().unwrap() }, Priority::Low);
    *observer.runtime.lock().unwrap() = Some(rt);
    is_done.recv_timeout(LONG).unwrap();
    soon(task);
    let observer = {
        let weak = Arc::downgrade(&observer);
        drop(observer);
        weak
    };
    eventually("the runtime is gone with its observer", || {
        observer.strong_count() == 0
    });
}

/// Drops its runtime when it is told of an event that is meant, or of a name.
struct DropsRuntime {
    runtime: Mutex<Option<Runtime>>,
    at: fn(Event) -> bool,
    done: Sender<()>,
}

impl DropsRuntime {
    fn drop_runtime(&self) {
        let runtime = self.runtime.lock().unwrap().take();
        if let Some(runtime) = runtime {
            drop(runtime);
            self.done.send(()).unwrap();
        }
    }
}

impl Observer for DropsRuntime {
    fn on_event(&self, event: Event) {
        if (self.at)(event) {
            self.drop_runtime();
        }
    }

    fn on_named(&self, _task: TaskId, _name: &str) {
        self.drop_runtime();
    }
}

/// Runs `act` with a runtime whose observer drops it at an event that is meant.
fn drop_at(at: fn(Event) -> bool, act: impl FnOnce(Handle) + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let observer = Arc::new(DropsRuntime {
        runtime: Mutex::new(None),
        at,
        done,
    });
    let rt = one_worker()
        .with_observer(observer.clone())
        .build()
        .unwrap();
    let handle = rt.handle();
    *observer.runtime.lock().unwrap() = Some(rt);
    // On a thread of its own, which may hang.
    std::thread::spawn(move || act(handle));
    is_done.recv_timeout(LONG).expect("the drop comes back");
    let weak = Arc::downgrade(&observer);
    drop(observer);
    eventually("the runtime is gone with its observer", || {
        weak.strong_count() == 0
    });
}

#[test]
fn an_observer_may_drop_the_runtime_when_a_foreign_thread_spawns() {
    drop_at(
        |event| matches!(event, Event::Spawned { by: None, .. }),
        |handle| {
            let task = handle.spawn(std::future::pending::<()>(), Priority::Low);
            assert!(soon(task.fallible()).unwrap_err().is_cancelled());
        },
    );
}

#[test]
fn an_observer_may_drop_the_runtime_when_it_is_told_of_a_name() {
    drop_at(
        |_| false,
        |handle| handle.named("a").spawn(async {}, Priority::Low).detach(),
    );
}

#[test]
fn an_observer_may_drop_the_runtime_when_a_task_spawns() {
    drop_at(
        |event| matches!(event, Event::Spawned { by: Some(_), .. }),
        |handle| {
            let spawns = async { spawn_task!(std::future::pending::<()>()).await };
            handle.spawn(spawns, Priority::Low).detach();
        },
    );
}

#[test]
fn an_observer_may_drop_the_runtime_when_a_foreign_thread_schedules() {
    drop_at(
        |event| matches!(event, Event::Scheduled { by: None, .. }),
        |handle| handle.spawn(async {}, Priority::Low).detach(),
    );
}

#[test]
fn an_observer_may_drop_the_runtime_when_a_worker_takes_or_polls() {
    let spawns = |handle: Handle| handle.spawn(yield_now(), Priority::Low).detach();
    drop_at(|event| matches!(event, Event::Taken { .. }), spawns);
    drop_at(|event| matches!(event, Event::PollStarted { .. }), spawns);
    drop_at(|event| matches!(event, Event::PollEnded { .. }), spawns);
    drop_at(
        |event| matches!(event, Event::Scheduled { by: Some(_), .. }),
        spawns,
    );
    drop_at(|event| matches!(event, Event::Parked { .. }), spawns);
}
