//! Does a task run at most once at a time, never after it ended, and is its future dropped once?

mod common;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, eventually};
use laneway::{
    FallibleTask, Priority, Runtime, Stealing, Task, TaskGroup, join, spawn_task, try_join,
};

const LONG: Duration = Duration::from_secs(20);

/// Two queues, four workers, everybody takes everything: where a task could run twice at once, it
/// has the chance to.
fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    builder.build().unwrap()
}

/// One worker, so that what is queued behind a busy task stays queued.
fn single() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

/// A task that keeps a worker busy from now until told to end.
struct Busy {
    task: Task<()>,
    end: Sender<()>,
}

impl Busy {
    fn new(rt: &Runtime) -> Busy {
        let (end, ended): (_, Receiver<()>) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let busy = async move {
            begin.send(()).unwrap();
            ended.recv().unwrap();
        };
        let task = rt.spawn(busy, Priority::Low);
        begun.recv().unwrap();
        Busy { task, end }
    }

    fn end(self) {
        self.end.send(()).unwrap();
        laneway::block_on(self.task);
    }
}

/// Runs everything that is queued, and asserts that the runtime ends without cutting anything off.
#[track_caller]
fn finish(rt: &Runtime) {
    let report = rt.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
}

fn is_pending<T>(task: &mut FallibleTask<T>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    std::pin::Pin::new(task).poll(&mut cx).is_pending()
}

#[test]
fn a_task_woken_while_it_runs_runs_once_more_and_not_at_the_same_time() {
    let rt = runtime();
    let handle = Arc::new(rt);
    let inside = handle.clone();
    let running = Arc::new(AtomicUsize::new(0));
    let mut polls = 0;
    let task = poll_fn(move |cx| {
        assert_eq!(
            running.fetch_add(1, Ordering::SeqCst),
            0,
            "two polls at once"
        );
        polls += 1;
        if polls == 1 {
            let waker = cx.waker();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..100).for_each(|_| waker.wake_by_ref()));
                }
            });
            // Were the task in its queue already, another worker would have taken it before this
            // one, which was queued later.
            let (sender, receiver) = mpsc::channel();
            let later = async move { sender.send(()).unwrap() };
            inside.spawn(later, Priority::Low).detach();
            receiver.recv_timeout(LONG).unwrap();
        }
        running.fetch_sub(1, Ordering::SeqCst);
        match polls {
            1 => Poll::Pending,
            _ => Poll::Ready(polls),
        }
    });
    let task = handle.spawn(task, Priority::Low);
    assert_eq!(laneway::block_on(task), 2);
    finish(&handle);
    assert_eq!(
        handle.metrics().queues[1].polls,
        3,
        "the marker's poll and two"
    );
}

#[test]
fn many_wake_ups_of_a_queued_task_are_one_poll() {
    let rt = single();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    let busy = Busy::new(&rt);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| gate.wake()));
        }
    });
    busy.end();
    // Queued behind the one poll that those wake-ups asked for.
    laneway::block_on(rt.spawn(async {}, Priority::Low));
    assert_eq!(gate.polls(), 2);
    gate.open();
    laneway::block_on(task);
    assert_eq!(gate.polls(), 3);
    gate.assert_treated_well();
}

#[test]
fn a_storm_of_wake_ups_from_many_threads_never_overlaps_polls() {
    const POLLS: usize = 5000;
    let rt = runtime();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while gate.polls() < POLLS {
                    gate.wake();
                    thread::yield_now();
                }
            });
        }
    });
    assert!(!task.is_finished());
    gate.open();
    laneway::block_on(task);
    finish(&rt);
    gate.assert_treated_well();
}

/// The message of the panic of a closure that awaits a task again.
#[track_caller]
fn refusal(awaits: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(awaits)).unwrap_err();
    panic.downcast_ref::<String>().expect("a message").clone()
}

/// A task that has given its outcome to an await of `&mut task`, and the line of its spawn.
fn told(rt: &Runtime) -> (Task<u8>, u32) {
    let (mut task, line) = (rt.spawn(async { 7 }, Priority::Low), line!());
    assert_eq!(laneway::block_on(&mut task), 7);
    (task, line)
}

#[test]
fn a_task_that_is_awaited_again_says_which_one_it_is() {
    let rt = runtime();
    let ways: [fn(Task<u8>); 5] = [
        |task| assert_eq!(laneway::block_on(task), 7),
        |task| drop(laneway::block_on(task.fallible())),
        |task| drop(join!(task)),
        |task| drop(try_join!(task)),
        |task| TaskGroup::new().extend([task]),
    ];
    for awaits_again in ways {
        let (task, line) = told(&rt);
        let refusal = refusal(|| awaits_again(task));
        let place = format!("the task spawned at tests/lifecycle.rs:{line}:");
        assert!(refusal.starts_with(&place), "{refusal}");
        let reason = " has given its outcome to an earlier await, and has no other";
        assert!(refusal.ends_with(reason), "{refusal}");
    }
    let mut named = rt.named("sum").spawn(async { 7 }, Priority::Low);
    assert_eq!(laneway::block_on(&mut named), 7);
    assert!(named.is_finished());
    let refusal = refusal(|| assert_eq!(laneway::block_on(named), 7));
    assert!(
        refusal.starts_with("the task \"sum\" spawned at "),
        "{refusal}"
    );
}

#[test]
fn a_wake_up_after_completion_does_nothing() {
    let rt = runtime();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    gate.open();
    laneway::block_on(task);
    let polls = gate.polls();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                (0..100).for_each(|_| gate.wake());
            });
        }
    });
    drop(gate.take_waker());
    finish(&rt);
    assert_eq!(gate.polls(), polls);
    gate.assert_treated_well();
}

#[test]
fn a_task_cancelled_while_queued_is_never_polled() {
    let rt = single();
    let busy = Busy::new(&rt);
    let gate = Gate::new();
    drop(rt.spawn(gate.wait(), Priority::Low));
    busy.end();
    finish(&rt);
    assert_eq!(gate.polls(), 0);
    gate.assert_treated_well();
    assert_eq!(rt.metrics().queues[1].cancelled, 1);
}

#[test]
fn a_task_cancelled_while_queued_again_is_not_polled_again() {
    let rt = single();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    let busy = Busy::new(&rt);
    gate.wake();
    drop(task);
    gate.wake();
    busy.end();
    finish(&rt);
    assert_eq!(gate.polls(), 1);
    gate.assert_treated_well();
}

/// A future whose first poll lasts until told to end.
fn long_poll(
    drops: &DropCounter,
    end: Poll<()>,
) -> (
    impl Future<Output = ()> + Send + 'static,
    Receiver<Waker>,
    Sender<()>,
) {
    let token = drops.token();
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let future = poll_fn(move |cx| {
        let _owned = &token;
        // A second poll finds nobody at the other end, and panics.
        begin.send(cx.waker().clone()).unwrap();
        released.recv().unwrap();
        end
    });
    (future, begun, release)
}

#[test]
fn a_task_cancelled_while_it_runs_comes_to_the_end_of_its_poll() {
    for end in [Poll::Pending, Poll::Ready(())] {
        for woken_too in [false, true] {
            let rt = runtime();
            let drops = DropCounter::new();
            let (future, begun, release) = long_poll(&drops, end);
            let task = rt.spawn(future, Priority::Low);
            let waker = begun.recv().unwrap();
            if woken_too {
                waker.wake_by_ref();
            }
            drop(task);
            waker.wake_by_ref();
            assert_eq!(drops.count(), 0, "dropped in the middle of its poll");
            release.send(()).unwrap();
            finish(&rt);
            assert_eq!(drops.count(), 1);
            waker.wake();
            let low = &rt.metrics().queues[1];
            assert_eq!(low.panicked, 0, "it was polled again");
            assert_eq!(low.completed + low.cancelled, 1);
            assert_eq!(low.completed, u64::from(end.is_ready()));
        }
    }
}

#[test]
fn a_task_cancelled_while_pending_is_dropped_once() {
    let rt = runtime();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    drop(task);
    eventually("the cancelled future is dropped", || gate.drops() == 1);
    gate.wake();
    gate.open();
    finish(&rt);
    assert_eq!(gate.polls(), 1);
    gate.assert_treated_well();
}

#[test]
fn a_detached_task_that_nobody_can_wake_is_kept_and_dropped_with_its_runtime() {
    let rt = runtime();
    let gate = Gate::new();
    rt.spawn(gate.wait(), Priority::Low).detach();
    gate.eventually_polled(1);
    let waker = gate.take_waker().unwrap();
    thread::spawn(move || drop(waker)).join().unwrap();
    // Behind whatever that drop might have queued.
    laneway::block_on(rt.spawn(async {}, Priority::Low));
    assert_eq!((gate.polls(), gate.drops()), (1, 0));
    drop(rt);
    gate.assert_treated_well();
}

#[test]
fn the_last_waker_of_a_cancelled_task_may_be_dropped_anywhere() {
    let rt = runtime();
    let drops = DropCounter::new();
    let (future, begun, release) = long_poll(&drops, Poll::Pending);
    let task = rt.spawn(future, Priority::Low);
    let waker = begun.recv().unwrap();
    drop(task);
    release.send(()).unwrap();
    let elsewhere = thread::spawn(move || drop(waker));
    finish(&rt);
    elsewhere.join().unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn many_tasks_are_cancelled_and_woken_at_the_same_time() {
    // Each round lets the two race from a barrier; whoever wins, the same must hold.
    let rt = runtime();
    for _ in 0..500 {
        let gate = Gate::new();
        let task = rt.spawn(gate.wait(), Priority::Low);
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                gate.wake();
                gate.open();
            });
            barrier.wait();
            drop(task);
        });
        eventually("the future is dropped", || gate.drops() == 1);
        gate.wake();
        gate.assert_treated_well();
    }
    finish(&rt);
    let low = &rt.metrics().queues[1];
    assert_eq!(low.completed + low.cancelled, 500);
}

#[test]
fn a_detached_task_runs_on() {
    let rt = runtime();
    let gate = Gate::new();
    let wait = gate.wait();
    let (sender, receiver) = mpsc::channel();
    let task = rt.spawn(
        async move {
            wait.await;
            sender.send("done").unwrap();
        },
        Priority::Low,
    );
    gate.eventually_polled(1);
    task.detach();
    gate.open();
    assert_eq!(receiver.recv_timeout(LONG), Ok("done"));
    finish(&rt);
    gate.assert_treated_well();
}

#[test]
fn is_finished_once_the_task_has_ended() {
    let rt = single();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    assert!(!task.is_finished(), "it is pending");
    let busy = Busy::new(&rt);
    let panics = rt.spawn(async { panic!("on purpose") }, Priority::Low);
    gate.open();
    assert!(!task.is_finished(), "it is queued");
    assert!(!panics.is_finished(), "it is queued");
    busy.end();
    eventually("it has completed", || task.is_finished());
    eventually("it has panicked", || panics.is_finished());
    laneway::block_on(task);
    let cut_off = rt.spawn(pending::<()>(), Priority::Low);
    drop(rt);
    assert!(cut_off.is_finished(), "its runtime is gone");
    let error = laneway::block_on(panics.fallible()).unwrap_err();
    assert!(error.is_panic());
}

#[test]
fn a_pending_task_is_woken_from_a_thread_of_another_runtime() {
    let (here, there) = (runtime(), runtime());
    let gate = Gate::new();
    let mut task = here.spawn(gate.wait(), Priority::High).fallible();
    assert!(is_pending(&mut task));
    gate.eventually_polled(1);
    let opener = gate.clone();
    laneway::block_on(there.spawn(async move { opener.open() }, Priority::Low));
    laneway::block_on(task).unwrap();
    finish(&here);
    finish(&there);
    gate.assert_treated_well();
}

fn thread_name() -> String {
    thread::current().name().unwrap_or("").to_owned()
}

/// A runtime whose threads, and so whose tasks, are known by name.
fn named(name: &str) -> Runtime {
    let builder = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .with_thread_name(name);
    builder.build().unwrap()
}

#[test]
fn spawn_task_inside_a_task_uses_the_runtime_that_runs_it() {
    let (north, south) = (named("north"), named("south"));
    for (rt, name) in [(&north, "north"), (&south, "south")] {
        let outer = async {
            let inner = async { (thread_name(), spawn_task!(async { thread_name() }).await) };
            (thread_name(), spawn_task!(inner).await)
        };
        let (first, (second, third)) = laneway::block_on(rt.spawn(outer, Priority::High));
        assert_eq!(first, format!("{name}-high-0"));
        // The high task raises the low ones, whether one of them runs already or not.
        let either = ["low", "high"].map(|queue| format!("{name}-{queue}-0"));
        assert!(
            either.contains(&second) && either.contains(&third),
            "{second}, {third}"
        );
    }
}

#[test]
fn spawn_task_inside_block_on_uses_that_runtime_and_afterwards_the_one_before() {
    let (north, south) = (named("north"), Arc::new(named("south")));
    let spawned = async || spawn_task!(async { thread_name() }).await;
    assert_eq!(north.block_on(spawned()), "north-low-0");
    let inside = south.clone();
    let nested = north.block_on(async move {
        let before = spawned().await;
        let between = inside.block_on(spawned());
        [before, between, spawned().await]
    });
    assert_eq!(nested, ["north-low-0", "south-low-0", "north-low-0"]);

    let visitor = async move {
        let between = south.block_on(async { spawn_task!(async { thread_name() }).await });
        [between, spawn_task!(async { thread_name() }).await]
    };
    let visited = laneway::block_on(north.spawn(visitor, Priority::High));
    // On either thread of the runtime: a high task raises what it awaits.
    let runtimes = visited.each_ref().map(|thread| thread.split('-').next());
    assert_eq!(runtimes, [Some("south"), Some("north")]);
}

#[test]
fn spawn_task_elsewhere_uses_the_process_wide_runtime() {
    let _not_this_one = named("north");
    let names = join!(
        spawn_task!(async { thread_name() }),
        spawn_task!(async { thread_name() }, Priority::High)
    );
    for name in names {
        assert!(name.starts_with("laneway-"), "ran on {name:?}");
    }
    let spawned = Runtime::global().metrics().queues;
    assert!(spawned.iter().all(|queue| queue.spawned > 0));
}
