//! The workloads, and what each of them asks.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::Bencher;
use futures_lite::future::yield_now;
use laneway::{Priority, Runtime, Task, spawn_task};

/// What is measured in every configuration.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// For the report.
    pub(crate) about: &'static str,
    pub(crate) measure: fn(&mut Bencher, &Runtime),
}

pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "spawn-storm-outside",
        about: "5,000 empty tasks, spawned and awaited by a thread outside the runtime",
        measure: spawn_storm_outside,
    },
    Workload {
        name: "spawn-storm-inside",
        about: "5,000 empty tasks, spawned and awaited by a task",
        measure: spawn_storm_inside,
    },
    Workload {
        name: "yields",
        about: "100 tasks that yield 100 times each",
        measure: yields,
    },
    Workload {
        name: "ping-pong",
        about: "200 tasks that each spawn another, send it a message and await its answer",
        measure: ping_pong,
    },
    Workload {
        name: "chained-spawn",
        about: "2,000 tasks, each spawned by the one before",
        measure: chained_spawn,
    },
    Workload {
        name: "spawn-and-wait",
        about: "one low task from outside, while every thread is idle",
        measure: spawn_and_wait,
    },
    Workload {
        name: "mixed-priorities",
        about: "2,500 high and 2,500 low tasks in turn, spawned from outside",
        measure: mixed_priorities,
    },
    Workload {
        name: "short-among-long",
        about: "one high task from outside, while 16 low ones compute for 200 µs in each poll",
        measure: short_among_long,
    },
];

/// 5,000 empty tasks, spawned and awaited by this thread.
fn spawn_storm_outside(bencher: &mut Bencher, runtime: &Runtime) {
    bencher.iter(|| {
        let tasks = (0..5_000).map(|_| runtime.spawn(async {}, Priority::Low));
        runtime.block_on(join(tasks.collect()));
    });
}

/// The same, by a task.
fn spawn_storm_inside(bencher: &mut Bencher, runtime: &Runtime) {
    run(bencher, runtime, || async {
        join((0..5_000).map(|_| spawn_task!(async {})).collect()).await;
    });
}

/// 100 tasks that yield 100 times each.
fn yields(bencher: &mut Bencher, runtime: &Runtime) {
    let yielding = || async {
        for _ in 0..100 {
            yield_now().await;
        }
    };
    run(bencher, runtime, move || async move {
        join((0..100).map(|_| spawn_task!(yielding())).collect()).await;
    });
}

/// 200 tasks that each spawn another, send it a message and await its answer.
fn ping_pong(bencher: &mut Bencher, runtime: &Runtime) {
    async fn ping() {
        let (ping, pinged) = async_channel::bounded::<()>(1);
        let (pong, ponged) = async_channel::bounded::<()>(1);
        let partner = spawn_task!(async move {
            pinged.recv().await.expect("a ping is sent");
            pong.send(())
                .await
                .expect("the first task waits for the pong");
        });
        ping.send(()).await.expect("the partner waits for the ping");
        ponged.recv().await.expect("a pong is sent");
        partner.await;
    }
    run(bencher, runtime, || async {
        join((0..200).map(|_| spawn_task!(ping())).collect()).await;
    });
}

/// 2,000 tasks, each spawned by the one before.
fn chained_spawn(bencher: &mut Bencher, runtime: &Runtime) {
    fn chain(done: async_channel::Sender<()>, links: usize) {
        if links == 0 {
            done.try_send(()).expect("the first task waits for the end");
        } else {
            spawn_task!(async move { chain(done, links - 1) }).detach();
        }
    }
    run(bencher, runtime, || async {
        let (done, ended) = async_channel::bounded(1);
        chain(done, 2_000);
        ended.recv().await.expect("the chain comes to its end");
    });
}

/// One task from outside, while every thread is idle.
fn spawn_and_wait(bencher: &mut Bencher, runtime: &Runtime) {
    bencher.iter(|| runtime.block_on(runtime.spawn(async {}, Priority::Low)));
}

/// 2,500 high and 2,500 low tasks in turn.
fn mixed_priorities(bencher: &mut Bencher, runtime: &Runtime) {
    let priority = |n| match n % 2 {
        0 => Priority::High,
        _ => Priority::Low,
    };
    bencher.iter(|| {
        let tasks = (0..5_000).map(|n| runtime.spawn(async {}, priority(n)));
        runtime.block_on(join(tasks.collect()));
    });
}

/// One high task from outside, while 16 low ones compute for 200 microseconds in each poll.
fn short_among_long(bencher: &mut Bencher, runtime: &Runtime) {
    let over = Arc::new(AtomicBool::new(false));
    let long = |over: Arc<AtomicBool>| async move {
        while !over.load(Ordering::Relaxed) {
            compute(Duration::from_micros(200));
            yield_now().await;
        }
    };
    let low = (0..16).map(|_| runtime.spawn(long(over.clone()), Priority::Low));
    let low: Vec<Task<()>> = low.collect();
    bencher.iter(|| runtime.block_on(runtime.spawn(async {}, Priority::High)));
    over.store(true, Ordering::Relaxed);
    runtime.block_on(join(low));
}

/// Measures a future that runs as a low task.
fn run<F>(bencher: &mut Bencher, runtime: &Runtime, future: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    bencher.iter(|| runtime.block_on(runtime.spawn(future(), Priority::Low)));
}

async fn join(tasks: Vec<Task<()>>) {
    for task in tasks {
        task.await;
    }
}

fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box(start);
    }
}
