//! The knowledge of a [`Monitor`](super::Monitor) about a task that has not ended.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::ground::ids::{QueueId, TaskId, WorkerId};

/// A task that has not ended, as [`Monitor::tasks`](super::Monitor::tasks) lists it.
///
/// ```
/// use laneway::observe::{Monitor, TaskState};
/// use laneway::{Priority, Runtime};
/// use std::sync::Arc;
///
/// let monitor = Arc::new(Monitor::new());
/// let rt = Runtime::builder().with_observer(monitor.clone()).build()?;
/// let never = rt.named("never").spawn(std::future::pending::<()>(), Priority::High);
/// while monitor.tasks()[0].state != TaskState::Waiting {
///     std::thread::yield_now();
/// }
/// let task = &monitor.tasks()[0];
/// assert_eq!((task.id, task.name.as_deref(), task.polls), (never.id(), Some("never"), 1));
/// // A line for a terminal:
/// let place = task.spawned_at;
/// assert!(task.to_string().starts_with(&format!("{} \"never\" spawned at {place}: waiting for ", task.id)));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveTask {
    /// Its number.
    pub id: TaskId,
    /// Its name, if it was given one; what is longer than 120 characters is cut off.
    pub name: Option<String>,
    /// The place in the source that spawned it.
    pub spawned_at: &'static Location<'static>,
    /// The queue that it is in, or was in last.
    pub queue: QueueId,
    /// The task's state.
    pub state: TaskState,
    /// For how long it has been in this state.
    pub in_state: Duration,
    /// The time since it was spawned.
    pub age: Duration,
    /// How often it was polled, the present time included.
    pub polls: u64,
    /// Its last wake-up. `None`: it was only ever scheduled by its spawn.
    pub last_wake: Option<Wake>,
    /// For how long a timer that it has armed will not fire. `None`: there is none to come, as far
    /// as is known.
    pub timer: Option<Duration>,
}

/// The state of a task that has not ended. [`LiveTask`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It lies in its queue.
    Queued,
    /// A worker polls it.
    Running(WorkerId),
    /// It blocks its thread in the middle of a poll, as [`join!`](crate::join!) does, and another
    /// thread has taken over the worker that polled it.
    Blocked(WorkerId),
    /// It waits to be woken.
    Waiting,
}

/// A task's wake-up.
///
/// ```
/// use laneway::observe::{Monitor, WokenBy};
/// use laneway::sim::Sim;
/// use laneway::spawn_task;
/// use laneway::time::sleep;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let monitor = Arc::new(Monitor::new());
/// let looks_on = monitor.clone();
/// Sim::seed(1).observer(monitor).run(async move {
///     let ms = Duration::from_millis;
///     let _task = spawn_task!(async move {
///         sleep(ms(10)).await;
///         std::future::pending::<()>().await;
///     });
///     sleep(ms(25)).await;
///     let wake = looks_on.tasks()[0].last_wake.unwrap();
///     assert_eq!((wake.by, wake.ago), (WokenBy::Timer, ms(15)));
/// })?;
/// # Ok::<(), laneway::sim::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wake {
    /// The task or the thread that woke it.
    pub by: WokenBy,
    /// How long ago.
    pub ago: Duration,
}

/// The origin of a wake-up. [`Wake`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WokenBy {
    /// Another task of the runtime, in its poll; or the task itself, if a thread woke it while it
    /// ran, as [`yield_now`](crate::yield_now) does.
    // Not `Task`: two items of that name make the compiler spell out both in its messages.
    Poll(TaskId),
    /// The timer: its sleep has ended.
    Timer,
    /// A thread that is none of the runtime's workers, or was none at that moment.
    Outside,
}

impl LiveTask {
    /// Whether the task has waited for so long and nothing is known that will wake it: it has not
    /// been woken, and no timer of it is to come. Its waker may have been forgotten.
    ///
    /// A task that waits for a client or another party outside looks just the same. So does one
    /// that waits for another task, which then is in the list as well.
    #[must_use]
    pub fn is_suspicious(&self, after: Duration) -> bool {
        self.state == TaskState::Waiting && self.in_state >= after && self.timer.is_none()
    }
}

impl fmt::Display for LiveTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(name) = &self.name {
            // Escaped: a name with a line break in it must not look like a line of the list.
            write!(f, " {name:?}")?;
        }
        let (state, in_state) = (self.state, Short(self.in_state));
        write!(f, " spawned at {}: {state} for {in_state}", self.spawned_at)?;
        write!(f, ", {} polls in {}", self.polls, Short(self.age))?;
        match self.last_wake {
            Some(wake) => write!(f, ", woken {} ago by {}", Short(wake.ago), wake.by),
            None => write!(f, ", never woken"),
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskState::Queued => write!(f, "queued"),
            TaskState::Running(worker) => write!(f, "running on worker {}", worker.index()),
            TaskState::Blocked(_) => write!(f, "blocked in place"),
            TaskState::Waiting => write!(f, "waiting"),
        }
    }
}

impl fmt::Display for WokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WokenBy::Poll(task) => write!(f, "{task}"),
            WokenBy::Timer => write!(f, "the timer"),
            WokenBy::Outside => write!(f, "a thread outside"),
        }
    }
}

/// A duration in the unit that suits it.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.as_micros();
        match us {
            0..10_000 => write!(f, "{us} us"),
            10_000..10_000_000 => write!(f, "{} ms", us / 1_000),
            _ => write!(f, "{} s", us / 1_000_000),
        }
    }
}
