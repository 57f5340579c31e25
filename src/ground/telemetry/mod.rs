//! Events and counters: the things that the core tells and counts.
//!
//! All of it stands below the core: it knows the numbers of tasks, queues and workers, and none of
//! the tasks, queues and workers themselves. The core fills it in; `runtime/`, `observe/` and
//! `sim/` show it.
//!
//! - `names.rs`: the names of the tasks that have one.
//! - `namers.rs`: functions that name others, where a report speaks of one.
//! - `event.rs`: the events that an observer is told of.
//! - `observers.rs`: the observers of a runtime.
//! - `long_poll.rs`: the report of a poll that takes too long.
//! - `cut_off.rs`: the list of the tasks that shutdown has cut off.
//! - `tally.rs`: the counts of each worker.
//! - `stopwatch.rs`: how time adds up.
//! - `floor.rs`: a number that grows, as it is shown to readers.
//! - `polling.rs`: the task that a worker polls at the moment.

pub(crate) mod cut_off;
pub(crate) mod event;
mod floor;
pub(crate) mod long_poll;
pub(crate) mod namers;
pub(crate) mod names;
pub(crate) mod observers;
pub(crate) mod polling;
pub(crate) mod stopwatch;
pub(crate) mod tally;

pub use cut_off::CutOffTask;
pub use event::{Event, LostPanic, Observer, Placement, PollEnd, RuntimeShape, Source};
pub use long_poll::{LongPoll, LongPollStage};

pub(crate) use polling::Polled;
pub(crate) use tally::Tally;
