//! Chapter 4: a queue for each of two priorities, and threads for each queue.

mod count;
mod label;
mod sleep;

pub use count::Count;
pub use label::{Labelled, WithLabel, high, low};
pub use sleep::{Sleep, sleep};

use std::panic::catch_unwind;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use async_task::{Runnable, Task};
use flume::{Receiver, Sender};

/// How urgent a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A caller waits for it.
    High,
    /// It may take its time.
    Low,
}

/// How many threads take tasks from the high queue of this process.
pub const HIGH_CONSUMERS: usize = 2;

/// How many threads take tasks from the low queue of this process.
pub const LOW_CONSUMERS: usize = 2;

/// The queue for high tasks. Its consumers start with the first high task.
static HIGH: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
    let (sender, receiver) = flume::unbounded();
    start(HIGH_CONSUMERS, "high", &receiver);
    sender
});

/// The queue for low tasks. Its consumers start with the first low task.
static LOW: LazyLock<Sender<Runnable>> = LazyLock::new(|| {
    let (sender, receiver) = flume::unbounded();
    start(LOW_CONSUMERS, "low", &receiver);
    sender
});

impl Priority {
    /// The queue of this process for tasks of this priority.
    fn queue(self) -> &'static Sender<Runnable> {
        match self {
            Priority::High => &HIGH,
            Priority::Low => &LOW,
        }
    }
}

/// How many consumers have been started in this process.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Tells how many consumers have been started in this process.
pub fn consumers_started() -> usize {
    STARTED.load(Ordering::Relaxed)
}

/// Starts threads that take tasks from one queue.
///
/// # Panics
///
/// If the system has no more threads.
pub fn start(count: usize, name: &str, queue: &Receiver<Runnable>) {
    for number in 0..count {
        let queue = queue.clone();
        thread::Builder::new()
            .name(format!("{name}-{number}"))
            .spawn(move || consume(&queue))
            .expect("the system has threads for the consumers");
        STARTED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Puts a future into the queue that its label names.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Labelled + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(future.priority().queue(), future)
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
