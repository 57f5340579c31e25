//! The outcomes of the stages of one tick.

use std::fmt;
use std::sync::Arc;

use super::stage::StageError;
use super::window::Window;
use crate::ground::shield::shielded;

/// The outcomes of all stages for one window.
///
/// ```
/// use laneway::Runtime;
/// use laneway::pipeline::{Period, Pipeline, Shared};
///
/// let (pipeline, outputs) = Pipeline::builder(Shared::new(vec![3, 4]))
///     .stage_fn("sum", |numbers: &Vec<u32>, _window| Ok(numbers.iter().sum()))
///     .stage_fn("first", |numbers, _window| Ok(*numbers.first().ok_or("no number")?))
///     .every(Period::Millis(5))
///     .build()?;
/// let rt = Runtime::builder().build()?;
/// let _running = pipeline.start(&rt);
///
/// let data_set = outputs.recv()?;
/// assert_eq!((data_set.window.start % 5, data_set.window.length()), (0, 5));
/// assert!(data_set.timestamp >= data_set.window.end);
/// assert_eq!(data_set.output("sum"), Some(&7));
/// let names: Vec<&str> = data_set.entries.iter().map(|entry| &*entry.stage).collect();
/// assert_eq!(names, ["sum", "first"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct DataSet<Output> {
    /// The span of time that it is about.
    pub window: Window,
    /// When its stages were started, by the pipeline's clock, in the window's unit. On time, this
    /// is the window's end; what it is more is how late the tick was.
    pub timestamp: i64,
    /// The span that was left out between the data set before and this one:
    /// [`MissedWindows::Skip`](super::MissedWindows::Skip) says when.
    pub skipped: Option<Window>,
    /// An entry for every stage, in the order in which they were added.
    pub entries: Vec<Entry<Output>>,
}

impl<Output> DataSet<Output> {
    /// Drops each output by itself: the panic of one's destructor is told to the log, and keeps no
    /// other from being dropped.
    pub(super) fn discard(mut self) {
        while !self.entries.is_empty() {
            // Dropped where it lies: an output may be large.
            shielded("a destructor of a stage's output", || {
                drop(self.entries.drain(..1));
            });
        }
    }

    /// The outcome of the stage of this name. `None` if there is no such stage.
    ///
    /// ```
    /// use laneway::Runtime;
    /// use laneway::pipeline::{Period, Pipeline, Shared, StageOutcome};
    ///
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(""))
    ///     .stage_fn("number", |text: &&str, _window| Ok(text.parse::<f64>()?))
    ///     .every(Period::Millis(1))
    ///     .build()?;
    /// let _running = pipeline.start(Runtime::global());
    /// let data_set = outputs.recv()?;
    /// assert!(matches!(data_set.outcome("number"), Some(StageOutcome::Failed(_))));
    /// assert!(data_set.outcome("letter").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn outcome(&self, stage: &str) -> Option<&StageOutcome<Output>> {
        let mut entries = self.entries.iter();
        Some(&entries.find(|entry| &*entry.stage == stage)?.outcome)
    }

    /// The output of the stage of this name, if there is such a stage and it has one.
    /// [`DataSet`] has an example.
    #[must_use]
    pub fn output(&self, stage: &str) -> Option<&Output> {
        self.outcome(stage)?.output()
    }
}

/// The outcome of one stage in one tick.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry<Output> {
    /// The stage's name.
    pub stage: Arc<str>,
    /// How it went.
    pub outcome: StageOutcome<Output>,
}

/// How a stage's run for one window went.
///
/// ```
/// use laneway::pipeline::StageOutcome;
///
/// let done = StageOutcome::Done(4.5);
/// assert_eq!(done.output(), Some(&4.5));
/// assert_eq!(done.to_string(), "done");
/// let failed = StageOutcome::<f64>::Failed("no sample".into());
/// assert_eq!(failed.to_string(), "failed: no sample");
/// ```
#[derive(Debug)]
pub enum StageOutcome<Output> {
    /// It has an output.
    Done(Output),
    /// It gave an error.
    Failed(StageError),
    /// It panicked, with this message.
    Panicked(String),
    /// It had no result in time: it still runs, or no thread has come to it. A later result is
    /// dropped.
    TimedOut,
    /// It did not run: a writer had the input, or waited for it, for as long as the
    /// [lock timeout](super::PipelineBuilder::lock_timeout).
    InputLocked,
    /// It was not started: its run for an earlier window still goes on.
    Busy {
        /// That window.
        window: Window,
    },
}

impl<Output> StageOutcome<Output> {
    /// The output, if there is one.
    ///
    /// ```
    /// use laneway::pipeline::StageOutcome;
    ///
    /// assert_eq!(StageOutcome::Done(4.5).output(), Some(&4.5));
    /// assert_eq!(StageOutcome::<f64>::TimedOut.output(), None);
    /// ```
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        match self {
            StageOutcome::Done(output) => Some(output),
            _ => None,
        }
    }
}

impl<Output> fmt::Display for StageOutcome<Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StageOutcome::Done(_) => f.write_str("done"),
            StageOutcome::Failed(error) => write!(f, "failed: {error}"),
            StageOutcome::Panicked(message) => write!(f, "panicked: {message}"),
            StageOutcome::TimedOut => f.write_str("timed out"),
            StageOutcome::InputLocked => f.write_str("the input was locked for too long"),
            StageOutcome::Busy { window } => write!(f, "still runs for the window {window}"),
        }
    }
}
