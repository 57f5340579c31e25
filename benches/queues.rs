//! Queue configurations against each other: `cargo bench --bench queues`.
//!
//! Two tables, of configurations and of workloads, and every pair of them is measured. A part is
//! chosen by name: `cargo bench --bench queues -- ping-pong`, or `-- /one-queue`. Criterion keeps
//! the results and prints the change against the run before.
//!
//! The questions behind the configurations: what a second thread per queue brings where there are
//! few cores; what stealing costs while only one queue is in use, and what a short task waits for
//! without it; what local queues are worth to tasks that deal with each other; what a reserved
//! thread costs; what naps cost against parking; and what two queues cost that one would not.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_lite::future::yield_now;
use laneway::{Builder, Idle, Priority, Runtime, Stealing, Task, spawn_task};

/// A name, and what it changes about the defaults.
type Configuration = (&'static str, fn(Builder) -> Builder);

/// A name, and what is measured.
type Workload = (&'static str, fn(&mut Bencher, &Runtime));

const CONFIGURATIONS: &[Configuration] = &[
    ("1+1", |b| threads(b, 1, 1)),
    ("2+1", |b| threads(b, 2, 1)),
    ("1+2", |b| threads(b, 1, 2)),
    ("4+4", |b| threads(b, 4, 4)),
    ("1+1/high-from-low", |b| {
        threads(b, 1, 1).with_stealing(Stealing::HighFromLow)
    }),
    ("1+1/low-from-high", |b| {
        threads(b, 1, 1).with_stealing(Stealing::LowFromHigh)
    }),
    ("1+1/no-stealing", |b| {
        threads(b, 1, 1).with_stealing(Stealing::None)
    }),
    ("2+1/one-reserved", |b| {
        threads(b, 2, 1).with_reserved_high(1)
    }),
    ("1+1/no-local-queues", |b| {
        threads(b, 1, 1).with_local_queues(false)
    }),
    ("1+1/naps", |b| {
        threads(b, 1, 1).with_idle(Idle::Nap(Duration::from_millis(1)))
    }),
    // All threads at home in one queue; what high tasks there are, they take besides.
    ("one-queue", |b| threads(b, 0, 2)),
    ("one-queue/no-local-queues", |b| {
        threads(b, 0, 2).with_local_queues(false)
    }),
];

const WORKLOADS: &[Workload] = &[
    ("spawn-storm-outside", spawn_storm_outside),
    ("spawn-storm-inside", spawn_storm_inside),
    ("yields", yields),
    ("ping-pong", ping_pong),
    ("chained-spawn", chained_spawn),
    ("spawn-and-wait", spawn_and_wait),
    ("mixed-priorities", mixed_priorities),
    ("short-among-long", short_among_long),
];

fn threads(builder: Builder, high: usize, low: usize) -> Builder {
    builder.with_high_num(high).with_low_num(low)
}

/// Measures every workload in every configuration.
fn queues(criterion: &mut Criterion) {
    for (workload, measure) in WORKLOADS {
        let mut group = criterion.benchmark_group(*workload);
        for (name, configure) in CONFIGURATIONS {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                let runtime = configure(Runtime::builder()).build();
                measure(bencher, &runtime.expect("the threads start"));
            });
        }
        group.finish();
    }
}

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
            pong.send(()).await.expect("somebody waits for the pong");
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
            done.try_send(()).expect("somebody waits for the end");
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

/// One task from outside, while everybody is idle.
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

criterion_group! {
    name = benches;
    // 96 pairs in some four minutes.
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500));
    targets = queues
}
criterion_main!(benches);
