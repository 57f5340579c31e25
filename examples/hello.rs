//! The smallest program: `cargo run --release --example hello` prints two results in the order in
//! which they were asked for, each with the thread that it comes from.

mod record;

use laneway::{Priority, join, spawn_task};

use record::Record;

async fn greet(name: &'static str) -> String {
    let thread = std::thread::current();
    format!("hello, {name}, from {}", thread.name().unwrap_or("?"))
}

fn main() {
    // All these examples take this one option: `--record run.html` shows how they run.
    let record = Record::from_args("hello");
    record.watch_global();

    // The first spawn starts the process-wide runtime with its defaults.
    let low = spawn_task!(greet("reader"));
    let high = spawn_task!(greet("writer"), Priority::High);

    // Any task may have run first, on any thread: the outputs come in the order of the arguments.
    // Idle threads steal, so the low task can well have run on a high thread.
    for line in join!(low, high) {
        println!("{line}");
    }
    record.save();
}
