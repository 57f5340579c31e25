//! A name is text.

use laneway::spawn_task;

fn main() {
    spawn_task!(name = 7, async { 1 }).detach();
}
