//! What shutdown remembers of the tasks that it cancelled.
//!
//! This file owns that list, and never a task.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::names::Called;

/// The tasks that shutdown has cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutOff {
    pub(crate) count: usize,
    /// The first of them.
    pub(crate) tasks: Vec<CutOffTask>,
}

/// How many cut-off tasks are kept: enough to see what they are.
const KEPT: usize = 64;

impl CutOff {
    pub(crate) fn add(&mut self, task: CutOffTask) {
        self.count += 1;
        if self.tasks.len() < KEPT {
            self.tasks.push(task);
        }
    }
}

/// A task that shutdown cancelled because it had not ended. Found in
/// [`ShutdownReport::cut_off_tasks`](crate::ShutdownReport::cut_off_tasks).
///
/// ```
/// use laneway::{Priority, Runtime};
/// use std::time::Duration;
///
/// let rt = Runtime::builder().build()?;
/// rt.named("mail").spawn(std::future::pending::<()>(), Priority::Low).detach();
/// let report = rt.shutdown(Duration::ZERO);
/// let task = &report.cut_off_tasks[0];
/// assert_eq!(task.name(), Some("mail"));
/// assert_eq!(task.to_string(), format!("the task \"mail\" spawned at {}", task.spawned_at()));
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOffTask {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl CutOffTask {
    /// The task's name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

/// Shows the name, if there is one, in quotes and escaped.
impl fmt::Display for CutOffTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = Called(self.name());
        write!(f, "the task{called} spawned at {}", self.spawned_at)
    }
}
