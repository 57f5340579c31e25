//! The call of an ordinary function instead of an async one.

use laneway::spawn_task;

fn compute() -> u32 {
    42
}

fn main() {
    spawn_task!(compute()).detach();
}
