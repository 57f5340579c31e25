//! The task borrows a variable that is gone before the task is.

use laneway::spawn_task;

fn main() {
    let text = String::from("on the stack");
    let task = spawn_task!(async { text.len() });
    drop(text);
    task.detach();
}
