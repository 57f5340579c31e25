//! A name, and no task to bear it.

use laneway::spawn_task;

fn main() {
    spawn_task!(name = "parser").detach();
}
