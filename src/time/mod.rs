//! Time: sleeping, ticking, and giving up after a while.
//!
//! ```
//! use laneway::time::{sleep, timeout};
//! use std::time::Duration;
//!
//! let quick = async {
//!     sleep(Duration::from_millis(1)).await;
//!     "done"
//! };
//! let result = laneway::block_on(timeout(Duration::from_secs(60), quick));
//! assert_eq!(result, Ok("done"));
//! ```
//!
//! After 64 sleeps, ticks and the like that were ready without a wait, all in one poll of a task,
//! the next one lets other tasks run first. So a loop over late ticks keeps no other task from its
//! thread. The futures of other crates are not counted, and neither are those of `tokio::sync`: a
//! loop over a channel that always has a message keeps its thread, also within a [`timeout`],
//! unless it [yields](crate::yield_now) now and then.
//!
//! Time here is that of [`Instant`](std::time::Instant). On Linux and macOS that clock stands still
//! while the machine is suspended: every sleep, timeout and interval, and each periodic process and
//! pipeline, goes on afterwards with as much of its wait left as before, and no tick was missed. A
//! process that runs at a time of day goes by the system's clock, and catches up: the module
//! `background::cron`, with the feature `cron`.
//!
//! All of this works on a runtime's tasks, in [`block_on`](crate::block_on) without any runtime,
//! and on other executors. There is one timer for the whole process: `wheel.rs` knows which
//! sleep is due when, `timer.rs` is the thread that wakes the sleepers, `sleep.rs` is the future
//! that sleeps; [`Interval`] and [`Timeout`] are made of sleeps.
//!
//! A waker of another executor is called on the timer's thread, and code that it runs there may
//! block: in [`block_on`](crate::block_on), [`block_in_place`](crate::block_in_place), or the end
//! of a [`Runtime`](crate::Runtime), another thread serves the sleepers meanwhile. Code that blocks
//! that thread by other means holds up every sleep in the process.

pub(crate) mod clock;
pub(crate) mod interval;
mod sleep;
mod timeout;
pub(crate) mod timer;
pub(crate) mod wall;
pub(crate) mod wheel;

pub use clock::now;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};

/// The number of sleeps that the timer holds at the moment, in the whole process: those that were
/// polled and have neither ended nor been dropped. Within a [simulation](crate::sim), those of the
/// simulation.
///
/// ```
/// use laneway::time::{armed, timeout};
/// use std::future::ready;
/// use std::time::Duration;
///
/// laneway::block_on(timeout(Duration::from_secs(60), ready(())))?;
/// assert_eq!(armed(), 0);
/// # Ok::<(), laneway::time::Elapsed>(())
/// ```
#[must_use]
pub fn armed() -> usize {
    clock::timer().armed()
}
