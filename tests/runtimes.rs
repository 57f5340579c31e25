//! Do many runtimes live beside each other, and leave nothing behind?

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use laneway::{Builder, Priority, Runtime, Stealing, Task, join_all, spawn_task, try_join_all};

mod common;
use common::{DropCounter, Gate, eventually};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn fifty_runtimes_live_at_once_and_end_in_any_order() {
    let live = DropCounter::new();
    let threads: Vec<_> = (0..5)
        .map(|t| {
            let live = live.clone();
            thread::spawn(move || {
                let mut runtimes: Vec<Runtime> = (0..10)
                    .map(|n| small(&format!("rts50-{t}{n}")).build().unwrap())
                    .collect();
                let tasks = runtimes.iter().zip(0..10).flat_map(|(rt, n)| {
                    let live = live.clone();
                    (0..100).map(move |_| {
                        let token = live.token();
                        let task = async move {
                            let _token = token;
                            (n, thread::current().name().unwrap().to_owned())
                        };
                        rt.spawn(task, [Priority::High, Priority::Low][n % 2])
                    })
                });
                for (n, name) in join_all(tasks) {
                    assert!(
                        name.starts_with(&format!("rts50-{t}{n}-")),
                        "{n} ran on {name}"
                    );
                }
                for rt in &runtimes {
                    let queues = rt.metrics().queues;
                    let completed: u64 = queues.iter().map(|queue| queue.completed).sum();
                    assert_eq!(completed, 100, "{queues:?}");
                }
                // One after another, from the middle.
                while !runtimes.is_empty() {
                    drop(runtimes.swap_remove(runtimes.len() / 2));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(live.count(), 5 * 10 * 100);
    assert_gone("rts50-");
}

#[test]
fn a_task_inside_spawns_on_its_own_runtime() {
    let (one, two) = (
        small("inner1").build().unwrap(),
        small("inner2").build().unwrap(),
    );
    let child = |rt: &Runtime| {
        let parent = rt.spawn(
            async { spawn_task!(async { thread_name() }).await },
            Priority::High,
        );
        rt.block_on(parent)
    };
    for _ in 0..100 {
        assert!(child(&one).starts_with("inner1-"));
        assert!(child(&two).starts_with("inner2-"));
    }
    // One `block_on` inside the other: the inner one counts, and afterwards the outer one again.
    one.block_on(async {
        assert!(
            spawn_task!(async { thread_name() })
                .await
                .starts_with("inner1-")
        );
        two.block_on(async {
            assert!(
                spawn_task!(async { thread_name() })
                    .await
                    .starts_with("inner2-")
            );
        });
        assert!(
            spawn_task!(async { thread_name() })
                .await
                .starts_with("inner1-")
        );
    });
}

#[test]
fn tasks_await_tasks_of_other_runtimes() {
    const LENGTH: u32 = 1_000;
    let runtimes: Arc<[Runtime]> = (0..4)
        .map(|n| small(&format!("chain{n}")).build().unwrap())
        .collect();
    // Each task awaits the one before, which lives on another runtime.
    let mut last: Task<u32> = runtimes[0].spawn(async { 0 }, Priority::Low);
    for n in 1..=LENGTH {
        let before = last;
        let priority = [Priority::Low, Priority::High][n as usize % 2];
        last = runtimes[n as usize % 4].spawn(async move { before.await + 1 }, priority);
    }
    assert_eq!(laneway::block_on(last), LENGTH);
    for rt in &*runtimes {
        let queues = rt.metrics().queues;
        assert_eq!(
            queues.iter().map(|queue| queue.live()).sum::<u64>(),
            0,
            "{queues:?}"
        );
    }
}

#[test]
fn tasks_spawn_across_runtimes_from_their_workers() {
    let runtimes: Arc<[Runtime]> = (0..3)
        .map(|n| small(&format!("across{n}")).build().unwrap())
        .collect();
    let (here, elsewhere) = (runtimes.clone(), Arc::new(AtomicUsize::new(0)));
    let counter = elsewhere.clone();
    // Awaited from outside, so that the last reference to the runtimes is not a task's.
    let parent = runtimes[0].spawn(
        async move {
            for round in 0..300 {
                let target = 1 + round % 2;
                let name = spawn_task!(async { thread_name() }, Priority::Low, here[target]).await;
                assert!(name.starts_with(&format!("across{target}-")), "{name}");
                counter.fetch_add(1, Ordering::Relaxed);
            }
            // Back at home after each of them.
            thread_name()
        },
        Priority::High,
    );
    let name = runtimes[0].block_on(parent);
    assert!(name.starts_with("across0-"), "{name}");
    assert_eq!(elsewhere.load(Ordering::Relaxed), 300);
    let spawned = |n: usize| runtimes[n].metrics().queues[1].spawned;
    assert_eq!((spawned(0), spawned(1), spawned(2)), (0, 150, 150));
}

#[test]
fn a_wake_up_from_another_runtimes_worker_brings_a_task_home() {
    let (home, other) = (
        small("wakehome").build().unwrap(),
        small("wakeaway").build().unwrap(),
    );
    for priority in [Priority::High, Priority::Low] {
        for _ in 0..200 {
            let gate = Gate::new();
            let future = gate.wait();
            let waiting = home.spawn(
                async move {
                    future.await;
                    thread_name()
                },
                priority,
            );
            let opener = gate.clone();
            other
                .spawn(async move { opener.open() }, Priority::Low)
                .detach();
            let name = home.block_on(waiting);
            assert!(name.starts_with("wakehome-"), "{name}");
            gate.assert_treated_well();
        }
    }
}

#[test]
fn a_runtime_is_built_and_dropped_inside_a_task_of_another() {
    let outer = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .with_thread_name("outer")
        .build()
        .unwrap();
    let cancelled = DropCounter::new();
    let token = cancelled.token();
    let parent = outer.spawn(
        async move {
            let inner = small("inmost").build().unwrap();
            let token = token;
            let waiting = inner.spawn(
                async move {
                    let _token = token;
                    std::future::pending::<()>().await;
                },
                Priority::Low,
            );
            let worked = inner.spawn(async { thread_name() }, Priority::High).await;
            // Another task of the outer runtime's only worker goes on while this one blocks.
            let sibling = spawn_task!(async { thread_name() });
            drop(inner);
            assert!(waiting.is_finished());
            (
                worked,
                sibling.await,
                waiting.fallible().await.unwrap_err().is_cancelled(),
            )
        },
        Priority::Low,
    );
    let (worked, sibling, is_cancelled) = outer.block_on(parent);
    assert!(worked.starts_with("inmost-"), "{worked}");
    assert!(sibling.starts_with("outer-"), "{sibling}");
    assert!(is_cancelled);
    assert_eq!(cancelled.count(), 1);
    assert_gone("inmost");
}

#[test]
fn a_runtime_is_dropped_by_one_of_its_own_tasks() {
    for round in 0..50 {
        let rt = small("suicide").build().unwrap();
        let (give, take) = mpsc::channel::<Runtime>();
        let (dropped, wait) = mpsc::channel();
        let others: Vec<Task<()>> = (0..10)
            .map(|_| rt.spawn(std::future::pending(), Priority::High))
            .collect();
        rt.spawn(
            async move {
                drop(take.recv_timeout(DEADLINE).unwrap());
                dropped.send(()).unwrap();
            },
            [Priority::High, Priority::Low][round % 2],
        )
        .detach();
        give.send(rt).unwrap();
        wait.recv_timeout(DEADLINE).expect("the drop returns");
        assert!(others.iter().all(Task::is_finished));
    }
    // The thread that ran the last task ends after it.
    eventually("the threads are gone", || {
        threads_named("suicide").is_empty()
    });
}

#[test]
fn two_runtimes_whose_tasks_wait_for_each_other_end() {
    let (one, two) = (
        small("knot1").build().unwrap(),
        small("knot2").build().unwrap(),
    );
    let drops = DropCounter::new();
    // Each task holds the handle of the other runtime's task; neither ends by itself.
    let (to_one, from_two) = (drops.token(), drops.token());
    let (a_gate, b_gate) = (Gate::new(), Gate::new());
    let (a_waits, b_waits) = (a_gate.wait(), b_gate.wait());
    let a = one.spawn(
        async move {
            let _token = to_one;
            a_waits.await;
        },
        Priority::Low,
    );
    let b = two.spawn(
        async move {
            let _token = from_two;
            b_waits.await;
            a.await;
        },
        Priority::Low,
    );
    a_gate.eventually_polled(1);
    b_gate.eventually_polled(1);
    drop(one);
    drop(two);
    assert_eq!(drops.count(), 2);
    assert!(b.is_finished());
    a_gate.assert_treated_well();
    b_gate.assert_treated_well();
}

#[test]
fn runtimes_whose_tasks_drop_each_other_in_a_circle_end() {
    let endings = [
        (2, Ends::Drop),
        (3, Ends::Drop),
        (2, Ends::FirstShutsDown),
        (2, Ends::ShutDown),
        (3, Ends::ShutDown),
    ];
    for (count, ends) in endings {
        let drops = DropCounter::new();
        let runtimes: Vec<Runtime> = (0..count)
            .map(|n| small(&format!("circle{n}")).build().unwrap())
            .collect();
        let handles: Vec<_> = runtimes.iter().map(Runtime::handle).collect();
        let all_poll = Arc::new(Barrier::new(count));
        let tasks: Vec<_> = runtimes
            .into_iter()
            .enumerate()
            .map(|(n, rt)| {
                // The task of the runtime before it has it.
                let (token, all_poll) = (drops.token(), all_poll.clone());
                let ends_it = async move {
                    let _token = token;
                    all_poll.wait();
                    match ends {
                        Ends::FirstShutsDown if n == 0 => {
                            rt.shutdown(Duration::from_millis(20));
                        }
                        Ends::ShutDown => {
                            rt.shutdown(Duration::MAX);
                        }
                        Ends::Drop | Ends::FirstShutsDown => {}
                    }
                    drop(rt);
                };
                handles[(n + 1) % count].spawn(ends_it, Priority::Low)
            })
            .collect();
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            let _ = done.send(try_join_all(tasks));
        });
        // Each was in its last poll, and so it completes.
        let ended = ended.recv_timeout(DEADLINE).expect("they end");
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        assert_eq!(drops.count(), count);
        for handle in handles {
            assert!(handle.is_shut_down());
            eventually("no task is left", || {
                handle
                    .metrics()
                    .queues
                    .iter()
                    .all(|queue| queue.live() == 0)
            });
        }
    }
}

/// How a task ends the runtime that it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Drop,
    /// The first shuts its own down and the others are dropped.
    FirstShutsDown,
    /// It waits without a deadline.
    ShutDown,
}

#[test]
fn a_task_outlives_its_runtimes_neighbours() {
    // Wakers of a runtime that is gone are harmless, wherever they are used.
    let other = small("late").build().unwrap();
    let gate = Gate::new();
    let rt = small("early").build().unwrap();
    let waiting = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    drop(rt);
    let late = gate.clone();
    other.block_on(other.spawn(async move { late.open() }, Priority::High));
    gate.wake();
    assert!(waiting.is_finished());
    gate.assert_treated_well();
}

#[cfg(target_os = "linux")]
#[test]
fn threads_are_there_when_build_returns_and_gone_when_drop_does() {
    for _ in 0..20 {
        let rt = Runtime::builder()
            .with_high_num(3)
            .with_low_num(2)
            .with_queue("disk", 2, &["low"])
            .with_thread_name("gone")
            .build()
            .unwrap();
        // A thread takes its name itself, as the first thing it does.
        let expected: BTreeSet<String> = [
            "gone-high-0",
            "gone-high-1",
            "gone-high-2",
            "gone-standby-0",
            "gone-low-0",
            "gone-low-1",
            "gone-disk-0",
            "gone-disk-1",
            "gone-watchdog",
        ]
        .map(str::to_owned)
        .into();
        eventually("all have their names", || {
            threads_named("gone-") == expected
        });
        drop(rt);
        assert_gone("gone-");
    }
}

#[test]
fn a_thousand_runtimes_one_after_another_leave_nothing() {
    let drops = DropCounter::new();
    for n in 0..1_000_usize {
        let rt = small("thousand").build().unwrap();
        let ended = drops.token();
        let ending = rt.spawn(async move { drop(ended) }, Priority::Low);
        // One that is cut off wherever it happens to be by then.
        let (waits, detached) = (drops.token(), drops.token());
        rt.spawn(
            async move {
                let _token = waits;
                std::future::pending::<()>().await;
            },
            Priority::High,
        )
        .detach();
        if n % 2 == 0 {
            rt.block_on(ending);
        } else {
            ending.detach();
        }
        rt.spawn(async move { drop(detached) }, Priority::Low)
            .detach();
        drop(rt);
        assert_eq!(drops.count(), 3 * (n + 1));
    }
    assert_gone("thousand");
}

fn small(name: &str) -> Builder {
    Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::Both)
        .with_thread_name(name)
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A thread that has been joined is listed by the system for a moment longer.
#[track_caller]
fn assert_gone(prefix: &str) {
    eventually("the threads are gone", || threads_named(prefix).is_empty());
}

/// The threads of this process whose names begin so. Names are cut off after 15 bytes by the
/// system, and only Linux tells them: elsewhere there seem to be none.
fn threads_named(prefix: &str) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir("/proc/self/task") else {
        return BTreeSet::new();
    };
    // A thread may end while the list is read.
    let name = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("comm")).ok();
    entries
        .filter_map(|entry| name(entry.ok()?))
        .map(|name| name.trim_end().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect()
}
