//! A closure, as a thread would take it.

use laneway::{Priority, spawn_task};

fn main() {
    spawn_task!(|| println!("hello"), Priority::High).detach();
}
