//! Does a monitor know which tasks there are, what each does and who woke it, and how long tasks
//! waited and were polled?

mod common;

use std::future::{pending, ready};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use common::{Gate, eventually};
use laneway::observe::{
    Event, Histogram, LiveTask, LongPoll, LostPanic, Monitor, Observer, QueueTimes, RuntimeShape,
    TaskState, Tee, WokenBy,
};
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Priority, QueueId, Runtime, TaskId, join_all, spawn_task, yield_now};

const HIGH: usize = 0;
const LOW: usize = 1;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Simulates what `make` makes of a monitor, which observes it.
#[track_caller]
fn monitored<F>(sim: Sim, make: impl FnOnce(Arc<Monitor>) -> F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let monitor = Arc::new(Monitor::new());
    sim.observer(monitor.clone())
        .run(make(monitor))
        .unwrap()
        .output
}

fn one_worker(seed: u64) -> Sim {
    Sim::seed(seed).high(0).low(1)
}

/// The task of this name.
#[track_caller]
fn named(monitor: &Monitor, name: &str) -> LiveTask {
    let mut tasks = monitor.tasks();
    tasks.retain(|task| task.name.as_deref() == Some(name));
    assert_eq!(tasks.len(), 1, "{name}: {tasks:?}");
    tasks.remove(0)
}

// The list.

#[test]
fn a_task_is_queued_then_runs_then_waits_and_is_gone_at_its_end() {
    monitored(one_worker(1), |monitor| async move {
        let gate = Gate::new();
        let (inside, opened) = (monitor.clone(), gate.clone());
        let line = line!() + 1;
        let task = spawn_task!(name = "seen", async move {
            let seen = named(&inside, "seen");
            let TaskState::Running(worker) = seen.state else {
                panic!("{seen}");
            };
            assert_eq!((worker.index(), seen.polls), (0, 1));
            opened.wait().await;
        });
        let seen = named(&monitor, "seen");
        assert_eq!((seen.id, seen.queue), (task.id(), QueueId::LOW));
        assert_eq!(
            (seen.spawned_at.file(), seen.spawned_at.line()),
            (file!(), line)
        );
        assert_eq!((seen.state, seen.polls), (TaskState::Queued, 0));
        assert_eq!(seen.last_wake, None, "its spawn is no wake-up");

        sleep(ms(30)).await;
        let seen = named(&monitor, "seen");
        assert_eq!((seen.state, seen.polls), (TaskState::Waiting, 1));
        assert_eq!((seen.in_state, seen.age), (ms(30), ms(30)));
        gate.open();
        assert_eq!(named(&monitor, "seen").state, TaskState::Queued);
        task.await;
        assert_eq!(monitor.tasks(), []);
    });
}

#[test]
fn a_long_poll_shows_for_how_long() {
    monitored(one_worker(2), |monitor| async move {
        let _busy = spawn_task!(name = "busy", async { work(ms(100)) });
        sleep(ms(60)).await;
        let busy = named(&monitor, "busy");
        assert!(matches!(busy.state, TaskState::Running(_)), "{busy}");
        assert_eq!(busy.in_state, ms(60));
    });
}

#[test]
fn a_task_that_blocks_in_place_is_blocked_and_runs_no_longer() {
    monitored(one_worker(3), |monitor| async move {
        let blocks = spawn_task!(name = "blocks", async {
            laneway::join!(spawn_task!(name = "blocked on", sleep(ms(50))));
            pending::<()>().await;
        });
        sleep(ms(20)).await;
        let (blocked, on) = (named(&monitor, "blocks"), named(&monitor, "blocked on"));
        assert!(matches!(blocked.state, TaskState::Blocked(_)), "{blocked}");
        assert_eq!(on.state, TaskState::Waiting);
        sleep(ms(40)).await;
        assert_eq!(named(&monitor, "blocks").state, TaskState::Waiting);
        drop(blocks);
    });
}

#[test]
fn the_last_to_wake_a_task_is_known() {
    monitored(one_worker(4), |monitor| async move {
        let gate = Gate::new();
        let waits = gate.clone();
        let _woken = spawn_task!(name = "woken", async move {
            sleep(ms(10)).await;
            yield_now().await;
            waits.wait().await;
            pending::<()>().await;
        });
        let woken = || named(&monitor, "woken");
        sleep(ms(5)).await;
        assert_eq!(woken().last_wake, None);
        sleep(ms(10)).await;
        // By the timer, and then by itself: it yielded.
        let wake = woken().last_wake.unwrap();
        assert_eq!((wake.by, wake.ago), (WokenBy::Poll(woken().id), ms(5)));

        let opens = gate.clone();
        let opener = spawn_task!(async move { opens.wake() });
        let by = opener.id();
        opener.await;
        sleep(ms(1)).await;
        assert_eq!(woken().last_wake.unwrap().by, WokenBy::Poll(by));
        // The simulated future is no task.
        gate.open();
        assert_eq!(woken().last_wake.unwrap().by, WokenBy::Outside);
    });
}

#[test]
fn a_sleeper_is_woken_by_the_timer() {
    monitored(one_worker(5), |monitor| async move {
        let _sleeper = spawn_task!(name = "sleeper", async {
            sleep(ms(10)).await;
            pending::<()>().await;
        });
        sleep(ms(4)).await;
        assert_eq!(named(&monitor, "sleeper").timer, Some(ms(6)));
        sleep(ms(10)).await;
        let sleeper = named(&monitor, "sleeper");
        assert_eq!(sleeper.timer, None);
        let wake = sleeper.last_wake.unwrap();
        assert_eq!((wake.by, wake.ago), (WokenBy::Timer, ms(4)));
    });
}

#[test]
fn only_what_nothing_is_known_to_wake_is_suspicious() {
    monitored(Sim::seed(6), |monitor| async move {
        let _sleeps = spawn_task!(name = "sleeps", sleep(ms(10_000)));
        let _forgotten = spawn_task!(name = "forgotten", pending::<()>());
        let _slept = spawn_task!(name = "slept", async {
            sleep(ms(500)).await;
            pending::<()>().await;
        });
        sleep(ms(1_000)).await;
        let names = |after| -> Vec<String> {
            let suspicious = monitor.suspicious(after);
            suspicious
                .into_iter()
                .filter_map(|task| task.name)
                .collect()
        };
        assert_eq!(names(ms(1_000)), ["forgotten"]);
        assert_eq!(names(ms(500)), ["forgotten", "slept"]);
        assert_eq!(names(ms(1_001)), [""; 0]);
    });
}

#[test]
fn cancelled_and_panicked_tasks_are_gone() {
    monitored(Sim::seed(7), |monitor| async move {
        let waits = spawn_task!(pending::<()>());
        let queued = spawn_task!(async {});
        let panics = spawn_task!(async { panic!("on purpose") });
        let _ = panics.fallible().await;
        drop(queued);
        sleep(ms(1)).await;
        assert_eq!(monitor.tasks().len(), 1);
        waits.cancel().await;
        assert_eq!(monitor.tasks(), []);
    });
}

#[test]
fn no_task_stays_in_the_list_whatever_the_schedule() {
    for seed in 0..300 {
        let monitor = Arc::new(Monitor::new());
        let sim = Sim::seed(seed).observer(monitor.clone());
        sim.run(async {
            let tasks = (0..20_u64).map(|n| {
                spawn_task!(async move {
                    let child = spawn_task!(yield_now(), Priority::High);
                    sleep(ms(n % 3)).await;
                    match n % 4 {
                        0 => drop(child),
                        1 => child.detach(),
                        2 => drop(laneway::join!(child)),
                        _ => child.await,
                    }
                })
            });
            let mut tasks: Vec<_> = tasks.collect();
            tasks.truncate(17);
            join_all(tasks);
        })
        .unwrap();
        assert_eq!(monitor.tasks(), [], "seed {seed}");
        for QueueTimes { wait, poll, .. } in monitor.queues() {
            assert_eq!(wait.count(), poll.count(), "seed {seed}");
        }
    }
}

#[test]
fn a_line_of_the_list_has_all_of_it_and_no_line_break() {
    monitored(one_worker(8), |monitor| async move {
        let line = line!() + 1;
        let task = spawn_task!(name = "two\nlines", async {
            sleep(ms(20)).await;
            pending::<()>().await;
        });
        sleep(ms(5_020)).await;
        let expected = format!(
            "{} \"two\\nlines\" spawned at {}:{line}:20: waiting for 5000 ms, 2 polls in 5020 ms, \
             woken 5000 ms ago by the timer",
            task.id(),
            file!(),
        );
        assert_eq!(monitor.tasks()[0].to_string(), expected);
    });
}

// The histograms.

#[test]
fn waits_and_polls_are_counted_under_the_queue_that_the_task_was_in() {
    let times = monitored(one_worker(9), |monitor| async move {
        // One after another on one worker: each waits for those before it.
        let tasks = (0..4).map(|_| spawn_task!(async { work(ms(8)) }));
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            task.await;
        }
        monitor.queues()
    });
    let (high, low) = (&times[HIGH], &times[LOW]);
    assert_eq!((high.queue.as_str(), low.queue.as_str()), ("high", "low"));
    assert_eq!((high.wait.count(), high.poll.count()), (0, 0));
    assert_eq!((low.wait.count(), low.poll.count()), (4, 4));
    assert_eq!((low.poll.max(), low.poll.sum()), (ms(8), ms(32)));
    // 0 + 8 + 16 + 24
    assert_eq!((low.wait.max(), low.wait.sum()), (ms(24), ms(48)));
    let p50 = low.wait.p50();
    assert!(p50 >= ms(8) && p50 <= ms(8) + ms(8) / 32, "{p50:?}");
}

#[test]
fn a_wait_begins_with_the_wake_up() {
    let times = monitored(one_worker(10), |monitor| async move {
        let gate = Gate::new();
        let waits = gate.clone();
        let waiter = spawn_task!(async move { waits.wait().await }, Priority::High);
        sleep(ms(100)).await;
        let busy = spawn_task!(async { work(ms(7)) });
        sleep(ms(2)).await;
        gate.open();
        waiter.await;
        busy.await;
        monitor.queues()
    });
    // Woken at 2 of the 7 ms in which the only worker was busy.
    assert_eq!(
        (times[HIGH].wait.count(), times[HIGH].wait.sum()),
        (2, ms(5))
    );
}

#[test]
fn all_workers_count_into_one() {
    const TASKS: u64 = 1_000;
    let monitor = Arc::new(Monitor::new());
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder.with_observer(monitor.clone()).build().unwrap();
    join_all((0..TASKS).map(|_| rt.spawn(yield_now(), Priority::Low)));
    assert!(rt.shutdown(Duration::from_secs(20)).is_clean());
    let low = &monitor.queues()[LOW];
    assert_eq!((low.wait.count(), low.poll.count()), (2 * TASKS, 2 * TASKS));
    assert_eq!(monitor.tasks(), []);
}

#[test]
fn on_threads_a_stuck_task_is_seen_running_and_those_behind_it_queued() {
    let monitor = Arc::new(Monitor::new());
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(monitor.clone()).build().unwrap();
    let (begun, (release, released)) = (Arc::new(Barrier::new(2)), channel::<()>());
    let begins = begun.clone();
    let stuck = rt.named("stuck").spawn(
        async move {
            begins.wait();
            released.recv().unwrap();
        },
        Priority::Low,
    );
    begun.wait();
    let behind = rt.named("behind").spawn(ready(()), Priority::Low);
    eventually("time passes", || named(&monitor, "stuck").in_state > ms(5));
    assert!(matches!(
        named(&monitor, "stuck").state,
        TaskState::Running(_)
    ));
    assert_eq!(named(&monitor, "behind").state, TaskState::Queued);
    release.send(()).unwrap();
    rt.block_on(async { (stuck.await, behind.await) });
    eventually("both are gone", || monitor.tasks().is_empty());
    assert!(monitor.queues()[LOW].poll.max() > ms(5));
}

#[test]
fn a_monitor_of_nothing_is_empty() {
    let monitor = Monitor::new();
    assert_eq!((monitor.tasks(), monitor.queues()), (vec![], vec![]));
    assert_eq!(Histogram::default().quantile(1.0), Duration::ZERO);
}

// Several observers.

/// Notes what it is told, and panics over it if it is to.
#[derive(Default)]
struct Witness {
    told: Mutex<Vec<&'static str>>,
    panics: bool,
}

impl Witness {
    fn note(&self, what: &'static str) {
        let mut told = self
            .told
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if !told.contains(&what) {
            told.push(what);
        }
        assert!(!self.panics, "a rude witness");
    }
}

impl Observer for Witness {
    fn on_start(&self, _: &RuntimeShape) {
        self.note("start");
    }

    fn on_event(&self, _: Event) {
        self.note("event");
    }

    fn on_named(&self, _: TaskId, _: &str) {
        self.note("name");
    }

    fn on_long_poll(&self, _: &LongPoll<'_>) {
        self.note("long poll");
    }

    fn on_lost_panic(&self, _: &LostPanic<'_>) {
        self.note("lost panic");
    }
}

#[test]
fn a_tee_tells_everything_to_all_even_behind_one_that_panics() {
    let rude = Arc::new(Witness {
        panics: true,
        ..Witness::default()
    });
    let calm = Arc::new(Witness::default());
    let tee = Tee::new().with(rude.clone()).with(calm.clone());
    let run = Sim::seed(11).observer(Arc::new(tee)).run(async {
        spawn_task!(name = "long", async { work(ms(20)) }).await;
        spawn_task!(async { panic!("lost") }).detach();
        sleep(ms(1)).await;
    });
    run.unwrap();
    for witness in [rude, calm] {
        let told = witness
            .told
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        assert_eq!(*told, ["start", "event", "name", "long poll", "lost panic"]);
    }
}
