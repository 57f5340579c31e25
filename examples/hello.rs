//! The smallest program: `cargo run --example hello` prints two results, in the order asked for.

use laneway::{Priority, join, spawn_task};

async fn greet(name: &'static str) -> String {
    let thread = std::thread::current();
    format!(
        "hello, {name}, from {}",
        thread.name().unwrap_or("a thread")
    )
}

fn main() {
    // The first spawn starts the process-wide runtime with its defaults.
    let low = spawn_task!(greet("reader"));
    let high = spawn_task!(greet("writer"), Priority::High);
    for line in join!(low, high) {
        println!("{line}");
    }
}
