//! No future at all.

use laneway::spawn_task;

fn main() {
    spawn_task!();
}
