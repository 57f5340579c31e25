//! The worth of a priority: `cargo run --release --example priorities` prints how long high and
//! low tasks waited for their turn while 32 other low tasks kept every thread busy.

mod record;

use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use laneway::{Priority, Runtime, Task, join, spawn_task};

use record::Record;

const BUSY_TASKS: usize = 32;
const PROBES: usize = 21;

/// Computes for ever, half a millisecond at a time.
///
/// A poll is never interrupted, and there are enough of these to keep both threads in one. The high
/// task that comes meanwhile is run by the thread that stands by; a low one has to wait for its
/// turn behind all others.
async fn compute() {
    loop {
        let started = Instant::now();
        while started.elapsed() < Duration::from_micros(500) {
            std::hint::spin_loop();
        }
        yield_now().await;
    }
}

/// Spawns a task, waits for it, and gives the time from the spawn to its first line.
fn wait_of_one(priority: Priority) -> Duration {
    // Comes at any moment of the busy tasks' polls, as a request does.
    std::thread::sleep(Duration::from_micros(1_700));
    let spawned = Instant::now();
    let task = spawn_task!(async move { spawned.elapsed() }, priority);
    join!(task).remove(0)
}

fn median_wait(priority: Priority) -> Duration {
    let mut waits: Vec<Duration> = (0..PROBES).map(|_| wait_of_one(priority)).collect();
    waits.sort_unstable();
    waits[PROBES / 2]
}

fn main() {
    let record = Record::from_args("priorities");

    // One thread for each queue, each of which takes the other's tasks when it has none of its own,
    // and one or two that stand by for high tasks.
    let builder = Runtime::new().with_high_num(1).with_low_num(1);
    record.watch(builder).run();

    let busy: Vec<Task<()>> = (0..BUSY_TASKS).map(|_| spawn_task!(compute())).collect();
    let high = median_wait(Priority::High);
    let low = median_wait(Priority::Low);
    // They never end by themselves. Dropping a task cancels it.
    drop(busy);

    println!("while {BUSY_TASKS} low tasks compute, half a millisecond at a time,");
    println!("a high task waits {:>6} us", high.as_micros());
    println!("a low task waits  {:>6} us", low.as_micros());
    println!("(medians of {PROBES})");
    record.save();
}
