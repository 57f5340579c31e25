//! Your turn: several consumers on a channel of the standard library.

use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use async_task::Runnable;

/// Runs what is in the queue and what comes, until no sender is left.
///
/// However many threads are in here, only one of them runs a task at a time.
pub fn consume(queue: &Mutex<Receiver<Runnable>>) {
    while let Ok(runnable) = queue.lock().unwrap().recv() {
        runnable.run();
    }
}
