//! How many steps a simulation takes in a second: `cargo bench --bench simulator`.
//!
//! A step is one poll, or one look for work that found none. Criterion prints them as elements
//! per second. The questions: what a step costs when nothing else happens, what a whole small
//! run costs with its threads, and what it costs when tasks block and threads take turns.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use laneway::sim::Sim;
use laneway::{join, spawn_task, yield_now};

/// 100 tasks that each yield 1,000 times.
async fn yields() {
    let tasks = (0..100).map(|_| {
        spawn_task!(async {
            for _ in 0..1_000 {
                yield_now().await;
            }
        })
    });
    laneway::join_all(tasks);
}

/// What a test would explore: ten tasks, some messages.
async fn small() {
    let (sender, receiver) = async_channel::bounded(2);
    let senders = (0..9).map(|n| {
        let sender = sender.clone();
        spawn_task!(async move { sender.send(n).await.is_ok() })
    });
    let senders: Vec<_> = senders.collect();
    drop(sender);
    let sum = spawn_task!(async move {
        let mut sum = 0;
        while let Ok(n) = receiver.recv().await {
            sum += n;
        }
        sum
    });
    for sender in senders {
        assert!(sender.await);
    }
    assert_eq!(sum.await, 36);
}

/// 100 tasks that each block on another.
async fn joins() {
    let tasks = (0..100).map(|n| spawn_task!(async move { join!(spawn_task!(async move { n })) }));
    black_box(laneway::join_all(tasks));
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("steps");
    let sim = Sim::seed(1).high(2).low(2);
    macro_rules! bench {
        ($program:ident) => {
            let steps = sim.run($program()).expect("it ends").steps;
            group.throughput(Throughput::Elements(steps));
            group.bench_function(stringify!($program), |b| {
                b.iter(|| sim.run($program()).expect("it ends").steps);
            });
        };
    }
    bench!(yields);
    bench!(small);
    bench!(joins);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(20);
    targets = steps
}
criterion_main!(benches);
