//! A program with a `spawn` of its own uses the macro. Where does the future run?

use std::future::{Ready, ready};
use std::thread;

use broken::spawn_task;
use futures_lite::future::block_on;

#[path = "../../broken.rs"]
mod broken;

/// How this program ran its futures before it had a runtime: on the spot.
fn spawn<F: Future>(future: F, _: Priority) -> Ready<F::Output> {
    ready(block_on(future))
}

/// How urgent something is to this program.
enum Priority {
    Low,
}

/// Tells on which thread it is polled.
async fn whereabouts() -> String {
    let thread = thread::current();
    let name = thread
        .name()
        .expect("consumers have names, and so has main");
    name.to_owned()
}

fn main() {
    println!("the program runs on {}", block_on(whereabouts()));
    println!("the task runs on {}", block_on(spawn_task!(whereabouts())));
}
