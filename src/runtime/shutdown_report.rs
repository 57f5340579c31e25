//! The report on a runtime's tasks at its end.

use std::fmt;

use super::metrics::{QueueMetrics, RuntimeMetrics};
use crate::executor::Executor;
use crate::ground::telemetry::CutOffTask;

/// The fate of a runtime's tasks at its shutdown. Made by
/// [`Runtime::shutdown`](crate::Runtime::shutdown).
///
/// ```
/// use laneway::Runtime;
/// use std::time::Duration;
///
/// let report = Runtime::builder().build()?.shutdown(Duration::ZERO);
/// assert!(report.is_clean());
/// assert_eq!(report.to_string(), "completed 0, panicked 0, cut off 0, still running 0");
/// # Ok::<(), laneway::BuildError>(())
/// ```
///
/// Printed, it has a line more for each task that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks that completed, in the whole life of the runtime.
    pub completed: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks that shutdown cancelled because they had not ended.
    pub cut_off: usize,
    /// Which tasks were cut off, by place of spawn and name: the first 64 of them.
    pub cut_off_tasks: Vec<CutOffTask>,
    /// Tasks whose poll did not end in time.
    pub still_running: u64,
}

impl ShutdownReport {
    pub(super) fn of(executor: &Executor) -> ShutdownReport {
        let queues = RuntimeMetrics::of(executor).queues;
        let cut_off = executor.cut_offs.so_far();
        ShutdownReport {
            completed: queues.iter().map(|queue| queue.completed).sum(),
            panicked: queues.iter().map(|queue| queue.panicked).sum(),
            cut_off: cut_off.count,
            cut_off_tasks: cut_off.tasks,
            still_running: queues.iter().map(QueueMetrics::live).sum(),
        }
    }

    /// Whether every task came to its own end.
    ///
    /// ```
    /// use laneway::{Priority, Runtime};
    /// use std::time::Duration;
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.spawn(std::future::pending::<()>(), Priority::Low).detach();
    /// assert!(!rt.shutdown(Duration::ZERO).is_clean());
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut_off == 0 && self.still_running == 0
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (completed, panicked) = (self.completed, self.panicked);
        let (cut_off, still_running) = (self.cut_off, self.still_running);
        write!(
            f,
            "completed {completed}, panicked {panicked}, cut off {cut_off}, \
             still running {still_running}"
        )?;
        let named = &self.cut_off_tasks;
        named.iter().try_for_each(|task| write!(f, "\n  {task}"))?;
        match cut_off.saturating_sub(named.len()) {
            0 => Ok(()),
            unnamed => write!(f, "\n  and {unnamed} more"),
        }
    }
}
