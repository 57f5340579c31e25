//! The core brought to life: threads, settings, spawning, blocking, the end.
//!
//! The executor knows no threads; here it gets them. Read on in this order: `builder.rs` has every
//! setting, `plan.rs` turns the settings into queues and routes, `workforce.rs` makes the workers
//! and their local queues, and `start.rs` starts the threads. A program holds a `runtime.rs` or a
//! `handle.rs`, and calls `spawn.rs`, `named_spawn.rs`, `join.rs`, `block_on.rs` and
//! `block_in_place.rs`; a thread that blocks waits in `alarm.rs`, or goes on as its worker in
//! `help.rs`. `threads.rs` has the threads that workers sit on, `watchdog.rs` looks after workers
//! that are stuck, `metrics.rs` reads the counters, and `shutdown_begun.rs` tells a task of the
//! end. `end_wait.rs` knows which runtimes wait for each other's end, and `observation.rs` lets an
//! observer come and go.

mod alarm;
mod block_in_place;
mod block_on;
mod build_error;
mod builder;
mod end_wait;
mod handle;
mod help;
mod join;
mod metrics;
mod named_spawn;
mod observation;
mod plan;
mod queue_name;
mod returnable;
mod runtime;
mod shutdown_begun;
mod shutdown_report;
mod spawn;
mod spawn_error;
mod start;
mod stealing;
mod thread_settings;
mod threads;
mod watchdog;
mod workforce;

pub use block_in_place::block_in_place;
pub use block_on::block_on;
pub use build_error::BuildError;
pub use builder::{Builder, HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE};
pub use handle::{EnterGuard, Handle};
pub use join::{join_all, try_join_all};
pub use metrics::{QueueMetrics, RuntimeMetrics, WorkerMetrics};
pub use named_spawn::{NamedSpawn, named};
pub use observation::{LongPollNames, Observation};
pub use queue_name::{IntoQueueName, QueueName};
pub use runtime::Runtime;
pub use shutdown_begun::{ShutdownBegun, shutdown_begun};
pub use shutdown_report::ShutdownReport;
pub use spawn::spawn;
pub use spawn_error::SpawnError;
pub use stealing::Stealing;
pub use threads::Idle;

pub(crate) use alarm::block_here;
pub(crate) use thread_settings::default_stack_size;
pub(crate) use watchdog::{LOOK_EVERY, LongPolls, Rounds};
