//! Two runtimes in one process: `cargo run --release --example owned_runtimes` prints which of
//! them each task ran on, and what their shutdown reports.

mod record;

use std::thread;
use std::time::Duration;

use laneway::{BuildError, Priority, Runtime, join, spawn_task};

use record::Record;

/// Which runtime this thread belongs to: the first part of its name.
fn here() -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("?");
    name.split('-').next().unwrap_or(name).to_owned()
}

/// Spawns without naming a runtime: inside a task, that is the one that runs the task.
async fn parent() -> (String, String) {
    let child = spawn_task!(async { here() });
    (here(), child.await)
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("owned_runtimes");

    // A library can keep its work to threads of its own and leave the process-wide runtime, which
    // is its user's, alone.
    let search = Runtime::builder().with_thread_name("search");
    let search = record.watch(search).build()?;
    let index = Runtime::builder().with_thread_name("index");
    let index = record.watch(index).build()?;

    let a = spawn_task!(parent(), Priority::High, search);
    let b = spawn_task!(parent(), Priority::Low, index);
    for (parent, child) in join!(a, b) {
        println!("a task on {parent} spawned one on {child}");
    }

    // `block_on` enters a runtime with the current thread.
    let child = search.block_on(async { spawn_task!(async { here() }).await });
    println!("block_on on search spawned one on {child}");

    // Ends one of them: nothing new is taken, what is there runs to its end.
    let report = search.shutdown(Duration::from_secs(5));
    println!(
        "search has shut down: {} completed, {} cut off",
        report.completed, report.cut_off
    );
    match search.try_spawn(async {}, Priority::Low) {
        Ok(_) => println!("search still takes tasks"),
        Err(error) => println!("search refuses: {error}"),
    }

    // The other one works on until it is dropped, here at the end of `main`.
    println!(
        "index still answers: {}",
        index.block_on(spawn_task!(async { 42 }, Priority::Low, index))
    );
    record.save();
    Ok(())
}
