//! What does cancelling a task do, and when is it over?

mod common;

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, eventually};
use laneway::observe::{LostPanic, Observer};
use laneway::{Priority, Runtime, Task};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    builder.build().unwrap()
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_pending()
}

#[test]
fn dropping_a_task_cancels_it() {
    let rt = runtime();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    drop(task);
    eventually("the future is dropped", || gate.drops() == 1);
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low).fallible();
    gate.eventually_polled(1);
    drop(task);
    eventually("the future is dropped", || gate.drops() == 1);
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    drop(task.cancel());
    eventually("the future is dropped", || gate.drops() == 1);
    rt.shutdown(LONG);
    assert_eq!(rt.metrics().queues[1].cancelled, 3);
}

/// Says when its drop begins, and lasts until released.
struct SlowDrop {
    begin: Sender<()>,
    released: Receiver<()>,
    over: DropCounter,
}

impl Drop for SlowDrop {
    fn drop(&mut self) {
        self.begin.send(()).unwrap();
        self.released.recv().unwrap();
        drop(self.over.token());
    }
}

#[test]
fn cancel_resolves_when_the_future_is_gone_and_not_before() {
    let rt = runtime();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let over = DropCounter::new();
    let slow = SlowDrop {
        begin,
        released,
        over: over.clone(),
    };
    let task = rt.spawn(
        async move {
            let _slow = slow;
            pending::<()>().await;
        },
        Priority::Low,
    );
    eventually("the task is pending", || rt.metrics().queues[1].polls == 1);
    let mut cancel = pin!(task.cancel());
    assert!(is_pending(cancel.as_mut()));
    begun.recv_timeout(LONG).unwrap();
    for _ in 0..100 {
        assert!(is_pending(cancel.as_mut()), "its destructor is running");
    }
    release.send(()).unwrap();
    assert_eq!(laneway::block_on(cancel), None);
    assert_eq!(over.count(), 1);
}

#[test]
fn cancel_waits_for_the_end_of_a_poll_that_is_running() {
    let rt = runtime();
    let drops = DropCounter::new();
    let token = drops.token();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let task = rt.spawn(
        async move {
            let _owned = token;
            begin.send(()).unwrap();
            released.recv().unwrap();
            pending::<()>().await;
        },
        Priority::Low,
    );
    begun.recv().unwrap();
    let mut cancel = pin!(task.cancel());
    assert!(is_pending(cancel.as_mut()));
    assert_eq!(drops.count(), 0);
    release.send(()).unwrap();
    assert_eq!(laneway::block_on(cancel), None);
    assert_eq!(drops.count(), 1);
}

#[test]
fn cancel_of_a_completed_task_gives_its_output() {
    let rt = runtime();
    let drops = DropCounter::new();
    let token = drops.token();
    let task = rt.spawn(async move { ("kept", token) }, Priority::Low);
    eventually("the task completes", || task.is_finished());
    let (word, token) = laneway::block_on(task.cancel()).unwrap();
    assert_eq!((word, drops.count()), ("kept", 0));
    drop(token);
    assert_eq!(drops.count(), 1);
    rt.shutdown(LONG);
    let low = &rt.metrics().queues[1];
    assert_eq!((low.completed, low.cancelled), (1, 0));
}

#[test]
fn the_output_of_a_completed_task_is_dropped_with_its_handle() {
    let rt = runtime();
    let drops = DropCounter::new();
    let token = drops.token();
    let task = rt.spawn(async move { token }, Priority::Low);
    eventually("the task completes", || task.is_finished());
    assert_eq!(drops.count(), 0);
    drop(task);
    assert_eq!(drops.count(), 1);
}

#[derive(Default)]
struct Panics(Mutex<Vec<String>>);

impl Observer for Panics {
    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.0.lock().unwrap().push(panic.message().to_owned());
    }
}

#[test]
fn cancel_of_a_panicked_task_gives_none_and_reports_the_panic() {
    let panics = Arc::new(Panics::default());
    let rt = Runtime::builder().with_observer(panics.clone());
    let rt = rt.build().unwrap();
    let task = rt.spawn(async { panic!("cancelled too late") }, Priority::Low);
    eventually("the task panics", || task.is_finished());
    assert!(panics.0.lock().unwrap().is_empty(), "somebody may await it");
    assert_eq!(laneway::block_on(task.cancel()), None::<()>);
    assert_eq!(*panics.0.lock().unwrap(), ["cancelled too late"]);
}

#[test]
fn cancel_of_a_task_that_was_awaited_by_reference_gives_none() {
    let rt = runtime();
    let mut task = rt.spawn(async { 1 }, Priority::Low);
    assert_eq!(laneway::block_on(&mut task), 1);
    assert_eq!(laneway::block_on(task.cancel()), None);

    let mut task = rt.spawn(async { 1 }, Priority::Low).fallible();
    assert_eq!(laneway::block_on(&mut task).unwrap(), 1);
    assert_eq!(laneway::block_on(task.cancel()).unwrap(), None);

    let panics = async { panic!("told once") };
    let mut task = rt.spawn(panics, Priority::Low).fallible();
    let told: Result<(), _> = laneway::block_on(&mut task);
    assert!(told.unwrap_err().is_panic());
    assert_eq!(laneway::block_on(task.cancel()).unwrap(), None);
}

#[test]
fn a_task_cancels_another() {
    // One worker: whoever cancels must leave it the thread.
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = rt.build().unwrap();
    let gate = Gate::new();
    let other = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    let seen = gate.clone();
    let canceller = async move {
        let output = other.cancel().await;
        (output, seen.drops())
    };
    let outcome = laneway::block_on(rt.spawn(canceller, Priority::Low));
    assert_eq!(outcome, (None, 1));
    gate.assert_treated_well();
}

#[test]
fn a_task_that_drops_its_own_handle_is_cancelled_after_its_poll() {
    let rt = runtime();
    let drops = DropCounter::new();
    let token = drops.token();
    let (give, given) = mpsc::channel::<Task<()>>();
    let (tell, told) = mpsc::channel();
    let task = rt.spawn(
        async move {
            drop(given.recv().unwrap());
            tell.send("still running").unwrap();
            let _owned = token;
            pending::<()>().await;
        },
        Priority::Low,
    );
    give.send(task).unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("still running"));
    eventually("the future is dropped", || drops.count() == 1);
    let report = rt.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(rt.metrics().queues[1].cancelled, 1);
}

#[test]
fn an_awaiter_that_is_cancelled_takes_its_task_with_it() {
    // A chain: each task awaits the next, the last one waits for ever.
    const LENGTH: usize = 1000;
    let rt = runtime();
    let drops = DropCounter::new();
    let token = drops.token();
    let mut task = rt.spawn(
        async move {
            let _owned = token;
            pending::<()>().await;
        },
        Priority::Low,
    );
    for _ in 1..LENGTH {
        let token = drops.token();
        let next = task;
        let awaiter = async move {
            let _owned = token;
            next.await;
        };
        task = rt.spawn(awaiter, Priority::High);
    }
    drop(task);
    eventually("all are dropped", || drops.count() == LENGTH);
    let report = rt.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
}

/// What a storm's threads did to their tasks.
#[derive(Default)]
struct Storm {
    outputs: AtomicUsize,
    nothing: AtomicUsize,
}

#[test]
fn a_storm_of_cancels_loses_nothing() {
    const THREADS: usize = 4;
    const TASKS: usize = 5000;
    let rt = runtime();
    let drops = DropCounter::new();
    let ran = AtomicUsize::new(0);
    let ran = Arc::new(ran);
    let storm = Storm::default();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (rt, drops, ran, storm) = (&rt, &drops, &ran, &storm);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed as u64);
                for _ in 0..TASKS {
                    storm_one(rt, drops, ran, storm, &mut rng);
                }
            });
        }
    });
    let report = rt.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
    let total = (THREADS * TASKS) as u64;
    let queues = rt.metrics().queues;
    let sum =
        |count: fn(&laneway::observe::QueueMetrics) -> u64| queues.iter().map(count).sum::<u64>();
    assert_eq!(sum(|queue| queue.spawned), total);
    assert_eq!(sum(|queue| queue.completed + queue.cancelled), total);
    assert_eq!(
        sum(|queue| queue.completed),
        ran.load(Ordering::SeqCst) as u64
    );
    assert_eq!(drops.count() as u64, total);
    // A quarter of the tasks is cancelled and waited for.
    let outputs = storm.outputs.into_inner();
    assert!(outputs + storm.nothing.into_inner() < total as usize);
    assert!(outputs <= ran.load(Ordering::SeqCst));
}

fn storm_one(
    rt: &Runtime,
    drops: &DropCounter,
    ran: &Arc<AtomicUsize>,
    storm: &Storm,
    rng: &mut fastrand::Rng,
) {
    let priority = match rng.bool() {
        true => Priority::High,
        false => Priority::Low,
    };
    let gate = Gate::new();
    let (token, ran, wait) = (drops.token(), ran.clone(), gate.wait());
    let waits = rng.bool();
    let task = rt.spawn(
        async move {
            let _owned = token;
            if waits {
                wait.await;
            }
            ran.fetch_add(1, Ordering::SeqCst);
        },
        priority,
    );
    if rng.bool() {
        gate.open();
    }
    match rng.u8(..3) {
        0 => drop(task),
        1 => {
            let count = match laneway::block_on(task.cancel()) {
                Some(()) => &storm.outputs,
                None => &storm.nothing,
            };
            count.fetch_add(1, Ordering::SeqCst);
            assert_eq!(gate.drops(), 1, "cancelled, and not dropped");
        }
        _ => {
            gate.open();
            laneway::block_on(task);
        }
    }
    gate.open();
}
