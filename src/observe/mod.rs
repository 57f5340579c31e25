//! Seeing a runtime run: a recorder of scheduler events and what its recordings can become, and a
//! monitor that lists the tasks there are and how long they wait.
//!
//! Every runtime counts what it does: [`Runtime::metrics`](crate::Runtime::metrics)
//! gives its [`RuntimeMetrics`]. All else here is an [`Observer`], or made of what one is told: an
//! [`Event`] for each step of the scheduler, a [`LongPoll`], a [`LostPanic`].
//!
//! A [`Recorder`] is an [`Observer`] that keeps the last events of every worker, each with its
//! time, in bounded memory. [`Recorder::save`] writes them to a file:
//!
//! - `run.html` is the replay page: one file that any browser opens, without a network. Tasks
//!   travel through queues and workers, and there is a scrubber.
//! - `run.json` is Chrome's trace event format, which <https://ui.perfetto.dev> opens.
//!
//! ```
//! use laneway::observe::Recorder;
//! use laneway::{Priority, Runtime};
//! use std::sync::Arc;
//!
//! let recorder = Arc::new(Recorder::new());
//! let rt = Runtime::builder().with_observer(recorder.clone()).build()?;
//! rt.block_on(rt.spawn(async { 42 }, Priority::High));
//!
//! let path = std::env::temp_dir().join("laneway-doc-run.html");
//! recorder.save(&path)?;
//! assert!(std::fs::read_to_string(&path)?.contains("<html"));
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Recording`] is what a recorder holds at one moment. It can be written anywhere, be put
//! into a page of one's own ([`Recording::to_replay_fragment`]), and be asked how long tasks
//! waited ([`Recording::waits`]).
//!
//! A runtime that goes on can be given an observer for a while, by
//! [`Handle::observe`](crate::Handle::observe). [`Recorder::read_on`] gives what was recorded piece
//! by piece, for a reader that follows it.
//!
//! A [`Monitor`] is an observer that answers questions at any moment: which tasks there are, what
//! each does, which task or thread woke it last, which ones seem to be forgotten, and how long
//! tasks wait and are polled in each queue. [`prometheus`] writes its counts, and those that every
//! runtime keeps, in Prometheus' text format; [`Prometheus`] puts several runtimes, and the
//! services, processes and pipelines on them, into one text. A [`Tee`] tells everything to several
//! observers.
//!
//! With the feature `tracing`, `spans::Spans` is an observer that gives each task a span of that
//! crate; with the feature `metrics`, `facade::publish` hands the counters to that crate's
//! recorder.
//!
//! Nothing else is behind a feature: it brings no dependency, and a program that makes no
//! recorder carries none of it.
//!
//! Read `recorder.rs` first, then `recording.rs`, `polls.rs` and `waits.rs`; `chrome.rs` and
//! `replay.rs` write the two formats, `json.rs` sees to it that nothing in a name can break them.
//! Then read `monitor.rs`, and `live_task.rs` and `histogram.rs` for what it shows;
//! `event_clock.rs` gives it the time.

mod chrome;
mod event_clock;
#[cfg(feature = "metrics")]
pub mod facade;
mod histogram;
mod json;
mod kept_name;
mod live_task;
mod monitor;
mod polls;
mod prometheus;
mod record;
mod recorder;
mod recording;
pub mod replay;
mod save;
mod series;
#[cfg(feature = "tracing")]
pub mod spans;
mod tee;
mod waits;

pub use crate::ground::ids::WorkerId;
pub use crate::ground::telemetry::{
    Event, LongPoll, LongPollStage, LostPanic, Observer, Placement, PollEnd, RuntimeShape, Source,
};
pub use crate::runtime::{LongPollNames, Observation, QueueMetrics, RuntimeMetrics, WorkerMetrics};
pub use histogram::Histogram;
pub use live_task::{LiveTask, TaskState, Wake, WokenBy};
pub use monitor::{Monitor, QueueTimes};
pub use prometheus::{Prometheus, prometheus};
pub use recorder::{Bookmark, Recorder};
pub use recording::Recording;
pub use save::SaveError;
pub use tee::Tee;
pub use waits::QueueWaits;
