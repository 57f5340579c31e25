//! Pipelines: stages run together over windows of time, results gathered tick by tick.
//!
//! Stages share an input, which others keep updating. Whenever a window of time is complete, all
//! stages look at the input, at the same time, each on a thread of the low queue; what they come to
//! is gathered into one [`DataSet`] and sent to the [`Outputs`].
//!
//! A stage is a closure with a name:
//!
//! ```
//! use laneway::Runtime;
//! use laneway::pipeline::{Period, Pipeline, Shared, Unit};
//!
//! // Samples with the milliseconds at which they were taken.
//! let samples = Shared::new(Vec::<(i64, f64)>::new());
//! let (pipeline, outputs) = Pipeline::builder(samples.clone())
//!     .stage_fn("count", |samples: &Vec<(i64, f64)>, window| {
//!         Ok(samples.iter().filter(|(at, _)| window.contains(*at)).count() as f64)
//!     })
//!     .stage_fn("last", |samples, _window| Ok(samples.last().ok_or("no sample yet")?.1))
//!     .every(Period::Millis(5))
//!     .build()?;
//! let clock = pipeline.clock();
//! let rt = Runtime::builder().build()?;
//! let running = pipeline.start(&rt);
//!
//! samples.update(|samples| samples.push((clock.now(Unit::Millis), 20.5)));
//! while outputs.recv()?.output("last") != Some(&20.5) {}
//! let report = rt.block_on(running.shutdown());
//! assert_eq!(report.counts.panicked, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A stage with settings or a state of its own is a type that implements [`Stage`]:
//!
//! ```
//! use laneway::pipeline::{Period, Pipeline, Shared, Stage, StageError, Unit, Window};
//!
//! /// Samples with the milliseconds at which they were taken.
//! type Series = Vec<(i64, f64)>;
//!
//! /// The mean of the samples of the last `over` milliseconds.
//! struct RollingAverage {
//!     over: i64,
//! }
//!
//! impl Stage<Series> for RollingAverage {
//!     type Output = f64;
//!
//!     fn name(&self) -> &str {
//!         "average"
//!     }
//!
//!     fn run(&self, series: &Series, window: Window) -> Result<f64, StageError> {
//!         let span = window.end - self.over..window.end;
//!         let inside = series.iter().filter(|(at, _)| span.contains(at));
//!         let (count, sum) = inside.fold((0, 0.0), |(n, sum), (_, x)| (n + 1, sum + x));
//!         if count == 0 {
//!             return Err("no samples yet".into());
//!         }
//!         Ok(sum / f64::from(count))
//!     }
//! }
//!
//! let average = RollingAverage { over: 60_000 };
//! let series: Series = vec![(0, 1.0), (5, 5.0)];
//! let window = Window { start: 0, end: 10, unit: Unit::Millis };
//! assert_eq!(average.run(&series, window).unwrap(), 3.0);
//!
//! let (pipeline, outputs) = Pipeline::builder(Shared::new(series))
//!     .stage(average)
//!     .every(Period::Millis(5))
//!     .build()?;
//! # let _ = (pipeline, outputs);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied upon
//!
//! - Windows are half-open and aligned to the period, follow one another without a gap and
//!   without an overlap, and run when they are complete, never before. [`MissedWindows`] says what
//!   happens to those that are late.
//! - A tick ends in bounded time: a stage that is not done within the
//!   [stage timeout](PipelineBuilder::stage_timeout) is told by its entry in the data set, and its
//!   later output goes nowhere. An error, a panic, and an input that was locked for too long are
//!   told by entries as well.
//! - Ticks do not overlap, and no stage runs twice at a time.
//! - The [`Outputs`] are bounded. When they are full, the pipeline waits or drops the oldest, as
//!   [`Overflow`] says, and counts either.
//! - [`Running::shutdown`] lets the running tick finish, up to a deadline, and reports.
//!
//! All of it also works in a [simulation](crate::sim), where [`Pipeline::start_here`] starts it and
//! time passes as fast as it can.
//!
//! Pipelines chain: [`Outputs::feed`] puts the data sets of one into the input of the next.
//!
//! # Where to read
//!
//! `window.rs` is the arithmetic and `clock.rs` the time it is fed with; `stage.rs` is what a user
//! writes, `data_set.rs` what comes out. `run.rs` is the pipeline's task; it hands each stage to
//! its lane (`lane.rs`), collects in a gathering (`gathering.rs`), and sends to the outputs
//! (`outputs.rs`). `running.rs` is the handle, `shared.rs` the input's lock.

mod builder;
mod clock;
mod data_set;
mod gathering;
mod lane;
mod outputs;
mod run;
mod running;
mod settings;
mod shared;
mod stage;
mod waiters;
mod window;

pub use builder::{PipelineBuilder, PipelineError};
pub use clock::PipelineClock;
pub use data_set::{DataSet, Entry, StageOutcome};
pub use outputs::{Outputs, Overflow, RecvError, TryRecvError};
pub use run::Pipeline;
pub use running::{End, PipelineCounts, PipelineReport, Running};
pub use shared::{ReadGuard, Shared, WriteGuard};
pub use stage::{Stage, StageError};
pub use window::{MissedWindows, Period, Unit, Window};
