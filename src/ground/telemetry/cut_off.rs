//! The list of the tasks that shutdown has cut off.
//!
//! This file owns the list, and never a task.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::names::Called;
use crate::ground::sync::unpoisoned;

/// The list of one runtime, which any thread that ends it may add to.
#[derive(Debug, Default)]
pub(crate) struct CutOffs {
    tasks: Mutex<CutOff>,
    /// How many tasks are being cut off at the moment and not in the list yet.
    under_way: AtomicU64,
}

impl CutOffs {
    /// Cuts a task off by `cut_off`, and adds the entry that it gives to the list.
    pub(crate) fn note(&self, cut_off: impl FnOnce() -> Option<CutOffTask>) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if let Some(task) = cut_off() {
            unpoisoned(self.tasks.lock()).add(task);
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::SeqCst)
    }

    pub(crate) fn so_far(&self) -> CutOff {
        unpoisoned(self.tasks.lock()).clone()
    }
}

/// The tasks that shutdown has cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutOff {
    pub(crate) count: usize,
    /// The first of them.
    pub(crate) tasks: Vec<CutOffTask>,
}

/// How many cut-off tasks are kept: enough to see which they are.
const KEPT: usize = 64;

impl CutOff {
    fn add(&mut self, task: CutOffTask) {
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
