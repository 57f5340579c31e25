//! Does the end of a runtime hold where its steps meet somebody else's?

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually};
use laneway::observe::{Event, Observer};
use laneway::{Priority, Runtime, TaskId, block_in_place, spawn_task};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

/// Each is a task of the runtime's own, and can wait for the other as little as for itself.
#[test]
fn tasks_that_end_their_runtime_at_once_do_not_wait_for_each_other() {
    let rt = Arc::new(runtime());
    let meet = Arc::new(Barrier::new(2));
    let (tell, told) = mpsc::channel();
    for priority in [Priority::High, Priority::Low] {
        let (inside, meet, tell) = (rt.clone(), meet.clone(), tell.clone());
        let end = async move {
            block_in_place(|| meet.wait());
            // As long as the test waits, and a moment more.
            inside.shutdown(2 * LONG);
            tell.send(()).unwrap();
        };
        rt.spawn(end, priority).detach();
    }
    assert_eq!(told.recv_timeout(LONG), Ok(()));
    assert_eq!(told.recv_timeout(LONG), Ok(()));
}

// The worker has taken the task and not begun its second poll when the
// pending are woken for the last time; that wake-up is void, and the poll leaves the task pending
// for ever.

/// Holds the worker back between taking a task and polling it.
#[derive(Default)]
struct HoldBack {
    task: OnceLock<TaskId>,
    taken: AtomicUsize,
    cancelled: DropCounter,
}

impl Observer for HoldBack {
    fn on_event(&self, event: Event) {
        if let Event::Taken { task, .. } = event
            && self.task.get() == Some(&task)
        {
            self.taken.fetch_add(1, Ordering::SeqCst);
            eventually("another pending task is cut off", || {
                self.cancelled.count() == 1
            });
        }
    }
}

#[test]
fn a_task_that_was_taken_before_the_end_and_polled_after_it_is_cut_off() {
    let hold = Arc::new(HoldBack::default());
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(hold.clone()).build().unwrap();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    let token = hold.cancelled.token();
    let bystander = async move {
        let _owned = token;
        pending::<()>().await;
    };
    rt.spawn(bystander, Priority::Low).detach();
    // Its waker is entered after the task's, and so is used after it.
    eventually("the bystander waits", || rt.metrics().queues[1].polls == 2);
    eventually("the worker rests", || rt.metrics().workers[0].parks >= 1);
    hold.task.set(task.id()).unwrap();
    gate.wake();
    eventually("the task is taken", || {
        hold.taken.load(Ordering::SeqCst) == 1
    });
    let report = cut_off(&rt);
    assert_eq!(report.cut_off, 2, "{report:?}");
    gate.assert_treated_well();
    assert!(task.is_finished());
}

#[test]
fn the_last_reference_may_be_dropped_by_a_task_that_shutdown_left_behind() {
    let rt = Arc::new(runtime());
    let inside = rt.clone();
    let (go, gone) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    rt.spawn(
        async move {
            begin.send(()).unwrap();
            gone.recv().unwrap();
            drop(inside);
            tell.send("dropped").unwrap();
        },
        Priority::Low,
    )
    .detach();
    begun.recv().unwrap();
    assert_eq!(rt.shutdown(Duration::ZERO).still_running, 1);
    drop(rt);
    go.send(()).unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("dropped"));
}

/// Blocks on another runtime when dropped.
struct BlocksInDrop(Arc<Runtime>, Arc<AtomicUsize>);

impl Drop for BlocksInDrop {
    fn drop(&mut self) {
        self.1
            .fetch_add(self.0.block_on(async { 1 }), Ordering::SeqCst);
    }
}

#[test]
fn a_future_may_block_on_another_runtime_when_it_is_dropped() {
    let other = Arc::new(runtime());
    let drops = Arc::new(AtomicUsize::new(0));
    let rt = runtime();
    let blocks = BlocksInDrop(other.clone(), drops.clone());
    let waits = async move {
        let _owned = blocks;
        pending::<()>().await;
    };
    rt.spawn(waits, Priority::Low).detach();
    eventually("it is pending", || rt.metrics().queues[1].polls == 1);
    other.block_on(async { drop(rt) });
    assert_eq!(
        drops.load(Ordering::SeqCst),
        1,
        "cut off by a drop inside of block_on"
    );

    let rt = runtime();
    rt.shutdown(LONG);
    let blocks = BlocksInDrop(other.clone(), drops.clone());
    rt.block_on(async { drop(spawn_task!(async move { drop(blocks) })) });
    assert_eq!(drops.load(Ordering::SeqCst), 2, "spawned too late");
}

struct SlowDrop(Sender<()>, Mutex<Receiver<()>>);

impl Drop for SlowDrop {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        self.1.lock().unwrap().recv_timeout(LONG).unwrap();
    }
}

#[test]
fn shutdown_waits_for_the_destructors_that_another_shutdown_runs() {
    let rt = runtime();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let slow = SlowDrop(begin, Mutex::new(released));
    let waits = async move {
        let _owned = slow;
        pending::<()>().await;
    };
    rt.spawn(waits, Priority::Low).detach();
    eventually("it is pending", || rt.metrics().queues[1].polls == 1);
    for _ in 0..9 {
        rt.spawn(pending::<()>(), Priority::Low).detach();
    }
    eventually("all are pending", || rt.metrics().queues[1].polls == 10);
    thread::scope(|scope| {
        let first = scope.spawn(|| rt.shutdown(Duration::ZERO));
        begun.recv().unwrap();
        let second = scope.spawn(|| rt.shutdown(LONG));
        scope.spawn(move || {
            // Long enough for a second report that does not wait for the first.
            for _ in 0..10_000 {
                thread::yield_now();
            }
            let _ = release.send(());
        });
        assert_eq!(second.join().unwrap().cut_off, 10);
        // Its deadline may have passed before the destructors ran.
        let first = first.join().unwrap();
        assert_eq!(first.cut_off as u64 + first.still_running, 10);
    });
}

#[test]
fn every_task_is_in_the_report() {
    let rt = runtime();
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let poll = async move {
        begin.send(()).unwrap();
        ended.recv().unwrap();
    };
    rt.spawn(poll, Priority::Low).detach();
    begun.recv().unwrap();
    let gate = Gate::new();
    struct Ends(Sender<()>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    // Cut off at the deadline; lets the running poll end within the grace.
    let (wait, ends) = (gate.wait(), Ends(end));
    let waits = async move {
        let _owned = ends;
        wait.await;
    };
    rt.spawn(waits, Priority::High).detach();
    gate.eventually_polled(1);
    let report = rt.shutdown(Duration::ZERO);
    let sum = report.completed + report.panicked + report.cut_off as u64;
    assert_eq!(sum + report.still_running, 2, "{report:?}");
}
