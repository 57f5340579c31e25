//! The pipeline's own task: waits for ticks, lets the stages run, and hands on what they give.
//!
//! It is a high task and does no work itself. It awaits no stage's task, which would raise it to
//! high priority: stages put their outcomes into a gathering, and that wakes it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_lite::future::yield_now;

use super::clock::PipelineClock;
use super::data_set::{DataSet, Entry, StageOutcome};
use super::gathering::{Gathered, Gathering, OutcomeSender};
use super::lane::{Assigned, Lane, StageRun};
use super::outputs::{Overflow, Sender};
use super::running::{Control, End, Instruction, Running};
use super::settings::Settings;
use super::window::{DueWindow, Window, Windows};
use crate::time::{Sleep, now, sleep_until};
use crate::{Priority, Runtime, ShutdownBegun, named, shutdown_begun};

/// Stages that run together for every window of time. Made by
/// [`PipelineBuilder::build`](super::PipelineBuilder::build), together with its
/// [`Outputs`](super::Outputs).
///
/// ```
/// use laneway::Runtime;
/// use laneway::pipeline::{Period, Pipeline, Shared};
///
/// let numbers = Shared::new(vec![1.0, 2.0, 6.0]);
/// let (pipeline, outputs) = Pipeline::builder(numbers.clone())
///     .stage_fn("sum", |numbers: &Vec<f64>, _window| Ok(numbers.iter().sum::<f64>()))
///     .stage_fn("peak", |numbers, _window| Ok(numbers.iter().copied().fold(0.0, f64::max)))
///     .every(Period::Millis(1))
///     .build()?;
/// let rt = Runtime::builder().build()?;
/// let running = pipeline.start(&rt);
///
/// let first = outputs.recv()?;
/// assert_eq!((first.output("sum"), first.output("peak")), (Some(&9.0), Some(&6.0)));
/// numbers.update(|numbers| numbers.push(1.0));
/// while outputs.recv()?.output("sum") != Some(&10.0) {}
/// rt.block_on(running.shutdown());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a pipeline does nothing until it is started"]
pub struct Pipeline<Input, Output> {
    pub(super) lanes: Vec<Arc<Lane<Input, Output>>>,
    pub(super) clock: PipelineClock,
    pub(super) settings: Settings,
    pub(super) sender: Sender<Output>,
}

impl<Input, Output> Pipeline<Input, Output>
where
    Input: Send + Sync + 'static,
    Output: Send + 'static,
{
    /// The clock that its windows are aligned to, for timestamps in its input and for other
    /// pipelines.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Pipeline, Shared, Unit};
    ///
    /// let (pipeline, _outputs) = Pipeline::builder(Shared::new(0))
    ///     .stage_fn("same", |input: &i32, _window| Ok(*input))
    ///     .every(Period::Seconds(1))
    ///     .build()?;
    /// assert!(pipeline.clock().now(Unit::Seconds) > 1_700_000_000);
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    #[must_use]
    pub fn clock(&self) -> PipelineClock {
        self.clock
    }

    /// Starts it on a runtime. The first tick comes at the end of the window that the start lies
    /// in.
    ///
    /// Stages run on the runtime's low queue, in tasks that have their names; a task of the
    /// pipeline's own, `pipeline`, waits for ticks and timeouts on the high one. Where the threads
    /// that serve the high queue may also run low tasks, and long stages keep all of them busy,
    /// timeouts are noticed when the first of these stages returns.
    ///
    /// The pipeline ends with its runtime. [`Runtime::shutdown`] lets the running tick finish, and
    /// does not wait for the next. If the runtime has been shut down before, the pipeline ends at
    /// once, and its report says so.
    ///
    /// [`Pipeline`] has an example.
    #[track_caller]
    pub fn start(self, runtime: &Runtime) -> Running {
        let (driver, running) = self.into_driver();
        let task = runtime
            .named("pipeline")
            .spawn(driver.run(), Priority::High);
        task.detach();
        running
    }

    /// Starts it on the runtime that this code runs on: the one that
    /// [`spawn`](crate::spawn()) would use.
    ///
    /// ```
    /// use laneway::Runtime;
    /// use laneway::pipeline::{Period, Pipeline, Shared};
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.block_on(async {
    ///     let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
    ///         .stage_fn("double", |input: &i32, _window| Ok(2 * input))
    ///         .every(Period::Millis(1))
    ///         .build()?;
    ///     let _running = pipeline.start_here();
    ///     assert_eq!(outputs.recv_async().await?.output("double"), Some(&4));
    ///     Ok::<(), Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn start_here(self) -> Running {
        let (driver, running) = self.into_driver();
        named("pipeline")
            .spawn(driver.run(), Priority::High)
            .detach();
        running
    }

    fn into_driver(self) -> (Driver<Input, Output>, Running) {
        let Settings {
            period,
            unit,
            missed,
            ..
        } = self.settings;
        let control = Control::new();
        let driver = Driver {
            clock: self.clock,
            settings: self.settings,
            windows: Windows::new(self.clock.now(unit), period, unit, missed),
            deadline: None,
            shutdown_begun: shutdown_begun(),
            sender: self.sender,
            reporter: EndReporter {
                control: control.clone(),
                lanes: self.lanes,
                end: End::RuntimeEnded,
                cut_off: None,
            },
        };
        (driver, Running::new(control))
    }
}

impl<Input, Output> fmt::Debug for Pipeline<Input, Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<&str> = self.lanes.iter().map(|lane| &*lane.name).collect();
        f.debug_struct("Pipeline")
            .field("stages", &stages)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The state of the pipeline's task.
struct Driver<I, O> {
    clock: PipelineClock,
    settings: Settings,
    windows: Windows,
    /// Of the shutdown that was ordered.
    deadline: Option<Sleep>,
    /// Of the runtime.
    shutdown_begun: ShutdownBegun,
    // Dropped before the reporter: a caller that gets the report finds that the outputs have ended.
    sender: Sender<O>,
    reporter: EndReporter<I, O>,
}

impl<I, O> Driver<I, O>
where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    async fn run(mut self) {
        loop {
            if let Err(end) = self.turn().await {
                self.reporter.end = end;
                return;
            }
        }
    }

    /// One tick.
    async fn turn(&mut self) -> Result<(), End> {
        let tick = self.next_tick().await?;
        self.reporter.cut_off = Some(tick.window);
        let data_set = self.gather(tick).await?;
        self.reporter.control.count(|counts| counts.add(&data_set));
        self.deliver(data_set).await?;
        self.reporter.cut_off = None;
        Ok(())
    }

    /// Waits until a window is complete.
    async fn next_tick(&mut self) -> Result<DueWindow, End> {
        // One that is behind lets others run before it goes on.
        yield_now().await;
        let due = self
            .clock
            .instant_of(self.windows.due(), self.settings.unit);
        let mut sleep = due.map_or_else(Sleep::forever, sleep_until);
        poll_fn(|cx| self.poll_idle(&mut sleep, cx)).await?;
        let now = self.clock.now(self.settings.unit);
        let tick = self.windows.take(now).expect("a sleep does not end early");
        self.count_missed(&tick);
        Ok(tick)
    }

    fn poll_idle(&mut self, due: &mut Sleep, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.reporter.control.poll_order(cx) {
            Instruction::GoOn => {}
            Instruction::FinishBy(_) => return Poll::Ready(Err(End::ShutDown)),
            Instruction::Stop => return Poll::Ready(Err(End::HandleDropped)),
        }
        if self.sender.poll_abandoned(cx).is_ready() {
            return Poll::Ready(Err(End::OutputsDropped));
        }
        if Pin::new(&mut self.shutdown_begun).poll(cx).is_ready() {
            return Poll::Ready(Err(End::RuntimeEnded));
        }
        Pin::new(due).poll(cx).map(Ok)
    }

    fn count_missed(&self, tick: &DueWindow) {
        let skipped = tick.skipped.map_or(0, |span| self.windows.count(span));
        let coalesced = self.windows.count(tick.window) - 1;
        self.reporter.control.count(|counts| {
            counts.skipped += skipped;
            counts.coalesced += coalesced;
        });
    }

    /// Lets all stages run, and waits for their outcomes.
    async fn gather(&mut self, tick: DueWindow) -> Result<DataSet<O>, End> {
        let started = now();
        let gathering = Gathering::new(self.reporter.lanes.len());
        self.assign(&gathering, tick.window, started);
        let mut timeout = sleep_until(started + self.settings.stage_timeout);
        poll_fn(|cx| self.poll_gather(&gathering, &mut timeout, cx)).await?;
        Ok(DataSet {
            window: tick.window,
            timestamp: self.clock.at(started, self.settings.unit),
            skipped: tick.skipped,
            entries: self.close(&gathering),
        })
    }

    fn assign(&self, gathering: &Arc<Gathering<O>>, window: Window, started: Instant) {
        for (stage, lane) in self.reporter.lanes.iter().enumerate() {
            let outcome_to = OutcomeSender {
                gathering: gathering.clone(),
                stage,
            };
            let lock_by = started + self.settings.lock_timeout;
            match lane.assign(StageRun {
                window,
                lock_by,
                outcome_to,
            }) {
                Assigned::Spawn(task) => {
                    named(lane.name.clone()).spawn(task, Priority::Low).detach();
                }
                Assigned::Taken => {}
                Assigned::Busy(window, outcome_to) => {
                    let taken = outcome_to.send(Box::new(StageOutcome::Busy { window }));
                    assert!(
                        taken.is_ok(),
                        "a gathering is open until it is closed below"
                    );
                }
            }
        }
    }

    fn poll_gather(
        &mut self,
        gathering: &Gathering<O>,
        timeout: &mut Sleep,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        match gathering.poll(cx) {
            Poll::Ready(Gathered::All) => return Poll::Ready(Ok(())),
            Poll::Ready(Gathered::Refused) => return Poll::Ready(Err(End::RuntimeEnded)),
            Poll::Pending => {}
        }
        if let Poll::Ready(end) = self.poll_cut_off(cx) {
            return Poll::Ready(Err(end));
        }
        Pin::new(timeout).poll(cx).map(Ok)
    }

    /// An entry for every stage, also for those that have brought no outcome.
    fn close(&self, gathering: &Gathering<O>) -> Vec<Entry<O>> {
        let lanes = &self.reporter.lanes;
        let mut entries = Vec::with_capacity(lanes.len());
        // Not by an adapter of the iterator's: an output that may be large is handed through few
        // functions.
        for (lane, outcome) in lanes.iter().zip(gathering.close()) {
            let outcome = outcome.unwrap_or_else(|| lane.close());
            entries.push(Entry {
                stage: lane.name.clone(),
                outcome: *outcome,
            });
        }
        entries
    }

    /// Ready when the running tick must not go on.
    fn poll_cut_off(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.sender.poll_abandoned(cx).is_ready() {
            return Poll::Ready(End::OutputsDropped);
        }
        match self.reporter.control.poll_order(cx) {
            Instruction::GoOn | Instruction::FinishBy(None) => Poll::Pending,
            Instruction::Stop => Poll::Ready(End::HandleDropped),
            Instruction::FinishBy(Some(deadline)) => {
                let sleep = self.deadline.get_or_insert_with(|| sleep_until(deadline));
                if sleep.deadline() != Some(deadline) {
                    sleep.reset(deadline);
                }
                ready!(Pin::new(sleep).poll(cx));
                Poll::Ready(End::ShutDown)
            }
        }
    }

    async fn deliver(&mut self, data_set: DataSet<O>) -> Result<(), End> {
        match self.settings.overflow {
            Overflow::DropOldest => self.make_room(),
            Overflow::Block => self.wait_for_room().await?,
        }
        self.sender.push(data_set);
        Ok(())
    }

    fn make_room(&self) {
        while let Some(oldest) = self.sender.make_room() {
            self.reporter.control.count(|counts| counts.dropped += 1);
            oldest.discard();
        }
    }

    async fn wait_for_room(&mut self) -> Result<(), End> {
        if self.sender.is_full() {
            self.reporter.control.count(|counts| counts.blocked += 1);
            poll_fn(|cx| self.poll_room(cx)).await?;
        }
        Ok(())
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if self.sender.poll_abandoned(cx).is_ready() {
            return Poll::Ready(Err(End::OutputsDropped));
        }
        // The last data set goes in on top: no task has to receive during a shutdown.
        if Pin::new(&mut self.shutdown_begun).poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        match self.reporter.control.poll_order(cx) {
            Instruction::GoOn => self.sender.poll_room(cx).map(Ok),
            Instruction::Stop => Poll::Ready(Err(End::HandleDropped)),
            Instruction::FinishBy(_) => Poll::Ready(Ok(())),
        }
    }
}

/// Reports the end, in whichever way it comes: the task may also be cancelled.
struct EndReporter<I, O> {
    control: Arc<Control>,
    lanes: Vec<Arc<Lane<I, O>>>,
    end: End,
    /// The window of the tick that has begun and is not delivered.
    cut_off: Option<Window>,
}

impl<I, O> Drop for EndReporter<I, O> {
    fn drop(&mut self) {
        let mut still_running = Vec::new();
        for lane in &self.lanes {
            // A run that has not begun does not begin any more; no tick is left to be told.
            drop(lane.close());
            if lane.is_running() {
                still_running.push(lane.name.clone());
            }
        }
        self.control.finish(self.end, self.cut_off, still_running);
    }
}
