//! The four stealing policies: `cargo run --release --example stealing` prints for each of them
//! how long 60 low tasks and then 60 high tasks took on one high and one low thread, and how many
//! of them were stolen by the other queue's thread.

mod record;

use std::time::{Duration, Instant};

use laneway::{BuildError, Priority, QueueId, Runtime, Stealing, join_all};

use record::Record;

const TASKS: usize = 60;

/// A millisecond's work in one poll.
async fn work() {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
}

/// Runs the tasks, all of one priority, and gives the milliseconds that it took.
fn run_all(rt: &Runtime, priority: Priority) -> u128 {
    let started = Instant::now();
    join_all((0..TASKS).map(|_| rt.spawn(work(), priority)));
    started.elapsed().as_millis()
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("stealing");

    println!("policy        {TASKS} low tasks       {TASKS} high tasks");
    let policies = [
        Stealing::Both,
        Stealing::HighFromLow,
        Stealing::LowFromHigh,
        Stealing::None,
    ];
    for stealing in policies {
        let builder = Runtime::builder()
            .with_high_num(1)
            .with_low_num(1)
            .with_stealing(stealing);
        let rt = record.watch(builder).build()?;
        let low_ms = run_all(&rt, Priority::Low);
        let high_ms = run_all(&rt, Priority::High);

        let queues = rt.metrics().queues;
        let low = queues[QueueId::LOW.index()].stolen;
        let high = queues[QueueId::HIGH.index()].stolen;
        // Debug output does not heed the width of a column; a String does.
        let policy = format!("{stealing:?}");
        println!(
            "{policy:<11} {low_ms:>4} ms, {low:>2} stolen   {high_ms:>4} ms, {high:>2} stolen"
        );
    }
    record.save();
    Ok(())
}
