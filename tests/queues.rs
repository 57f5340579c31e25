//! Are further queues queues like the first two?

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use futures_lite::future::yield_now;
use laneway::sim::Sim;
use laneway::{
    Priority, QueueId, Runtime, Stealing, Task, join, join_all, spawn_task, try_join_all,
};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// The example that further queues were made for.
fn network_and_cpu() -> Runtime {
    Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_standby(1)
        .with_queue("network", 1, &[])
        .with_queue("cpu", 5, &[])
        .build()
        .unwrap()
}

#[test]
fn a_network_queue_of_one_thread_beside_a_cpu_queue_of_five() {
    let rt = network_and_cpu();
    assert_eq!(rt.metrics().workers.len(), 9);

    // Five tasks that wait for each other in their polls take five threads.
    let five = Arc::new(Barrier::new(5));
    let together: Vec<Task<String>> = (0..5)
        .map(|_| {
            let five = five.clone();
            let meet = async move {
                five.wait();
                thread_name()
            };
            rt.spawn(meet, "cpu")
        })
        .collect();
    let mut cpu_threads = join_all(together);
    cpu_threads.sort_unstable();
    assert_eq!(
        cpu_threads,
        [0, 1, 2, 3, 4].map(|n| format!("laneway-cpu-{n}"))
    );

    // And all of one kind run on the one thread of theirs, each once; the order
    // is nobody's promise.
    let (ran, order) = mpsc::channel();
    let network = (0..1_000).map(|n| {
        let ran = ran.clone();
        let task = async move {
            ran.send(n).unwrap();
            thread_name()
        };
        rt.spawn(task, "network")
    });
    assert_eq!(
        counted(join_all(network)),
        [("laneway-network-0".to_owned(), 1_000)].into()
    );
    let mut each: Vec<usize> = order.try_iter().collect();
    each.sort_unstable();
    assert_eq!(each, (0..1_000).collect::<Vec<_>>());

    let queues = rt.metrics().queues;
    let of = |name: &str| queues.iter().find(|queue| queue.name == name).unwrap();
    assert_eq!((of("network").completed, of("network").stolen), (1_000, 0));
    assert_eq!((of("cpu").completed, of("cpu").stolen), (5, 0));
    assert_eq!((of("high").spawned, of("low").spawned), (0, 0));
}

#[test]
fn a_network_thread_in_a_long_poll_is_helped_by_nobody() {
    let rt = network_and_cpu();
    let (started, wait) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let long = rt.spawn(
        async move {
            started.send(()).unwrap();
            released.recv_timeout(DEADLINE).unwrap();
        },
        "network",
    );
    wait.recv_timeout(DEADLINE).unwrap();
    let waiting: Vec<Task<String>> = (0..10)
        .map(|_| rt.spawn(async { thread_name() }, "network"))
        .collect();
    // Everybody else works and looks around meanwhile.
    for queue in ["high", "low", "cpu"] {
        for _ in 0..100 {
            rt.block_on(rt.spawn(async {}, queue));
        }
    }
    assert!(waiting.iter().all(|task| !task.is_finished()));
    release.send(()).unwrap();
    rt.block_on(long);
    assert_eq!(
        counted(join_all(waiting)),
        [("laneway-network-0".to_owned(), 10)].into()
    );
}

#[test]
#[expect(
    clippy::async_yields_async,
    reason = "the tasks are handed out to be joined together"
)]
fn a_queue_is_named_by_name_by_id_and_by_priority() {
    let rt = network_and_cpu();
    let network = rt.queue("network").unwrap();
    assert_eq!((network.index(), rt.queue("cpu").unwrap().index()), (2, 3));
    assert_eq!(rt.queue("high"), Some(QueueId::HIGH));
    assert_eq!(rt.queue("low"), Some(QueueId::LOW));
    assert_eq!(rt.queue("Network"), None);

    let owned = String::from("network");
    let tasks = [
        rt.spawn(async { thread_name() }, "network"),
        rt.spawn(async { thread_name() }, &owned),
        rt.spawn(async { thread_name() }, network),
        rt.spawn(async { thread_name() }, network),
        rt.try_spawn(async { thread_name() }, "network").unwrap(),
        spawn_task!(async { thread_name() }, "network", rt),
        spawn_task!(async { thread_name() }, network, &rt),
        rt.block_on(async { spawn_task!(async { thread_name() }, "network") }),
        rt.block_on(rt.spawn(
            async { spawn_task!(async { thread_name() }, "network") },
            Priority::High,
        )),
    ];
    // A task of a further queue counts as low.
    assert!(tasks.iter().all(|task| task.priority() == Priority::Low));
    assert_eq!(
        counted(join_all(tasks)),
        [("laneway-network-0".to_owned(), 9)].into()
    );
    assert_eq!(rt.metrics().queues[network.index()].spawned, 9);
}

#[test]
fn an_unknown_name_panics_and_says_which_there_are() {
    let rt = network_and_cpu();
    let message = panic_message(|| drop(rt.spawn(async {}, "netwrok")));
    for part in ["netwrok", "high", "low", "network", "cpu", file!()] {
        assert!(message.contains(part), "{part:?} is missing in {message:?}");
    }
    // Inside of a task it is that task's panic.
    let inside = rt.spawn(
        async { spawn_task!(async {}, "cpuu").detach() },
        Priority::Low,
    );
    let error = try_join_all([inside]).remove(0).unwrap_err();
    assert!(error.to_string().contains("cpuu"), "{error}");

    // Another runtime's queue may not exist here.
    let plain = Runtime::builder().build().unwrap();
    let foreign = rt.queue("cpu").unwrap();
    let message = panic_message(|| drop(plain.spawn(async {}, foreign)));
    assert!(message.contains("number 3"), "{message:?}");
    // Nothing was counted.
    assert_eq!(
        plain
            .metrics()
            .queues
            .iter()
            .map(|queue| queue.spawned)
            .sum::<u64>(),
        0
    );
}

#[test]
fn try_spawn_gives_the_future_back() {
    let rt = network_and_cpu();
    let precious = Arc::new(());
    let kept = precious.clone();
    let error = rt
        .try_spawn(async move { Arc::strong_count(&kept) }, "printer")
        .unwrap_err();
    assert!(!error.is_shut_down());
    assert!(error.to_string().contains("\"printer\""), "{error}");
    assert!(format!("{error:?}").contains("printer"), "{error:?}");
    assert_eq!(laneway::block_on(error.into_future()), 2);
    assert_eq!(Arc::strong_count(&precious), 1);

    assert!(rt.shutdown(DEADLINE).is_clean());
    let error = rt.try_spawn(async { "late" }, "network").unwrap_err();
    assert!(error.is_shut_down());
    assert_eq!(laneway::block_on(error.into_future()), "late");
}

#[test]
fn a_further_queue_may_steal_from_low() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .with_queue("batch", 1, &["low"])
        .build()
        .unwrap();
    // Two low polls at once: the second one is in the hands of the thief.
    let both = Arc::new(Barrier::new(2));
    let meet = || {
        let both = both.clone();
        async move {
            both.wait();
            thread_name()
        }
    };
    let (a, b) = (
        rt.spawn(meet(), Priority::Low),
        rt.spawn(meet(), Priority::Low),
    );
    let mut names = join!(a, b);
    names.sort_unstable();
    assert_eq!(names, ["laneway-batch-0", "laneway-low-0"]);
    // It does not work the other way round, nor for high tasks.
    join_all((0..500).map(|_| rt.spawn(async {}, "batch")));
    join_all((0..500).map(|_| rt.spawn(async {}, Priority::High)));
    let metrics = rt.metrics();
    assert_eq!((metrics.queues[0].stolen, metrics.queues[2].stolen), (0, 0));
    assert_eq!(
        (metrics.workers[0].polls, metrics.workers[0].stolen),
        (500, 0)
    );
    assert_eq!(metrics.workers[1].stolen, 0);
}

/// In simulated time, where the watchdog finds no long poll that it would take a task from.
#[test]
fn a_further_queue_that_steals_from_high_runs_its_high_tasks_first() {
    for seed in 0..100 {
        let sim = Sim::seed(seed).high(0).low(1).stealing(Stealing::None);
        let (ran, order) = mpsc::channel();
        // Spawned by a stolen high task: its children stay with it and go before what comes home.
        let parent = async move {
            let note = |kind| {
                let ran = ran.clone();
                async move { ran.send(kind).unwrap() }
            };
            let home: Vec<_> = (0..5)
                .map(|_| spawn_task!(note("helper"), "helper"))
                .collect();
            let high = (0..5).map(|_| spawn_task!(note("high"), Priority::High));
            high.chain(home).collect::<Vec<_>>()
        };
        let run = sim.queue("helper", 1, &["high"]).run(async move {
            let children = spawn_task!(parent, Priority::High).await;
            for child in children {
                child.await;
            }
        });
        run.unwrap();
        let order: Vec<&str> = order.try_iter().collect();
        assert_eq!(order, [["high"; 5], ["helper"; 5]].concat(), "seed {seed}");
    }
}

#[test]
fn a_queue_without_threads_is_served_by_another_further_queue_within_64_polls() {
    for local_queues in [true, false] {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(1)
            .with_queue("spool", 0, &[])
            .with_queue("printer", 1, &["spool"])
            .with_local_queues(local_queues)
            .build()
            .unwrap();
        let name = rt.block_on(rt.spawn(async { thread_name() }, "spool"));
        assert_eq!(name, "laneway-printer-0");

        // Its own tasks never rest, and still the other queue has its turn.
        let polls = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let flood = (polls.clone(), stop.clone());
        let flood = rt.spawn(
            async move {
                while !flood.1.load(Ordering::Relaxed) {
                    flood.0.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            },
            "printer",
        );
        let spawner = async move {
            for _ in 0..20 {
                let seen = polls.clone();
                let task = spawn_task!(async move { seen.load(Ordering::Relaxed) }, "spool");
                let spawned = polls.load(Ordering::Relaxed);
                while !task.is_finished() {
                    let waited = polls.fetch_add(1, Ordering::Relaxed) - spawned;
                    assert!(waited < 100_000, "the queue without threads starves");
                    yield_now().await;
                }
                let waited = task.await - spawned;
                assert!(waited <= 64, "waited {waited} polls");
            }
            stop.store(true, Ordering::Relaxed);
        };
        join!(rt.spawn(spawner, "printer"), flood);
    }
}

#[test]
fn two_queues_without_threads_both_have_their_turn() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(0)
        .with_queue("all", 1, &["high", "low"])
        .build()
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let flood = rt.spawn(
        async move {
            let mut polls = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                polls += 1;
                assert!(polls < 50_000_000, "a queue starves");
                yield_now().await;
            }
        },
        "all",
    );
    for n in 0..50 {
        let (a, b) = (
            rt.spawn(async move { n }, Priority::High),
            rt.spawn(async move { n + 1 }, Priority::Low),
        );
        assert_eq!(join!(a, b), [n, n + 1]);
    }
    stop.store(true, Ordering::Relaxed);
    rt.block_on(flood);
}

#[test]
fn a_queue_may_be_stolen_from_in_a_circle() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .with_stealing(Stealing::Both)
        .with_queue("a", 1, &["b"])
        .with_queue("b", 1, &["a", "a", "b"])
        .build()
        .unwrap();
    // Three polls at once of a queue of one thread would be one too many, two are not.
    let both = Arc::new(Barrier::new(2));
    for queue in ["a", "b"] {
        let tasks = [both.clone(), both.clone()].map(|both| {
            let meet = async move {
                both.wait();
            };
            rt.spawn(meet, queue)
        });
        join_all(tasks);
    }
    let tasks = (0..2_000).map(|n| rt.spawn(async move { n }, ["a", "b"][n % 2]));
    assert_eq!(join_all(tasks), (0..2_000).collect::<Vec<_>>());
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn counted(names: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn panic_message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    *payload.downcast::<String>().expect("a formatted message")
}
