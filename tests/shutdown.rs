//! What becomes of a runtime's tasks when it ends?

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use common::{DropCounter, DropToken, Gate, cut_off, eventually};
use laneway::{CutOffTask, Idle, Priority, Runtime, ShutdownReport, Task, spawn_task};

const LONG: Duration = Duration::from_secs(20);
/// Deep enough to overflow the stack of any thread, were a task dropped inside another's drop: some
/// 100 bytes of a stack of 2 MiB are left for each, and one such drop needs several frames.
const CHAIN: usize = 20_000;

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

fn single() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

/// Keeps a worker busy from now until told to end.
fn busy(rt: &Runtime) -> Sender<()> {
    let (end, ended): (_, Receiver<()>) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let busy = async move {
        begin.send(()).unwrap();
        ended.recv().unwrap();
    };
    rt.spawn(busy, Priority::Low).detach();
    begun.recv().unwrap();
    end
}

/// Waits until shutdown has begun on another thread.
fn shutdown_has_begun(rt: &Runtime) {
    eventually("spawning is refused", || {
        let spawned = rt.try_spawn(async {}, Priority::Low);
        spawned.map(Task::detach).is_err()
    });
}

#[track_caller]
fn assert_all_accounted_for(rt: &Runtime) {
    for queue in rt.metrics().queues {
        let ended = queue.completed + queue.panicked + queue.cancelled;
        assert_eq!(queue.spawned, ended, "{queue:?}");
        assert_eq!(queue.depth, 0, "{queue:?}");
    }
}

#[test]
fn queued_tasks_are_drained() {
    for idle in [Idle::Park, Idle::Nap(Duration::from_millis(1))] {
        let builder = Runtime::builder().with_high_num(0).with_low_num(1);
        let rt = builder.with_idle(idle).build().unwrap();
        let end = busy(&rt);
        let ran = Arc::new(AtomicUsize::new(0));
        for n in 0..1000 {
            let ran = ran.clone();
            let priority = [Priority::Low, Priority::High][n % 2];
            let task = async move { ran.fetch_add(1, Ordering::SeqCst) };
            rt.spawn(task, priority).detach();
        }
        let before = rt
            .metrics()
            .queues
            .iter()
            .map(|queue| queue.spawned)
            .sum::<u64>();
        thread::scope(|scope| {
            let report = scope.spawn(|| rt.shutdown(LONG));
            let spawned = || rt.metrics().queues.iter().map(|q| q.spawned).sum::<u64>();
            shutdown_has_begun(&rt);
            let while_waiting = spawned() - before;
            assert_eq!(ran.load(Ordering::SeqCst), 0, "the worker is busy");
            end.send(()).unwrap();
            let report = report.join().unwrap();
            assert!(report.is_clean(), "{report:?}");
            // A spawn that was counted just when shutdown began was too late after all.
            let late = rt.metrics().queues.iter().map(|q| q.cancelled).sum::<u64>();
            assert!(late <= 1, "one thread spawns");
            assert_eq!(report.completed + late, 1001 + while_waiting);
        });
        assert_eq!(ran.load(Ordering::SeqCst), 1000);
        assert_all_accounted_for(&rt);
    }
}

#[test]
fn pending_tasks_that_end_before_the_deadline_are_waited_for() {
    for idle in [Idle::Park, Idle::Nap(Duration::from_millis(1))] {
        let rt = Runtime::builder().with_idle(idle).build().unwrap();
        let gates: Vec<Gate> = (0..10).map(|_| Gate::new()).collect();
        for gate in &gates {
            rt.spawn(gate.wait(), Priority::Low).detach();
        }
        gates.iter().for_each(|gate| gate.eventually_polled(1));
        thread::scope(|scope| {
            let report = scope.spawn(|| rt.shutdown(LONG));
            shutdown_has_begun(&rt);
            gates.iter().for_each(Gate::open);
            let report = report.join().unwrap();
            assert!(report.is_clean(), "{report:?}");
        });
        gates.iter().for_each(Gate::assert_treated_well);
        assert_all_accounted_for(&rt);
    }
}

#[test]
fn the_rest_is_cut_off_and_named_and_everything_is_counted() {
    let rt = runtime();
    let drops = DropCounter::new();
    let waits = |token: DropToken| async move {
        let _owned = token;
        pending::<()>().await;
    };
    for _ in 0..3 {
        rt.spawn(async {}, Priority::High).detach();
    }
    for _ in 0..2 {
        rt.spawn(async { panic!("on purpose") }, Priority::High)
            .detach();
    }
    let first_line = line!() + 1;
    rt.spawn(waits(drops.token()), Priority::Low).detach();
    rt.spawn(waits(drops.token()), Priority::Low).detach();
    rt.spawn(waits(drops.token()), Priority::High).detach();
    let cancelled = rt.spawn(waits(drops.token()), Priority::Low);
    assert_eq!(laneway::block_on(cancelled.cancel()), None);
    eventually("those that can end have ended", || {
        rt.metrics().queues[0].live() == 1
    });

    let report = cut_off(&rt);
    let ShutdownReport {
        completed,
        panicked,
        cut_off,
        still_running,
        ..
    } = report;
    assert_eq!((completed, panicked, cut_off, still_running), (3, 2, 3, 0));
    assert!(!report.is_clean());
    let mut lines: Vec<u32> = report
        .cut_off_tasks
        .iter()
        .map(|task| task.spawned_at().line())
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [first_line, first_line + 1, first_line + 2]);
    let here = |task: &CutOffTask| task.spawned_at().file() == file!();
    assert!(report.cut_off_tasks.iter().all(here));
    assert_eq!(drops.count(), 4);
    assert_all_accounted_for(&rt);
}

#[test]
fn all_that_is_cut_off_is_counted_and_the_first_64_are_listed() {
    let rt = runtime();
    let gates: Vec<Gate> = (0..200).map(|_| Gate::new()).collect();
    let tasks: Vec<Task<()>> = gates
        .iter()
        .map(|gate| rt.spawn(gate.wait(), Priority::Low))
        .collect();
    gates.iter().for_each(|gate| gate.eventually_polled(1));
    let report = cut_off(&rt);
    assert_eq!(report.cut_off, 200);
    assert_eq!(report.cut_off_tasks.len(), 64);
    let printed = report.to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines[0],
        "completed 0, panicked 0, cut off 200, still running 0"
    );
    assert_eq!(lines.len(), 1 + 64 + 1, "{printed}");
    let named = |line: &&str| line.starts_with("  the task spawned at ");
    assert!(lines[1..65].iter().all(named), "{printed}");
    assert_eq!(lines[65], "  and 136 more");
    gates.iter().for_each(Gate::assert_treated_well);
    assert!(tasks.iter().all(Task::is_finished));
    for result in laneway::try_join_all(tasks) {
        let error = result.unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic(), "{error}");
    }
    assert_all_accounted_for(&rt);
}

#[test]
fn spawning_afterwards_gives_the_future_back_or_a_cancelled_task() {
    let rt = runtime();
    rt.shutdown(LONG);
    let drops = DropCounter::new();
    let token = drops.token();
    let error = rt
        .try_spawn(async move { token }, Priority::High)
        .unwrap_err();
    assert!(error.is_shut_down());
    assert_eq!(drops.count(), 0, "the future is in the error");
    drop(laneway::block_on(error.into_future()));
    assert_eq!(drops.count(), 1);

    let token = drops.token();
    let task = rt.spawn(async move { drop(token) }, Priority::Low);
    assert!(task.is_finished());
    assert_eq!(drops.count(), 2);
    let error = laneway::block_on(task.fallible()).unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(rt.metrics().queues[1].cancelled, 1);
}

#[test]
fn a_task_cannot_spawn_either_once_shutdown_has_begun() {
    let rt = runtime();
    let gate = Gate::new();
    let wait = gate.wait();
    let task = rt.spawn(
        async move {
            wait.await;
            let cancelled = spawn_task!(async { "never runs" });
            cancelled
                .fallible()
                .await
                .map_err(|error| error.is_cancelled())
        },
        Priority::Low,
    );
    gate.eventually_polled(1);
    thread::scope(|scope| {
        let report = scope.spawn(|| rt.shutdown(LONG));
        shutdown_has_begun(&rt);
        gate.open();
        assert_eq!(laneway::block_on(task), Err(true));
        assert!(report.join().unwrap().is_clean());
    });
    assert_all_accounted_for(&rt);
}

#[test]
fn a_poll_that_does_not_end_is_left_behind_and_counted() {
    let rt = runtime();
    let (first, second) = (busy(&rt), busy(&rt));
    let report = rt.shutdown(Duration::ZERO);
    assert_eq!(report.still_running, 2);
    assert!(!report.is_clean());
    first.send(()).unwrap();
    second.send(()).unwrap();
    // Waits for them.
    drop(rt);
}

#[test]
fn shutdown_may_be_called_again() {
    let rt = runtime();
    rt.spawn(pending::<()>(), Priority::Low).detach();
    let task = rt.spawn(async {}, Priority::Low);
    laneway::block_on(task);
    let first = cut_off(&rt);
    assert_eq!((first.completed, first.cut_off), (1, 1));
    assert_eq!(rt.shutdown(LONG), first);
    assert_eq!(rt.shutdown(Duration::ZERO), first);
}

#[test]
fn shutdown_may_be_called_by_many_at_once() {
    let rt = runtime();
    let gate = Gate::new();
    rt.spawn(gate.wait(), Priority::Low).detach();
    thread::scope(|scope| {
        let reports = [(); 4].map(|()| scope.spawn(|| rt.shutdown(LONG)));
        gate.eventually_polled(1);
        shutdown_has_begun(&rt);
        gate.open();
        for report in reports {
            let report = report.join().unwrap();
            assert!(report.is_clean(), "{report:?}");
        }
    });
    assert_all_accounted_for(&rt);
}

#[test]
fn nothing_is_lost_that_is_spawned_while_shutdown_begins() {
    for idle in [Idle::Park, Idle::Nap(Duration::from_micros(100))] {
        for _ in 0..20 {
            spawn_during_shutdown(idle);
        }
    }
}

fn spawn_during_shutdown(idle: Idle) {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = builder.with_idle(idle).build().unwrap();
    let (drops, ran) = (DropCounter::new(), AtomicUsize::new(0));
    let ran = Arc::new(ran);
    let spawned = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let (token, ran) = (drops.token(), ran.clone());
                    let task = async move {
                        let _owned = token;
                        ran.fetch_add(1, Ordering::SeqCst);
                    };
                    match rt.try_spawn(task, Priority::Low) {
                        Ok(task) => task.detach(),
                        Err(_refused) => break,
                    }
                    spawned.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        eventually("some are spawned", || spawned.load(Ordering::SeqCst) > 20);
        let report = rt.shutdown(LONG);
        assert_eq!((report.panicked, report.still_running), (0, 0));
    });
    let spawned = spawned.into_inner();
    let low = rt.metrics().queues.swap_remove(1);
    // A future that is given back because it came while shutdown began may count as cancelled.
    assert!(low.cancelled <= 2, "{} were cancelled", low.cancelled);
    assert_eq!(low.spawned, spawned as u64 + low.cancelled);
    assert_eq!(low.completed, ran.load(Ordering::SeqCst) as u64);
    // Each of those that were spawned, and for each thread the one that was refused.
    assert_eq!(drops.count(), spawned + 2);
    assert_all_accounted_for(&rt);
}

#[test]
fn drop_drops_what_is_queued() {
    let rt = single();
    let end = busy(&rt);
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    thread::scope(|scope| {
        scope.spawn(move || drop(rt));
        // It was not polled: the worker was busy until its runtime had ended.
        eventually("the queued future is dropped", || gate.drops() == 1);
        end.send(()).unwrap();
    });
    assert_eq!(gate.polls(), 0);
    gate.assert_treated_well();
    let error = laneway::block_on(task.fallible()).unwrap_err();
    assert!(error.is_cancelled());
}

#[test]
fn drop_drops_what_waits_for_a_waker_that_lives_on() {
    let rt = runtime();
    let gate = Gate::new();
    let task = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    drop(rt);
    gate.assert_treated_well();
    // What is left of the task does nothing, on this thread or another.
    let polls = gate.polls();
    let waker = gate.waker().unwrap();
    gate.open();
    thread::scope(|scope| {
        scope.spawn(|| {
            waker.wake_by_ref();
            gate.wake();
        });
    });
    drop(waker);
    drop(gate.take_waker());
    assert_eq!(gate.polls(), polls);
    gate.assert_treated_well();
    assert!(task.is_finished());
    assert!(
        laneway::block_on(task.fallible())
            .unwrap_err()
            .is_cancelled()
    );
}

#[test]
fn a_task_whose_runtime_is_gone_before_anyone_awaits_it_still_has_its_output() {
    let rt = runtime();
    let task = rt.spawn(async { "early" }, Priority::Low);
    eventually("the task completes", || task.is_finished());
    drop(rt);
    assert_eq!(laneway::block_on(task), "early");
}

/// Wakes another task when dropped.
#[derive(Default)]
struct WakesNext {
    next: Arc<Mutex<Option<Waker>>>,
    token: Option<DropToken>,
}

impl Drop for WakesNext {
    fn drop(&mut self) {
        let next = self.next.lock().unwrap().take();
        if let Some(waker) = next {
            waker.wake();
        }
        drop(self.token.take());
    }
}

/// Spawns a chain of pending tasks, each of which wakes the next when its future is dropped.
fn chain_of_wakers(rt: &Runtime, drops: &DropCounter) {
    let mut own: Arc<Mutex<Option<Waker>>> = Arc::default();
    for _ in 0..CHAIN {
        let next: Arc<Mutex<Option<Waker>>> = Arc::default();
        let wakes_next = WakesNext {
            next: next.clone(),
            token: Some(drops.token()),
        };
        let here = std::mem::replace(&mut own, next);
        let task = std::future::poll_fn(move |cx| {
            let _owned = &wakes_next;
            *here.lock().unwrap() = Some(cx.waker().clone());
            std::task::Poll::<()>::Pending
        });
        rt.spawn(task, Priority::Low).detach();
    }
    eventually("all are pending", || {
        rt.metrics().queues[1].polls >= CHAIN as u64
    });
}

/// Spawns a chain of tasks, each of which awaits the next, and gives the first.
fn chain_of_handles(rt: &Runtime, drops: &DropCounter) -> Task<()> {
    let token = drops.token();
    let mut first = rt.spawn(
        async move {
            let _owned = token;
            pending::<()>().await;
        },
        Priority::Low,
    );
    for _ in 1..CHAIN {
        let (next, token) = (first, drops.token());
        let awaits = async move {
            let _owned = token;
            next.await;
        };
        first = rt.spawn(awaits, Priority::Low);
    }
    eventually("all are pending", || {
        rt.metrics().queues[1].polls >= CHAIN as u64
    });
    first
}

#[test]
fn a_long_chain_of_wakers_does_not_overflow_the_stack_in_drop() {
    let (rt, drops) = (runtime(), DropCounter::new());
    chain_of_wakers(&rt, &drops);
    drop(rt);
    assert_eq!(drops.count(), CHAIN);
}

#[test]
fn a_long_chain_of_wakers_does_not_overflow_the_stack_in_shutdown() {
    let (rt, drops) = (runtime(), DropCounter::new());
    chain_of_wakers(&rt, &drops);
    assert_eq!(cut_off(&rt).cut_off, CHAIN);
    assert_eq!(drops.count(), CHAIN);
    assert_all_accounted_for(&rt);
}

#[test]
fn a_long_chain_of_handles_does_not_overflow_the_stack_in_drop() {
    let (rt, drops) = (runtime(), DropCounter::new());
    let first = chain_of_handles(&rt, &drops);
    drop(rt);
    assert_eq!(drops.count(), CHAIN);
    assert!(first.is_finished());
}

#[test]
fn a_long_chain_of_handles_does_not_overflow_the_stack_when_cancelled() {
    let (rt, drops) = (runtime(), DropCounter::new());
    drop(chain_of_handles(&rt, &drops));
    eventually("all are dropped", || drops.count() == CHAIN);
    assert!(rt.shutdown(LONG).is_clean());
    assert_all_accounted_for(&rt);
}

#[test]
fn drop_from_inside_one_of_its_own_tasks_returns() {
    for idle in [Idle::Park, Idle::Nap(Duration::from_millis(1))] {
        let rt = Runtime::builder().with_idle(idle).build().unwrap();
        let rt = Arc::new(rt);
        let gate = Gate::new();
        let bystander = rt.spawn(gate.wait(), Priority::High);
        gate.eventually_polled(1);
        let (give, given) = mpsc::channel::<Arc<Runtime>>();
        let (tell, told) = mpsc::channel();
        let suicide = async move {
            drop(given.recv().unwrap());
            tell.send("still here").unwrap();
            pending::<()>().await;
        };
        let drops = DropCounter::new();
        let token = drops.token();
        let task = rt.spawn(
            async move {
                let _owned = token;
                suicide.await;
            },
            Priority::Low,
        );
        give.send(rt).unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok("still here"));
        // The others are gone when drop returns; the task itself when its poll has ended.
        gate.assert_treated_well();
        eventually("its own future is dropped", || drops.count() == 1);
        for task in [bystander, task] {
            let error = laneway::block_on(task.fallible()).unwrap_err();
            assert!(error.is_cancelled());
        }
    }
}

#[test]
fn drop_from_inside_a_task_of_another_runtime_returns() {
    let (rt, other) = (runtime(), single());
    let gate = Gate::new();
    rt.spawn(gate.wait(), Priority::Low).detach();
    gate.eventually_polled(1);
    laneway::block_on(other.spawn(async move { drop(rt) }, Priority::Low));
    gate.assert_treated_well();
}

#[test]
fn shutdown_wakes_nappers() {
    // A nap beyond the test's patience: only an unpark ends it.
    let builder = Runtime::builder().with_idle(Idle::Nap(Duration::from_secs(3600)));
    let rt = builder.build().unwrap();
    rt.spawn(pending::<()>(), Priority::Low).detach();
    let report = cut_off(&rt);
    assert_eq!((report.cut_off, report.still_running), (1, 0));
}
