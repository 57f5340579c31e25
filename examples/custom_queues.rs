//! Queues beside high and low: `cargo run --release --example custom_queues` prints which threads
//! the tasks of a "network" queue of one thread and of a "cpu" queue of five ran on.

mod record;

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::thread;

use laneway::{BuildError, Runtime, join_all, spawn_task};

use record::Record;

const CPU_THREADS: usize = 5;

fn thread_name() -> String {
    thread::current().name().unwrap_or("?").to_owned()
}

/// Stands for a request: on a queue of one thread, no two of them run at the same time.
async fn request() -> String {
    thread_name()
}

/// Stands for a computation that needs its fellows: it goes on when all five of them have begun.
async fn compute(together: Arc<Barrier>) -> String {
    // Blocks its thread. With fewer than five threads this would never end.
    together.wait();
    thread_name()
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("custom_queues");

    let builder = Runtime::builder()
        // One thread that steals from nobody: it is always there for the next request.
        .with_queue("network", 1, &[])
        // Five threads; when they have nothing to do, they help with low tasks.
        .with_queue("cpu", CPU_THREADS, &["low"]);
    let rt = record.watch(builder).build()?;

    // The queue's name stands where a priority would.
    let together = Arc::new(Barrier::new(CPU_THREADS));
    let computations = (0..CPU_THREADS).map(|_| spawn_task!(compute(together.clone()), "cpu", rt));
    let computations: Vec<_> = computations.collect();
    let requests = (0..20).map(|_| spawn_task!(request(), "network", rt));

    let network: BTreeSet<String> = join_all(requests).into_iter().collect();
    let cpu: BTreeSet<String> = join_all(computations).into_iter().collect();
    println!("20 requests ran on     {network:?}");
    println!("5 computations ran on  {cpu:?}");

    for queue in rt.metrics().queues {
        println!("{:<8} {:>2} tasks completed", queue.name, queue.completed);
    }
    record.save();
    Ok(())
}
