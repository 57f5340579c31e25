//! Heavy work behind quick answers: `cargo run --release --example task_queue` submits reports as a
//! web handler would, shows where they stand, cancels one, and takes the results.

mod record;

use std::time::Duration;

use laneway::background::{SubmitError, TaskQueue, Work, WorkContext, WorkStatus};
use laneway::time::{sleep, timeout};
use laneway::{BuildError, Priority, Runtime, spawn_task};

use record::Record;

/// A report that computes, and blocks its thread while it does.
fn report(context: &WorkContext, lines: u64) -> u64 {
    let mut sum = 0_u64;
    for line in 0..lines {
        if context.is_cancelled() {
            break;
        }
        context.report(line as f64 / lines as f64, "adding up");
        sum += line;
    }
    sum
}

/// Work that ends only when it is cancelled.
fn endless() -> Work<u64> {
    Work::future(async |_| std::future::pending().await).named("endless")
}

/// The answer to a POST: a number, or "come back later".
fn submit(queue: &TaskQueue<u64>, work: Work<u64>) -> String {
    match queue.submit(work) {
        Ok(id) => format!("202, number {id}"),
        Err(SubmitError::Full(_work)) => "503, the queue is full".to_owned(),
        Err(SubmitError::ShutDown(_work)) => "503, the server shuts down".to_owned(),
    }
}

async fn serve(queue: TaskQueue<u64>) {
    println!("submitted: {}", submit(&queue, endless()));
    let sums = |lines| Work::sync(move |context| report(&context, lines)).named("sums");
    println!("submitted: {}", submit(&queue, sums(1_000)));
    println!(
        "submitted: {}",
        submit(&queue, sums(2_000).timeout(Duration::from_secs(60)))
    );
    println!("submitted: {}", submit(&queue, sums(3_000)));

    let listed = queue.list(10);
    println!(
        "known:     {} pieces of work, the newest is {}",
        listed.len(),
        listed[0].id
    );
    let [third, second, first] = [0, 1, 2].map(|n| listed[n].id);

    while let WorkStatus::Queued { .. } = queue.status(first) {
        sleep(Duration::from_millis(1)).await;
    }
    // A handler may wait for a moment. Though it is a high task, the work stays in its lane.
    let waits = timeout(Duration::from_millis(20), queue.wait(third));
    let in_time = spawn_task!(waits, Priority::High).await.is_ok();
    println!(
        "waited:    {}",
        if in_time {
            "it ended"
        } else {
            "it is not done yet"
        }
    );
    if let WorkStatus::Queued { ahead } = queue.status(third) {
        println!("status:    queued, {ahead} ahead");
    }

    println!("cancelled: {:?}", queue.cancel(first));
    println!("first:     {}", queue.wait(first).await);
    queue.wait(third).await;
    println!(
        "results:   {:?} and {:?}",
        queue.take(second),
        queue.take(third)
    );
    println!("again:     {}", queue.take(third).unwrap_err());
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("task_queue");
    let rt = record.watch(Runtime::builder()).build()?;

    // At most two wait, and one runs.
    let queue = TaskQueue::bounded(2).workers(1);
    rt.block_on(serve(queue.clone()));
    let report = rt.shutdown(Duration::from_secs(10));
    let metrics = queue.metrics();
    println!(
        "shutdown:  {} done, {} cancelled, {} refused, {} cut off",
        metrics.done, metrics.cancelled, metrics.refused, report.cut_off
    );
    record.save();
    Ok(())
}
