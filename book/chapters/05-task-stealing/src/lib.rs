//! Chapter 5: two queues, and threads that help out at the other one.

mod count;
mod label;
mod sleep;

pub use count::Count;
pub use label::{Labelled, WithLabel, high, low};
pub use sleep::{Sleep, sleep};

use std::panic::catch_unwind;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use async_task::{Runnable, Task};
use flume::{Receiver, RecvTimeoutError, Sender};

/// How urgent a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A caller waits for it.
    High,
    /// It may take its time.
    Low,
}

/// How many threads take tasks from the high queue of this process first.
pub const HIGH_CONSUMERS: usize = 2;

/// How many threads take tasks from the low queue of this process first.
pub const LOW_CONSUMERS: usize = 2;

/// How long a consumer rests before it looks at the other queue again.
pub const NAP: Duration = Duration::from_millis(100);

/// The queues of this process. All consumers start with the first spawn.
static QUEUES: LazyLock<Queues> = LazyLock::new(Queues::start);

/// Where the two kinds of tasks are sent.
struct Queues {
    high: Sender<Runnable>,
    low: Sender<Runnable>,
}

impl Queues {
    /// Makes both queues, then starts the consumers of both.
    fn start() -> Queues {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        start(HIGH_CONSUMERS, "high", &high_tasks, &low_tasks);
        start(LOW_CONSUMERS, "low", &low_tasks, &high_tasks);
        Queues { high, low }
    }
}

impl Priority {
    /// The queue of this process for tasks of this priority.
    fn queue(self) -> &'static Sender<Runnable> {
        match self {
            Priority::High => &QUEUES.high,
            Priority::Low => &QUEUES.low,
        }
    }
}

/// Starts threads that take tasks from their own queue, or else from the other one.
///
/// # Panics
///
/// If the system has no more threads.
pub fn start(count: usize, name: &str, own: &Receiver<Runnable>, other: &Receiver<Runnable>) {
    for number in 0..count {
        let (own, other) = (own.clone(), other.clone());
        thread::Builder::new()
            .name(format!("{name}-{number}"))
            .spawn(move || consume(&own, &other))
            .expect("the system has threads for the consumers");
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

/// Runs what is in the queues and what comes, until the own one has no sender left.
pub fn consume(own: &Receiver<Runnable>, other: &Receiver<Runnable>) {
    loop {
        match step(own, other) {
            Step::Own | Step::Stolen => {}
            Step::Rest => match own.recv_timeout(NAP) {
                Ok(runnable) => run(runnable),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            },
        }
    }
}

/// What a consumer did in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It ran a task of its own queue.
    Own,
    /// It ran a task of the other queue.
    Stolen,
    /// It found both queues empty, and should rest.
    Rest,
}

/// One step of a consumer: the own queue, else the other queue, else a rest.
pub fn step(own: &Receiver<Runnable>, other: &Receiver<Runnable>) -> Step {
    if run_next(own) {
        Step::Own
    } else if run_next(other) {
        Step::Stolen
    } else {
        Step::Rest
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
