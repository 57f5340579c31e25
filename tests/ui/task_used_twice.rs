//! A task is joined once.

use laneway::{join, spawn_task};

fn main() {
    let task = spawn_task!(async { 42 });
    join!(task);
    join!(task);
}
