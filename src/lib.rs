//! An async runtime with a high and a low priority queue that you can read in an afternoon.
//!
//! Tasks run on two queues, each with its own consumer threads; idle threads steal from the other
//! queue. Three macros are all that most programs need:
//!
//! ```
//! use laneway::{Priority, join, spawn_task};
//!
//! async fn word_count(text: &'static str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! let low = spawn_task!(word_count("the slow lane is a lane too"));
//! let high = spawn_task!(async { 42 }, Priority::High);
//! assert_eq!(join!(low, high), [7, 42]);
//! ```
//!
//! # A task's life
//!
//! 1. [`spawn_task!`] turns a future into a half that gets queued and a half that the caller
//!    keeps, the [`Task`], with one allocation.
//! 2. The queued half enters a queue: a channel that anyone may push to, or the local deque of the
//!    worker that is running right now.
//! 3. A worker takes it: from its own queue first, then along its route from other queues.
//! 4. It is polled once. If it is pending, it is gone until its waker schedules it again, at the
//!    priority that it has then.
//! 5. Ready, panicked or cancelled: the `Task` learns it, and whoever awaits it wakes.
//!
//! # Where to read
//!
//! The source reads in that order: `executor/task.rs`, `executor/queue.rs`, `executor/worker.rs`,
//! `executor/idle.rs`, then `runtime/`. Around them, `executor/route.rs` holds the stealing
//! policy, `time/` the timer and what waits for it, `blocking/`
//! the threads for closures that block, `group.rs` tasks that belong together, `background/` tasks
//! behind handles, `pipeline/` stages
//! that run over windows of time, `sim/` the same workers without threads, `observe/` the recorder
//! and its replays, `macros.rs` what most callers touch.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod background;
pub mod blocking;
pub mod cookbook;
mod executor;
mod group;
mod macros;
pub mod observe;
#[cfg_attr(not(target_os = "linux"), path = "os_thread_elsewhere.rs")]
mod os_thread;
pub mod pipeline;
mod runtime;
pub mod sim;
mod sync;
pub mod time;

pub use executor::{
    AbortHandle, CutOffTask, FallibleTask, JoinError, Priority, QueueId, Stealing, Task, TaskId,
};
pub use futures_lite::future::yield_now;
pub use group::TaskGroup;
#[doc(hidden)]
pub use macros::joined as __joined;
pub use runtime::{
    BuildError, Builder, EnterGuard, HIGH_NUM_VARIABLE, Handle, Idle, IntoQueueName,
    LOW_NUM_VARIABLE, QueueName, Runtime, ShutdownBegun, ShutdownReport, SpawnError, block_on,
    join_all, shutdown_begun, spawn, spawn_named, try_join_all,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
