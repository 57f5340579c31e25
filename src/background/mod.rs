//! Work behind a handle: a task that owns a state and serves requests.
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
//! The [`Handle`] is cheap to clone and works everywhere; the [`Background`] is a plain future,
//! for this runtime or any other executor. When the last handle is dropped, the background ends;
//! when the background ends, every caller is told. [`Service`] sets bounds, concurrency and
//! restarts.
//!
//! A flood of requests does not keep a worker: after 64 of them the background lets other tasks
//! have the thread.
//!
//! To read the source: `slot.rs` is one call, `mailbox.rs` the queue of them, `handle.rs` the
//! callers' side; `serve.rs` and `in_flight.rs` are the background's side, `restart.rs` decides
//! and `supervise.rs` acts when it panics, `service.rs` puts it all together.

mod handle;
mod in_flight;
mod mailbox;
mod restart;
mod serve;
mod service;
mod slot;
mod supervise;
mod waker;

pub use handle::{Call, CallError, Handle, Reply, ServiceMetrics, TryCallError};
pub use restart::RestartPolicy;
pub use service::{Background, ManyAtOnce, Once, OneAtATime, Restarting, Service, service};
