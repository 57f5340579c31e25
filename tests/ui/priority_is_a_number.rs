//! A number where a priority belongs.

use laneway::spawn_task;

fn main() {
    spawn_task!(async { 42 }, 1).detach();
}
