//! Do high tasks start while every thread is inside a low poll, with nothing configured?

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use laneway::{BuildError, Priority, Runtime, Stealing, Task, sim::Sim, spawn_task, yield_now};

/// Longer than any machine takes to start a task.
const LONG: Duration = Duration::from_secs(20);

/// One high and one low thread, and what else there is by default.
fn small() -> laneway::Builder {
    Runtime::builder().with_high_num(1).with_low_num(1)
}

/// Low tasks that keep all threads of a [`small`] runtime in their polls until they are released.
struct Hogs {
    tasks: Vec<Task<()>>,
    release: Vec<mpsc::Sender<()>>,
}

impl Hogs {
    fn on(rt: &Runtime, threads: usize) -> Hogs {
        let (began, begun) = mpsc::channel();
        let mut hogs = Hogs {
            tasks: Vec::new(),
            release: Vec::new(),
        };
        for _ in 0..threads {
            let (release, released) = mpsc::channel();
            let began = began.clone();
            let hog = async move {
                began.send(()).unwrap();
                // Blocks the thread, and not by a call of this crate.
                let _ = released.recv();
            };
            hogs.tasks.push(rt.spawn(hog, Priority::Low));
            hogs.release.push(release);
        }
        (0..threads).for_each(|_| begun.recv_timeout(LONG).expect("the hogs run"));
        hogs
    }

    fn end(self, rt: &Runtime) {
        drop(self.release);
        self.tasks.into_iter().for_each(|task| rt.block_on(task));
    }
}

/// How many stand by for a single high thread by default: on two cores one for each.
fn default_standby() -> usize {
    match thread::available_parallelism().map_or(1, usize::from) {
        2 => 2,
        _ => 1,
    }
}

/// The polls of those that stand by in a [`small`] runtime: of all but the first and the last.
fn standby_polls(polls: &[u64]) -> u64 {
    polls[1..polls.len() - 1].iter().sum()
}

#[test]
fn a_high_task_from_outside_starts_at_once() {
    let rt = small().build().unwrap();
    let hogs = Hogs::on(&rt, 2);
    for n in 0..100 {
        let (sender, receiver) = mpsc::channel();
        rt.spawn(async move { sender.send(n).unwrap() }, Priority::High)
            .detach();
        assert_eq!(receiver.recv_timeout(LONG), Ok(n));
    }
    assert!(standby_polls(&polls(&rt)) > 0);
    hogs.end(&rt);
}

#[test]
fn a_high_task_that_is_woken_goes_on_at_once() {
    let rt = small().build().unwrap();
    let (question, questions) = async_channel::unbounded::<u32>();
    let (answer, answers) = mpsc::channel();
    let served = async move {
        while let Ok(n) = questions.recv().await {
            answer.send(n + 1).unwrap();
        }
    };
    let served = rt.spawn(served, Priority::High);
    let hogs = Hogs::on(&rt, 2);
    for n in 0..100 {
        question.send_blocking(n).unwrap();
        assert_eq!(answers.recv_timeout(LONG), Ok(n + 1));
    }
    drop(question);
    rt.block_on(served);
    hogs.end(&rt);
}

#[test]
fn a_low_poll_may_wait_for_a_high_task_that_it_has_spawned() {
    let rt = small().build().unwrap();
    let hogs = Hogs::on(&rt, 1);
    let asks = async {
        let (sender, receiver) = mpsc::channel();
        spawn_task!(async move { sender.send(7).unwrap() }, Priority::High).detach();
        receiver.recv_timeout(LONG)
    };
    assert_eq!(rt.block_on(rt.spawn(asks, Priority::Low)), Ok(7));
    hogs.end(&rt);
}

#[test]
fn as_many_high_tasks_run_at_once_as_there_are_standbys() {
    let rt = small().with_standby(3).build().unwrap();
    let hogs = Hogs::on(&rt, 2);
    let meet = Arc::new(std::sync::Barrier::new(3));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..3 {
        let (meet, sender) = (meet.clone(), sender.clone());
        let waits = async move {
            meet.wait();
            sender.send(()).unwrap();
        };
        rt.spawn(waits, Priority::High).detach();
    }
    (0..3).for_each(|_| receiver.recv_timeout(LONG).expect("all three run at once"));
    hogs.end(&rt);
}

#[test]
fn without_a_standby_a_high_task_waits_for_the_end_of_a_low_poll() {
    let rt = small().with_standby(0).build().unwrap();
    assert_eq!(rt.low_nice(), None);
    let hogs = Hogs::on(&rt, 2);
    let (sender, receiver) = mpsc::channel();
    rt.spawn(async move { sender.send(()).unwrap() }, Priority::High)
        .detach();
    assert!(receiver.recv_timeout(Duration::from_millis(30)).is_err());
    hogs.end(&rt);
    assert_eq!(receiver.recv_timeout(LONG), Ok(()));
}

/// How many polls each worker made for a thousand tasks of one priority.
fn polls_of(rt: &Runtime, priority: Priority) -> Vec<u64> {
    let task = || async {
        for _ in 0..20 {
            yield_now().await;
        }
    };
    let tasks: Vec<_> = (0..1_000).map(|_| rt.spawn(task(), priority)).collect();
    tasks.into_iter().for_each(|task| rt.block_on(task));
    polls(rt)
}

fn polls(rt: &Runtime) -> Vec<u64> {
    let workers = rt.metrics().workers.into_iter();
    workers.map(|worker| worker.polls).collect()
}

#[test]
fn it_stays_parked_while_there_are_only_low_tasks() {
    let rt = small().build().unwrap();
    assert_eq!(standby_polls(&polls_of(&rt, Priority::Low)), 0);
}

/// Waits until as many high tasks are inside their polls at once.
fn run_at_once(rt: &Runtime, tasks: usize) {
    let meet = Arc::new(std::sync::Barrier::new(tasks));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..tasks {
        let (meet, sender) = (meet.clone(), sender.clone());
        let waits = async move {
            meet.wait();
            sender.send(()).unwrap();
        };
        rt.spawn(waits, Priority::High).detach();
    }
    (0..tasks).for_each(|_| receiver.recv_timeout(LONG).expect("all run at once"));
}

#[test]
fn it_helps_where_the_high_threads_are_busy_with_high_tasks() {
    run_at_once(&small().build().unwrap(), 2);
}

#[test]
fn nice_low_threads_take_no_high_task_unless_they_are_told_to() {
    let rt = small().build().unwrap();
    let nice = rt.low_nice().is_some_and(|niceness| niceness > 0);
    let low_polls = (0..3).map(|_| *polls_of(&rt, Priority::High).last().unwrap());
    let low_polls = low_polls.max();
    assert!(
        !nice || low_polls == Some(0),
        "{low_polls:?} high tasks on a nice thread"
    );
    // The high thread, the standbys and the low one.
    let all = 2 + default_standby();
    run_at_once(&small().with_stealing(Stealing::Both).build().unwrap(), all);
    run_at_once(&small().with_low_nice(0).build().unwrap(), all);
}

#[test]
fn every_task_of_a_mixed_storm_runs_once() {
    let rt = small().with_standby(2).build().unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let task = |priority: Priority| {
            let ran = ran.clone();
            let other = match priority {
                Priority::High => Priority::Low,
                Priority::Low => Priority::High,
            };
            async move {
                let inner = ran.clone();
                let child =
                    spawn_task!(async move { inner.fetch_add(1, Ordering::Relaxed) }, other);
                yield_now().await;
                child.await;
                ran.fetch_add(1, Ordering::Relaxed);
            }
        };
        let tasks: Vec<_> = (0..500)
            .flat_map(|_| [Priority::High, Priority::Low])
            .map(|priority| rt.spawn(task(priority), priority))
            .collect();
        tasks.into_iter().for_each(|task| rt.block_on(task));
    }
    assert_eq!(ran.load(Ordering::Relaxed), 20 * 500 * 2 * 2);
}

#[test]
fn no_task_is_left_with_a_standby_that_is_not_needed_any_more() {
    // The high thread goes away for each low task, and never has nothing to do.
    let rt = small().with_low_num(0).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let polls: Vec<_> = (0..3).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let flood = polls.iter().map(|polls| {
        let (polls, stop) = (polls.clone(), stop.clone());
        let endless = async move {
            while !stop.load(Ordering::Relaxed) {
                polls.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        };
        rt.spawn(endless, Priority::High)
    });
    let flood: Vec<_> = flood.collect();
    (0..200).for_each(|_| rt.block_on(rt.spawn(yield_now(), Priority::Low)));
    for polls in polls {
        let (before, start) = (polls.load(Ordering::Relaxed), Instant::now());
        while polls.load(Ordering::Relaxed) < before + 100 {
            assert!(start.elapsed() < LONG, "a high task is left behind");
            thread::yield_now();
        }
    }
    stop.store(true, Ordering::Relaxed);
    flood.into_iter().for_each(|task| rt.block_on(task));
}

#[test]
fn no_schedule_leaves_a_task_behind() {
    for seed in 0..300 {
        let run = Sim::seed(seed).high(1).low(1).standby(1).run(async {
            let task = |n: u64| async move {
                for _ in 0..n % 3 {
                    yield_now().await;
                }
                n
            };
            let priority = |n: u64| match n % 2 {
                0 => Priority::High,
                _ => Priority::Low,
            };
            let tasks: Vec<_> = (0..20).map(|n| spawn_task!(task(n), priority(n))).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        });
        assert_eq!(run.unwrap().output, 190);
    }
}

#[test]
fn by_default_there_is_one_where_high_threads_take_low_tasks_or_one_for_each_of_two_cores() {
    let beside_one = default_standby();
    let count = |builder: laneway::Builder| builder.build().unwrap().metrics().workers.len();
    assert_eq!(count(small()), 2 + beside_one);
    assert_eq!(count(small().with_high_num(2)), 2 + 2);
    let high_from_low = small().with_stealing(Stealing::HighFromLow);
    assert_eq!(count(high_from_low), 2 + beside_one);
    assert_eq!(count(small().with_stealing(Stealing::LowFromHigh)), 2);
    assert_eq!(count(small().with_stealing(Stealing::None)), 2);
    assert_eq!(count(small().with_high_num(0)), 1);
    assert_eq!(count(small().with_low_num(0)), 1 + beside_one);
    assert_eq!(count(small().with_reserved_high(1)), 2);
    assert_eq!(count(small().with_standby(4)), 6);
    assert_eq!(
        count(small().latency_first().with_high_num(1).with_low_num(1)),
        2
    );
}

#[test]
fn low_threads_are_nice_where_there_is_one() {
    let nice = |builder: laneway::Builder| builder.build().unwrap().low_nice();
    let on_linux = |niceness| cfg!(target_os = "linux").then_some(niceness);
    assert_eq!(nice(small()), on_linux(19));
    assert_eq!(nice(small().with_low_nice(0)), on_linux(0));
    assert_eq!(nice(small().with_standby(0)), None);
    assert_eq!(nice(small().with_standby(0).with_low_nice(5)), on_linux(5));
    assert_eq!(nice(small().with_stealing(Stealing::LowFromHigh)), None);
}

#[test]
fn a_standby_for_no_thread_is_refused() {
    let refused = |builder: laneway::Builder| builder.with_standby(1).build().unwrap_err();
    for error in [
        refused(small().with_high_num(0)),
        refused(small().with_reserved_high(1)),
        refused(small().with_stealing(Stealing::None)),
        refused(small().with_stealing(Stealing::LowFromHigh)),
    ] {
        assert!(matches!(error, BuildError::StandbyForNone));
        assert!(
            error.to_string().contains("leave out with_standby"),
            "{error}"
        );
    }
    let error = small().with_standby(usize::MAX).build().unwrap_err();
    assert!(matches!(error, BuildError::TooManyThreads { .. }));
}
