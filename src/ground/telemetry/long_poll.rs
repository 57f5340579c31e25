//! The report of the watchdog about a poll that takes too long.
//!
//! This file owns the words of the report. It never looks for long polls: the runtime's watchdog
//! does.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::names::Called;
use crate::ground::ids::{QueueId, TaskId, WorkerId};

/// The report of a poll that keeps its worker from all other tasks.
///
/// A runtime's watchdog looks every 10 ms at what each worker polls. A poll that has lasted for
/// as long as its queue's threshold
/// ([`with_long_poll`](crate::Builder::with_long_poll), 10 ms by default) is reported here and as
/// a warning in the [`log`]: once while it lasts, and once more when it has ended. Either the
/// task blocks its thread, which belongs into [`blocking::unblock`](crate::blocking::unblock), or
/// it computes, and should [yield](crate::yield_now) now and then.
///
/// All this costs three stores a poll, and no look at a clock. The time is the machine's: a thread
/// that the system has set aside for that time is reported as well.
///
/// ```
/// use laneway::sim::{Sim, work};
/// use laneway::time::sleep;
/// use laneway::observe::{LongPoll, LongPollStage, Observer};
/// use laneway::spawn_task;
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Reports(Mutex<Vec<String>>);
///
/// impl Observer for Reports {
///     fn on_long_poll(&self, poll: &LongPoll<'_>) {
///         let stage = match poll.stage() {
///             LongPollStage::Lasting => "so far",
///             LongPollStage::Ended => "in all",
///         };
///         let name = poll.name().unwrap_or("a task");
///         let report = format!("{name}: {:?} {stage}", poll.duration());
///         self.0.lock().unwrap().push(report);
///     }
/// }
///
/// let reports = Arc::new(Reports::default());
/// // In a simulation, where all durations are exact.
/// Sim::seed(1).observer(reports.clone()).run(async {
///     spawn_task!(name = "parser", async { work(Duration::from_millis(35)) }).await;
///     sleep(Duration::from_millis(1)).await;
/// })?;
/// assert_eq!(*reports.0.lock().unwrap(), ["parser: 10ms so far", "parser: 35ms in all"]);
/// # Ok::<(), laneway::sim::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LongPoll<'a> {
    pub(crate) task: TaskId,
    pub(crate) name: Option<&'a str>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) queue: QueueId,
    pub(crate) worker: WorkerId,
    pub(crate) duration: Duration,
    pub(crate) stage: LongPollStage,
}

/// Whether a long poll goes on. [`LongPoll`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LongPollStage {
    /// It does.
    Lasting,
    /// It has ended, or the task has begun to block in a way that lets its worker go on, as
    /// [`join!`](crate::join!) does.
    Ended,
}

impl LongPoll<'_> {
    /// The task that is being polled.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The task's name, if it was given one, or the one that a function of
    /// [`Handle::name_long_polls`](crate::Handle::name_long_polls) gives it. The log shows it in
    /// quotes and escaped.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// The queue that the task was in.
    #[must_use]
    pub fn queue(&self) -> QueueId {
        self.queue
    }

    /// The worker that polls it.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// How long the poll has lasted: so far, or in all.
    ///
    /// It is counted between looks of the watchdog, without any look at a clock when a poll
    /// begins: a poll that lasts has lasted so long at least, and at most 10 ms longer; one that
    /// has ended took as long to within 10 ms.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Whether the poll goes on.
    #[must_use]
    pub fn stage(&self) -> LongPollStage {
        self.stage
    }
}

/// One line that says what happened and what to do about it.
impl fmt::Display for LongPoll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = Called(self.name);
        let (task, place) = (self.task, self.spawned_at);
        let (worker, ms) = (self.worker.index(), self.duration.as_millis());
        write!(f, "task {task}{called} spawned at {place} ")?;
        match self.stage {
            LongPollStage::Lasting => write!(
                f,
                "has kept worker {worker} for {ms} ms in one poll, which goes on: let it yield, \
                 or give what blocks to blocking::unblock"
            ),
            LongPollStage::Ended => write!(f, "let worker {worker} go after {ms} ms in one poll"),
        }
    }
}
