//! An `Rc` lives across an await: the task could not move to another thread.

use laneway::spawn_task;
use std::rc::Rc;

async fn step() {}

fn main() {
    let task = spawn_task!(async {
        let counter = Rc::new(1);
        step().await;
        *counter
    });
    task.detach();
}
