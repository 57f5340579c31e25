//! The parts of a pipeline, and the combinations of them that cannot work.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::clock::PipelineClock;
use super::lane::Lane;
use super::outputs::{Outputs, Overflow, channel};
use super::run::Pipeline;
use super::settings::Settings;
use super::shared::Shared;
use super::stage::{BoxedStage, Stage, StageError, StageFn};
use super::window::{BadLength, MissedWindows, Period, Window};

const DEFAULT_CAPACITY: usize = 16;

/// The stage timeout that is not set, unless the period is longer.
const DEFAULT_STAGE_TIMEOUT: Duration = Duration::from_secs(1);

const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A timeout longer than this is as good as none, and every clock can say when it is over.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Configures a pipeline. Made by [`Pipeline::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`stage`](PipelineBuilder::stage), [`stage_fn`](PipelineBuilder::stage_fn) | none: add one |
/// | [`every`](PipelineBuilder::every) | none: has to be set |
/// | [`missed_windows`](PipelineBuilder::missed_windows) | [`MissedWindows::Burst`] |
/// | [`stage_timeout`](PipelineBuilder::stage_timeout) | the period, but at least a second |
/// | [`lock_timeout`](PipelineBuilder::lock_timeout) | a second |
/// | [`capacity`](PipelineBuilder::capacity) | 16 data sets |
/// | [`overflow`](PipelineBuilder::overflow) | [`Overflow::Block`] |
/// | [`clock`](PipelineBuilder::clock) | [`PipelineClock::unix`] |
///
/// ```
/// use laneway::pipeline::{Period, MissedWindows, Overflow, Pipeline, Shared};
/// use std::time::Duration;
///
/// let (pipeline, outputs) = Pipeline::builder(Shared::new(vec![0.5]))
///     .stage_fn("count", |samples: &Vec<f64>, _window| Ok(samples.len()))
///     .every(Period::Millis(10))
///     .missed_windows(MissedWindows::Coalesce)
///     .stage_timeout(Duration::from_secs(5))
///     .lock_timeout(Duration::from_millis(100))
///     .capacity(4)
///     .overflow(Overflow::DropOldest)
///     .build()?;
/// let _running = pipeline.start(laneway::Runtime::global());
/// assert_eq!(outputs.recv()?.output("count"), Some(&1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct PipelineBuilder<Input, Output> {
    input: Shared<Input>,
    stages: Vec<(Arc<str>, BoxedStage<Input, Output>)>,
    period: Option<Period>,
    missed: MissedWindows,
    stage_timeout: Option<Duration>,
    lock_timeout: Duration,
    capacity: usize,
    overflow: Overflow,
    clock: Option<PipelineClock>,
}

impl<Input, Output> Pipeline<Input, Output>
where
    Input: Send + Sync + 'static,
    Output: Send + 'static,
{
    /// Begins to configure a pipeline over an input. [`PipelineBuilder`] lists the settings.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineError, Pipeline, Shared};
    ///
    /// let nothing = Pipeline::<_, f64>::builder(Shared::new(0)).build();
    /// assert_eq!(nothing.unwrap_err(), PipelineError::NoStages);
    /// ```
    pub fn builder(input: Shared<Input>) -> PipelineBuilder<Input, Output> {
        PipelineBuilder::new(input)
    }
}

impl<Input, Output> PipelineBuilder<Input, Output>
where
    Input: Send + Sync + 'static,
    Output: Send + 'static,
{
    pub(super) fn new(input: Shared<Input>) -> PipelineBuilder<Input, Output> {
        PipelineBuilder {
            input,
            stages: Vec::new(),
            period: None,
            missed: MissedWindows::default(),
            stage_timeout: None,
            lock_timeout: DEFAULT_LOCK_TIMEOUT,
            capacity: DEFAULT_CAPACITY,
            overflow: Overflow::default(),
            clock: None,
        }
    }

    /// Adds a stage. Its name is asked for now, and has to differ from those of the others.
    ///
    /// [`Stage`] has an example.
    pub fn stage(
        mut self,
        stage: impl Stage<Input, Output = Output> + 'static,
    ) -> PipelineBuilder<Input, Output> {
        self.stages.push((Arc::from(stage.name()), Box::new(stage)));
        self
    }

    /// Adds a stage that is a closure.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Pipeline, Shared};
    ///
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(String::from("two words")))
    ///     .stage_fn("words", |text: &String, _window| Ok(text.split(' ').count()))
    ///     .stage_fn("number", |text, _window| Ok(text.parse()?))
    ///     .every(Period::Millis(1))
    ///     .build()?;
    /// let _running = pipeline.start(laneway::Runtime::global());
    /// let data_set = outputs.recv()?;
    /// assert_eq!(data_set.output("words"), Some(&2));
    /// assert_eq!(
    ///     data_set.outcome("number").unwrap().to_string(),
    ///     "failed: invalid digit found in string"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stage_fn<F>(self, name: impl Into<String>, run: F) -> PipelineBuilder<Input, Output>
    where
        F: Fn(&Input, Window) -> Result<Output, StageError> + Send + Sync + 'static,
    {
        let name = name.into();
        let stage = StageFn {
            name,
            run,
            output: PhantomData,
        };
        self.stage(stage)
    }

    /// Sets how long the windows are. Each runs when it is complete.
    pub fn every(mut self, period: Period) -> PipelineBuilder<Input, Output> {
        self.period = Some(period);
        self
    }

    /// Sets what becomes of windows that could not run in time. Default:
    /// [`MissedWindows::Burst`].
    pub fn missed_windows(mut self, missed: MissedWindows) -> PipelineBuilder<Input, Output> {
        self.missed = missed;
        self
    }

    /// Sets how long a tick waits for its stages, from its beginning: in the low queue, for the
    /// input, and in the run itself. Default: the period, but at least a second. At most 100
    /// years.
    ///
    /// A stage that has not begun by then does not run for this tick; one that has, runs on, and
    /// its result is dropped.
    pub fn stage_timeout(mut self, timeout: Duration) -> PipelineBuilder<Input, Output> {
        self.stage_timeout = Some(timeout);
        self
    }

    /// Sets how long a tick's stages wait for the input while a writer has it, from the tick's
    /// beginning. Default: a second. At most 100 years.
    ///
    /// The wait blocks no thread. It is what keeps a writer that waits for the outputs, with the
    /// input locked, from waiting for ever.
    pub fn lock_timeout(mut self, timeout: Duration) -> PipelineBuilder<Input, Output> {
        self.lock_timeout = timeout;
        self
    }

    /// Sets how many data sets the outputs hold. Default: 16.
    pub fn capacity(mut self, data_sets: usize) -> PipelineBuilder<Input, Output> {
        self.capacity = data_sets;
        self
    }

    /// Sets what happens when the outputs are full. Default: [`Overflow::Block`].
    pub fn overflow(mut self, overflow: Overflow) -> PipelineBuilder<Input, Output> {
        self.overflow = overflow;
        self
    }

    /// Sets the clock that windows are aligned to. Default: [`PipelineClock::unix`], as it is when
    /// the pipeline is built.
    pub fn clock(mut self, clock: PipelineClock) -> PipelineBuilder<Input, Output> {
        self.clock = Some(clock);
        self
    }

    /// Makes the pipeline, and the end at which its data sets come out.
    ///
    /// # Errors
    ///
    /// If the configuration cannot work; [`PipelineError`] lists how.
    ///
    /// ```
    /// use laneway::pipeline::{PipelineError, Period, Pipeline, Shared};
    ///
    /// let error = Pipeline::builder(Shared::new(1))
    ///     .stage_fn("same", |input: &i32, _window| Ok(*input))
    ///     .stage_fn("same", |input, _window| Ok(input + 1))
    ///     .every(Period::Seconds(1))
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(error, PipelineError::DuplicateStage { name: "same".into() });
    /// ```
    pub fn build(self) -> Result<(Pipeline<Input, Output>, Outputs<Output>), PipelineError> {
        self.check_stages()?;
        let settings = self.settings()?;
        let input = self.input;
        let stages = self.stages.into_iter();
        let lanes = stages.map(|(name, stage)| Lane::new(name, stage, input.clone()));
        let (sender, outputs) = channel(self.capacity);
        let pipeline = Pipeline {
            lanes: lanes.collect(),
            clock: self.clock.unwrap_or_else(PipelineClock::unix),
            settings,
            sender,
        };
        Ok((pipeline, outputs))
    }

    fn check_stages(&self) -> Result<(), PipelineError> {
        if self.stages.is_empty() {
            return Err(PipelineError::NoStages);
        }
        let mut names = BTreeSet::new();
        for (name, _) in &self.stages {
            if !names.insert(name) {
                return Err(PipelineError::DuplicateStage {
                    name: name.to_string(),
                });
            }
        }
        Ok(())
    }

    fn settings(&self) -> Result<Settings, PipelineError> {
        let period = self.period.ok_or(PipelineError::NoPeriod)?;
        let length = period.length().map_err(|bad| match bad {
            BadLength::Zero => PipelineError::ZeroPeriod,
            BadLength::TooLong => PipelineError::PeriodTooLong,
        })?;
        if self.capacity == 0 {
            return Err(PipelineError::ZeroCapacity);
        }
        let stage_timeout = self
            .stage_timeout
            .unwrap_or_else(|| period.duration().max(DEFAULT_STAGE_TIMEOUT));
        if stage_timeout.is_zero() || self.lock_timeout.is_zero() {
            return Err(PipelineError::ZeroTimeout);
        }
        Ok(Settings {
            period: length,
            unit: period.unit(),
            missed: self.missed,
            stage_timeout: stage_timeout.min(LONGEST_TIMEOUT),
            lock_timeout: self.lock_timeout.min(LONGEST_TIMEOUT),
            overflow: self.overflow,
        })
    }
}

impl<Input, Output> fmt::Debug for PipelineBuilder<Input, Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<&str> = self.stages.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("PipelineBuilder")
            .field("stages", &stages)
            .field("period", &self.period)
            .field("missed", &self.missed)
            .field("stage_timeout", &self.stage_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}

/// The reason why a pipeline cannot be built.
///
/// ```
/// use laneway::pipeline::PipelineError;
///
/// let error = PipelineError::DuplicateStage { name: "mean".into() };
/// assert_eq!(error.to_string(), "two stages have the name \"mean\": rename one of them");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PipelineError {
    /// There is no stage.
    NoStages,
    /// Two stages have the same name, so that a data set could not tell them apart.
    DuplicateStage {
        /// That name.
        name: String,
    },
    /// No period was set.
    NoPeriod,
    /// The period is zero.
    ZeroPeriod,
    /// The period is longer than 1,000 years.
    PeriodTooLong,
    /// The outputs could hold nothing.
    ZeroCapacity,
    /// The stage timeout or the lock timeout is zero, so that no stage could run.
    ZeroTimeout,
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            PipelineError::DuplicateStage { name } => {
                return write!(f, "two stages have the name {name:?}: rename one of them");
            }
            PipelineError::NoStages => "a pipeline needs a stage: add one by `stage_fn`",
            PipelineError::NoPeriod => "a pipeline needs a period: set it by `every`",
            PipelineError::ZeroPeriod => "the period is zero: it has to be one unit at least",
            PipelineError::PeriodTooLong => "the period is too long: 1,000 years are the most",
            PipelineError::ZeroCapacity => "the outputs need room for one data set at least",
            PipelineError::ZeroTimeout => {
                "a timeout is zero, so that no stage could run in time: set it longer"
            }
        };
        f.write_str(words)
    }
}

impl Error for PipelineError {}
