//! A stage: one computation over the input and a window of time.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use super::window::Window;

/// Why a stage has no output: any error. `?` makes one of every error type, and `.into()` one of
/// a text.
///
/// ```
/// use laneway::pipeline::StageError;
///
/// fn parse(text: &str) -> Result<f64, StageError> {
///     if text.is_empty() {
///         return Err("no sample".into());
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("").unwrap_err().to_string(), "no sample");
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid float literal");
/// ```
pub type StageError = Box<dyn Error + Send + Sync>;

/// One computation of a pipeline: looks at the shared input and a window of time, and gives an
/// output.
///
/// All stages of a pipeline have the same input and the same type of output, so that a data set is
/// a plain list; where they differ, the output is an enum. The stages of a tick run at the same
/// time, each in a task on the low queue, as far as there are threads that serve it. They may see
/// different states of the input, if another task updates it in between: a stage that looks at what
/// lies in its window, and nothing newer, does not notice.
///
/// `run` is synchronous on purpose: the input is locked while it runs, and no task should hold a
/// lock while waiting for something else. It keeps its thread busy until it returns. One that never
/// returns keeps that thread for ever, and the lock with it: the data sets say
/// [`TimedOut`](super::StageOutcome::TimedOut), then [`Busy`](super::StageOutcome::Busy), and once
/// a writer wants to update the input, [`InputLocked`](super::StageOutcome::InputLocked) for the
/// other stages.
///
/// A stage is not started again before its run for an earlier window has ended. One that updates
/// its own pipeline's input waits for itself.
///
/// ```
/// use laneway::pipeline::{Stage, StageError, Unit, Window};
///
/// /// The mean of the samples of a window.
/// struct Mean;
///
/// impl Stage<Vec<(i64, f64)>> for Mean {
///     type Output = f64;
///
///     fn name(&self) -> &str {
///         "mean"
///     }
///
///     fn run(&self, samples: &Vec<(i64, f64)>, window: Window) -> Result<f64, StageError> {
///         let inside = samples.iter().filter(|(at, _)| window.contains(*at));
///         let (count, sum) = inside.fold((0, 0.0), |(n, sum), (_, x)| (n + 1, sum + x));
///         match count {
///             0 => Err(format!("no sample in {window}").into()),
///             n => Ok(sum / f64::from(n)),
///         }
///     }
/// }
///
/// let samples = vec![(9, 1.0), (10, 2.0), (19, 4.0), (20, 8.0)];
/// let window = Window { start: 10, end: 20, unit: Unit::Seconds };
/// assert_eq!(Mean.run(&samples, window).unwrap(), 3.0);
/// ```
pub trait Stage<Input>: Send + Sync {
    /// The output of the stage.
    type Output;

    /// The name by which the stage's output is found in a data set. Asked once, when the stage is
    /// added.
    fn name(&self) -> &str;

    /// Computes the output for one window.
    ///
    /// # Errors
    ///
    /// The reason that keeps it from having an output. It becomes the stage's entry in the data
    /// set, as a panic does; the pipeline goes on.
    fn run(&self, input: &Input, window: Window) -> Result<Self::Output, StageError>;
}

pub(super) type BoxedStage<Input, Output> = Box<dyn Stage<Input, Output = Output>>;

/// A stage made of a closure. Made by
/// [`PipelineBuilder::stage_fn`](super::PipelineBuilder::stage_fn).
pub(super) struct StageFn<F, Output> {
    pub(super) name: String,
    pub(super) run: F,
    pub(super) output: PhantomData<fn() -> Output>,
}

impl<Input, Output, F> Stage<Input> for StageFn<F, Output>
where
    Output: Send + 'static,
    F: Fn(&Input, Window) -> Result<Output, StageError> + Send + Sync + 'static,
{
    type Output = Output;

    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, input: &Input, window: Window) -> Result<Output, StageError> {
        (self.run)(input, window)
    }
}

impl<F, Output> fmt::Debug for StageFn<F, Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageFn")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
