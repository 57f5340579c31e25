//! The arguments in the wrong order.

use laneway::{Priority, spawn_task};

fn main() {
    spawn_task!(Priority::High, async { 42 }).detach();
}
