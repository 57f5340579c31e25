//! The name goes first.

use laneway::spawn_task;

fn main() {
    spawn_task!(async { 1 }, name = "parser").detach();
}
