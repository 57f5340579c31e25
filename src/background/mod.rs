//! Work in the background: a task behind a handle that serves requests, processes that run at
//! a period, and a queue of heavy work.
//!
//! # Services
//!
//! A connection pool, a cache, a resolver: something long-lived owns a state, and others send it
//! requests and await replies. With channels that is a screenful of code, and a few ways to hang.
//! Here it is a state and an async closure:
//!
//! ```
//! use laneway::{background, block_on, spawn_task};
//!
//! let (sum, background) = background::service(0, async |sum: &mut u64, n: u64| {
//!     *sum += n;
//!     *sum
//! });
//! spawn_task!(background).detach();
//!
//! assert_eq!(block_on(sum.call(40)), Ok(40));
//! assert_eq!(block_on(sum.call(2)), Ok(42));
//! ```
//!
//! The [`ServiceHandle`] is cheap to clone and works everywhere; the [`Background`] is a plain
//! future, for this runtime or any other executor. When the last handle is dropped, the background
//! ends; when the background ends, every caller is told. [`Service`] sets bounds, concurrency and
//! restarts.
//!
//! A flood of requests does not keep a worker: after 64 of them the background lets other tasks
//! have the thread.
//!
//! # Periodic processes
//!
//! [`every`] runs an async closure again and again, at a steady pace. A panic ends one run, not
//! the process; shutdown lets a run finish and begins no other.
//!
//! ```
//! use laneway::{background, spawn_task};
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! let (sender, runs) = mpsc::channel();
//! let (ticking, background) =
//!     background::every(Duration::from_millis(1), async move || sender.send("tick").unwrap());
//! let task = spawn_task!(background);
//! assert_eq!(runs.iter().take(3).count(), 3);
//! ticking.stop();
//! # drop(runs);
//! laneway::block_on(task);
//! ```
//!
//! With the feature `cron`, processes run at times of day as well: the module `cron`.
//!
//! # Heavy work
//!
//! A [`TaskQueue`] takes closures and futures, gives a number for each at once, and runs a few at a
//! time in the low lane; status, cancellation and results go by the number. The module
//! [`task_queue`] tells all of it.
//!
//! ```
//! use laneway::background::{TaskQueue, Work, WorkStatus};
//!
//! let queue = TaskQueue::bounded(32).workers(2);
//! let id = queue.submit(Work::sync(|_| 6 * 7).named("answer")).expect("there is room");
//! assert_eq!(laneway::block_on(queue.wait(id)), WorkStatus::Done);
//! assert_eq!(queue.take(id), Ok(42));
//! ```
//!
//! # Where to read
//!
//! To read the source: `exchange.rs` is one call, `mailbox.rs` the queue of them, `call_order.rs`
//! its two lines, `handle.rs` the callers' side; `handler.rs` and `repeatable.rs` say which
//! closures fit. `serve.rs`, `errand.rs`, `in_flight.rs` and `lodging.rs` are the background's
//! side, `restart.rs` decides and `supervise.rs` acts when it panics, `serving.rs` is what a task
//! polls, `loan.rs` the priority that its callers lend it, `service.rs` puts it all together.
//! `ticks.rs` says when a periodic process is due, `every.rs` runs it. `task_queue/mod.rs` names
//! its own files.

mod abandoned;
mod at_shutdown;
mod call_error;
mod call_order;
mod caller_gone;
mod close_reason;
#[cfg(feature = "cron")]
pub mod cron;
mod errand;
mod every;
mod exchange;
mod future;
mod handle;
mod handler;
mod in_flight;
mod loan;
mod lodging;
mod mailbox;
mod repeatable;
mod restart;
mod serve;
mod service;
mod service_metrics;
mod serving;
mod supervise;
pub mod task_queue;
mod ticks;

pub use abandoned::Abandoned;
pub use at_shutdown::AtShutdown;
pub use call_error::{CallError, TryCallError};
pub use call_order::CallOrder;
pub use caller_gone::{CallerGone, caller_gone};
pub use close_reason::CloseReason;
pub use every::{Every, Overlap, Periodic, PeriodicMetrics, every};
pub use future::Background;
pub use handle::{Call, Reply, ServiceHandle};
pub use handler::{Handler, SharedHandler};
pub use repeatable::Repeatable;
pub use restart::RestartPolicy;
pub use service::{ManyAtOnce, Once, OneAtATime, Restarting, Service, service};
pub use service_metrics::ServiceMetrics;
pub use task_queue::{
    Cancelling, ListedWork, Progress, SubmitError, TakeError, TaskQueue, TaskQueueMetrics, Wait,
    Work, WorkContext, WorkId, WorkStatus,
};
