//! A pipeline that has been started: the handle that stops it, and what it has to report.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::data_set::{DataSet, StageOutcome};
use super::waiters::{WaiterId, Waiters};
use super::window::Window;
use crate::ground::poll::budget::Waited;
use crate::ground::sync::unpoisoned;
use crate::time::now;

/// The time that [`Running::shutdown`] gives the tick that is running.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// A pipeline that has been started. Made by [`Pipeline::start`](super::Pipeline::start).
///
/// # Cancellation
///
/// Dropping it stops the pipeline at once: the tick that is running is cut off, and the outputs
/// end. [`detach`](Running::detach) lets it run until its outputs are dropped or its runtime ends.
///
/// ```
/// use laneway::Runtime;
/// use laneway::pipeline::{End, Period, Pipeline, Shared};
///
/// let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
///     .every(Period::Millis(1))
///     .build()?;
/// let rt = Runtime::builder().build()?;
/// let running = pipeline.start(&rt);
/// outputs.recv()?;
///
/// let report = rt.block_on(running.shutdown());
/// assert_eq!(report.end, End::ShutDown);
/// assert_eq!(report.cut_off, None);
/// assert!(report.counts.ticks >= 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it stops the pipeline: keep it, or let the pipeline go with `detach()`"]
pub struct Running {
    control: Arc<Control>,
    when_dropped: Instruction,
}

impl Running {
    pub(super) fn new(control: Arc<Control>) -> Running {
        Running {
            control,
            when_dropped: Instruction::Stop,
        }
    }

    /// Ends the pipeline: no tick begins from now on; the one that is running has 10 seconds to
    /// finish. [`shutdown_within`](Running::shutdown_within) says more, also on cancellation.
    pub async fn shutdown(&self) -> PipelineReport {
        self.shutdown_within(SHUTDOWN_DEADLINE).await
    }

    /// Ends the pipeline: no tick begins from now on; the one that is running has this much time to
    /// finish. Its data set goes to the outputs even if they are full: no task has to receive
    /// meanwhile. Windows that had been missed and were still to run are left out.
    ///
    /// A stage cannot be interrupted. One that is running at the deadline keeps its thread until
    /// it returns, its result is dropped, and the report names it.
    ///
    /// May be called several times, from anywhere: the earliest deadline counts, and each call
    /// gets the report. If the pipeline has ended already, the report says how.
    ///
    /// # Cancellation
    ///
    /// The pipeline is told when the future is first polled. Dropping it then only ends the wait.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Pipeline, Shared};
    /// use std::time::Duration;
    ///
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
    ///     .stage_fn("nothing", |_: &(), _window| Ok(()))
    ///     .every(Period::Minutes(1))
    ///     .build()?;
    /// let running = pipeline.start(laneway::Runtime::global());
    /// // No tick is running, so that there is nothing to wait for.
    /// let report = laneway::block_on(running.shutdown_within(Duration::ZERO));
    /// assert_eq!((report.cut_off, report.still_running.len()), (None, 0));
    /// assert!(outputs.recv().is_err());
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    pub async fn shutdown_within(&self, deadline: Duration) -> PipelineReport {
        // A deadline beyond what the clock can say is none.
        let deadline = now().checked_add(deadline);
        self.control.order(Instruction::FinishBy(deadline));
        self.ended().await
    }

    /// Waits until the pipeline ends by itself, or by a shutdown that another task calls.
    ///
    /// ```
    /// use laneway::pipeline::{End, Period, Pipeline, Shared};
    ///
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
    ///     .stage_fn("nothing", |_: &(), _window| Ok(()))
    ///     .every(Period::Minutes(1))
    ///     .build()?;
    /// let running = pipeline.start(laneway::Runtime::global());
    /// drop(outputs);
    /// assert_eq!(laneway::block_on(running.ended()).end, End::OutputsDropped);
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    pub async fn ended(&self) -> PipelineReport {
        let mut wait = ReportWait {
            control: &self.control,
            waiter: None,
        };
        let mut waited = Waited::No;
        poll_fn(|cx| waited.poll(cx, |cx| wait.poll(cx))).await
    }

    /// Whether it has ended.
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// # let (pipeline, _outputs) = Pipeline::builder(Shared::new(()))
    /// #     .stage_fn("nothing", |_: &(), _window| Ok(()))
    /// #     .every(Period::Minutes(1))
    /// #     .build()?;
    /// let running = pipeline.start(laneway::Runtime::global());
    /// assert!(!running.is_ended());
    /// laneway::block_on(running.shutdown());
    /// assert!(running.is_ended());
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.control.lock().report.is_some()
    }

    /// The counts of the pipeline so far.
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// # let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
    /// #     .stage_fn("nothing", |_: &(), _window| Ok(()))
    /// #     .every(Period::Millis(1))
    /// #     .build()?;
    /// let running = pipeline.start(laneway::Runtime::global());
    /// outputs.recv()?;
    /// assert!(running.counts().ticks >= 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> PipelineCounts {
        self.control.lock().counts.clone()
    }

    /// Lets the pipeline run on without a handle, until its outputs are dropped or its runtime
    /// ends.
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// # let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
    /// #     .stage_fn("nothing", |_: &(), _window| Ok(()))
    /// #     .every(Period::Millis(1))
    /// #     .build()?;
    /// pipeline.start(laneway::Runtime::global()).detach();
    /// assert!(outputs.recv().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detach(mut self) {
        self.when_dropped = Instruction::GoOn;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.order(self.when_dropped);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("counts", &self.counts())
            .field("ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

/// The account of a pipeline that has ended. Made by [`Running::shutdown`] and [`Running::ended`].
///
/// [`Running`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineReport {
    /// Why it ended.
    pub end: End,
    /// The counts at the end.
    pub counts: PipelineCounts,
    /// The window of the tick that was running, if it could not be brought to its end: there is
    /// no data set of it.
    pub cut_off: Option<Window>,
    /// The stages that were still running, of that tick or of earlier ones.
    pub still_running: Vec<Arc<str>>,
}

/// Why a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// [`Running::shutdown`] was called.
    ShutDown,
    /// The [`Running`] was dropped.
    HandleDropped,
    /// All [`Outputs`](super::Outputs) were dropped.
    OutputsDropped,
    /// The runtime that it ran on was shut down or dropped.
    RuntimeEnded,
}

/// The counts of a pipeline. Made by [`Running::counts`].
///
/// ```
/// use laneway::pipeline::PipelineCounts;
///
/// assert_eq!(PipelineCounts::default().ticks, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineCounts {
    /// Ticks that came to a data set, whether or not it was received.
    pub ticks: u64,
    /// Ticks that had to wait because the outputs were full.
    pub blocked: u64,
    /// Data sets that made room for newer ones.
    pub dropped: u64,
    /// Periods that were skipped because they had been missed.
    pub skipped: u64,
    /// Periods that had been missed and became a part of a longer window.
    pub coalesced: u64,
    /// Entries with an output.
    pub done: u64,
    /// Entries of stages that gave an error.
    pub failed: u64,
    /// Entries of stages that panicked.
    pub panicked: u64,
    /// Entries of stages that had no result in time.
    pub timed_out: u64,
    /// Entries of stages that could not read the input in time.
    pub input_locked: u64,
    /// Entries of stages whose earlier run had not ended.
    pub busy: u64,
}

impl PipelineCounts {
    pub(super) fn add<O>(&mut self, data_set: &DataSet<O>) {
        self.ticks += 1;
        for entry in &data_set.entries {
            let count = match entry.outcome {
                StageOutcome::Done(_) => &mut self.done,
                StageOutcome::Failed(_) => &mut self.failed,
                StageOutcome::Panicked(_) => &mut self.panicked,
                StageOutcome::TimedOut => &mut self.timed_out,
                StageOutcome::InputLocked => &mut self.input_locked,
                StageOutcome::Busy { .. } => &mut self.busy,
            };
            *count += 1;
        }
    }
}

/// Between a pipeline's handle and its task.
pub(super) struct Control(Mutex<State>);

struct State {
    order: Instruction,
    counts: PipelineCounts,
    /// Some once the pipeline has ended.
    report: Option<PipelineReport>,
    /// The pipeline's task, until it ends.
    task: Option<Waker>,
    /// The callers that wait for the report.
    waiting: Waiters,
}

/// An instruction to a pipeline. The later ones in this list are the stronger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    GoOn,
    /// To begin no tick, and to end the one that is running. None: in its own time.
    FinishBy(Option<Instant>),
    Stop,
}

impl Instruction {
    /// The stronger of two instructions.
    fn and(self, other: Instruction) -> Instruction {
        match (self, other) {
            (Instruction::Stop, _) | (_, Instruction::Stop) => Instruction::Stop,
            (Instruction::GoOn, order) | (order, Instruction::GoOn) => order,
            (Instruction::FinishBy(Some(one)), Instruction::FinishBy(Some(two))) => {
                Instruction::FinishBy(Some(one.min(two)))
            }
            (Instruction::FinishBy(one), Instruction::FinishBy(two)) => {
                Instruction::FinishBy(one.or(two))
            }
        }
    }
}

impl Control {
    pub(super) fn new() -> Arc<Control> {
        Arc::new(Control(Mutex::new(State {
            order: Instruction::GoOn,
            counts: PipelineCounts::default(),
            report: None,
            task: None,
            waiting: Waiters::default(),
        })))
    }

    fn order(&self, order: Instruction) {
        let mut state = self.lock();
        state.order = state.order.and(order);
        let task = state.task.take();
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// The present instruction; the task is woken when that changes.
    pub(super) fn poll_order(&self, cx: &mut Context<'_>) -> Instruction {
        let mut state = self.lock();
        let before = state.task.replace(cx.waker().clone());
        let order = state.order;
        drop(state);
        drop(before);
        order
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut PipelineCounts)) {
        change(&mut self.lock().counts);
    }

    /// Notes the end, and tells the callers that wait for it. The task's own waker goes: it keeps
    /// the memory of the task, and handles keep this state.
    pub(super) fn finish(&self, end: End, cut_off: Option<Window>, still_running: Vec<Arc<str>>) {
        let mut state = self.lock();
        state.report = Some(PipelineReport {
            end,
            counts: state.counts.clone(),
            cut_off,
            still_running,
        });
        let (waiting, task) = (state.waiting.take(), state.task.take());
        drop(state);
        drop(task);
        waiting.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.0.lock())
    }
}

/// A wait for the report.
struct ReportWait<'a> {
    control: &'a Control,
    waiter: Option<WaiterId>,
}

impl ReportWait<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<PipelineReport> {
        let mut state = self.control.lock();
        if let Some(report) = &state.report {
            return Poll::Ready(report.clone());
        }
        let before = state.waiting.wait(&mut self.waiter, cx.waker());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl Drop for ReportWait<'_> {
    fn drop(&mut self) {
        let waker = self.control.lock().waiting.leave(&mut self.waiter);
        // Dropped here, after the lock.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_counts_and_a_stop_counts_more() {
        let soon = now();
        let later = soon + SHUTDOWN_DEADLINE;
        let finish = |deadline| Instruction::FinishBy(deadline);
        for (one, two, both) in [
            (Instruction::GoOn, Instruction::GoOn, Instruction::GoOn),
            (Instruction::GoOn, finish(None), finish(None)),
            (finish(None), finish(Some(later)), finish(Some(later))),
            (finish(Some(soon)), finish(Some(later)), finish(Some(soon))),
            (finish(Some(soon)), Instruction::Stop, Instruction::Stop),
            (Instruction::GoOn, Instruction::Stop, Instruction::Stop),
        ] {
            assert_eq!((one.and(two), two.and(one)), (both, both));
        }
    }
}
