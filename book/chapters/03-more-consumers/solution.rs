//! A solution: the lock is given back before the task runs.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvError};

use async_task::Runnable;

/// Runs what is in the queue and what comes, until no sender is left.
pub fn consume(queue: &Mutex<Receiver<Runnable>>) {
    while let Ok(runnable) = take(queue) {
        runnable.run();
    }
}

/// Waits for a task. The guard of the lock is dropped at the end of this function, and not at the
/// end of the loop's body.
fn take(queue: &Mutex<Receiver<Runnable>>) -> Result<Runnable, RecvError> {
    queue.lock().unwrap().recv()
}
