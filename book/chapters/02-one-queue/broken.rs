//! A consumer that a panic takes along.

use async_task::Runnable;
use flume::Receiver;

/// Runs what is in the queue and what comes, until no sender is left, or a task panics.
pub fn consume(queue: &Receiver<Runnable>) {
    while let Ok(runnable) = queue.recv() {
        run(runnable);
    }
}

/// Polls a task once.
fn run(runnable: Runnable) {
    runnable.run();
}
