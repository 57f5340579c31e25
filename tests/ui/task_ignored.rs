//! A task that is dropped where it was spawned, and so cancelled.

#![deny(unused_must_use)]

use laneway::spawn_task;

fn main() {
    spawn_task!(async { println!("never seen, most likely") });
}
