//! Chapter 2: tasks that wait in one queue, and one thread that takes them.

mod count;

pub use count::Count;

use std::panic::catch_unwind;
use std::sync::LazyLock;
use std::thread;

use async_task::{Runnable, Task};
use flume::{Receiver, Sender};

/// The queue of this process. Its consumer starts with the first spawn.
static QUEUE: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
    let (sender, receiver) = flume::unbounded();
    thread::Builder::new()
        .name("consumer".to_owned())
        .spawn(move || consume(&receiver))
        .expect("the system has a thread for the consumer");
    sender
});

/// Puts a future into the queue of this process.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(&QUEUE, future)
}

/// Puts a future into a queue.
pub fn spawn_on<F>(queue: &Sender<Runnable>, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let queue = queue.clone();
    // If no consumer is left to take it, the task is dropped, and with that cancelled.
    let schedule = move |runnable| drop(queue.send(runnable));
    let (runnable, task) = async_task::spawn(future, schedule);
    runnable.schedule();
    task
}

/// Runs what is in the queue and what comes, until no sender is left.
pub fn consume(queue: &Receiver<Runnable>) {
    while let Ok(runnable) = queue.recv() {
        run(runnable);
    }
}

/// Runs the task at the front of the queue, and tells whether there was one. It lets a caller look
/// at the queue between two polls.
pub fn run_next(queue: &Receiver<Runnable>) -> bool {
    match queue.try_recv() {
        Ok(runnable) => {
            run(runnable);
            true
        }
        Err(_) => false,
    }
}

/// Polls a task once. A panic ends the task and not the consumer.
fn run(runnable: Runnable) {
    // The panic has been printed by now. Its payload is lost.
    let _ = catch_unwind(|| runnable.run());
}
