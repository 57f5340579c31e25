//! Chapter 9: tasks that never end.

mod builder;
mod count;
mod join;
mod macros;
mod process;
mod sleep;

pub use builder::{BuildError, Builder, Runtime, high_for};
pub use count::Count;
pub use join::{JoinError, gather, join_all, try_gather, try_join_all};
pub use process::{process, start_process};
pub use sleep::{Sleep, sleep};

use std::sync::OnceLock;
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

/// How long a consumer rests before it looks at the other queue again.
pub const NAP: Duration = Duration::from_millis(100);

/// The queues of this process, once they have started.
static QUEUES: OnceLock<Queues> = OnceLock::new();

/// Where the two kinds of tasks are sent.
struct Queues {
    high: Sender<Runnable>,
    low: Sender<Runnable>,
    configuration: Builder,
}

impl Queues {
    /// Makes both queues, then starts the consumers of both.
    fn start(configuration: Builder) -> Queues {
        let (high, high_tasks) = flume::unbounded();
        let (low, low_tasks) = flume::unbounded();
        start(configuration.high, "high", &high_tasks, &low_tasks);
        start(configuration.low, "low", &low_tasks, &high_tasks);
        Queues {
            high,
            low,
            configuration,
        }
    }

    /// The queues of this process. If they have not been configured, they get the defaults.
    fn get() -> &'static Queues {
        QUEUES.get_or_init(|| Queues::start(Runtime::new()))
    }
}

impl Priority {
    /// The queue of this process for tasks of this priority.
    fn queue(self) -> &'static Sender<Runnable> {
        match self {
            Priority::High => &Queues::get().high,
            Priority::Low => &Queues::get().low,
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

/// Puts a future into the queue of this process for tasks of a priority.
pub fn spawn<F>(future: F, priority: Priority) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(priority.queue(), future)
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
    let builder = async_task::Builder::new().propagate_panic(true);
    let (runnable, task) = builder.spawn(|()| future, schedule);
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

/// Polls a task once. A panic is kept in the task, for its awaiter.
fn run(runnable: Runnable) {
    runnable.run();
}
