//! The needs of tests of programs with jobs: one handler's run, all that is due, the jobs that were
//! enqueued, and a virtual clock.
//!
//! Behind the feature `testing`, which is one for `[dev-dependencies]`.
//!
//! - [`simulated`] runs a test with a store in memory, within a simulation: an hour's sleep takes
//!   no time.
//! - [`Trial`] runs one handler with a made-up [`Ctx`](crate::Ctx).
//! - [`drain`] runs all that is due in a worker's queues, one job after the other.
//! - [`assert_enqueued`] and [`assert_not_enqueued`] look for unfinished jobs; where they fail,
//!   they list what is there.
//!
//! `worker/trial.rs` and `worker/drain.rs` hold the first two, since they are a worker's work.

mod enqueued;
mod simulated;

pub use crate::worker::drain::{Drained, Ran, drain};
pub use crate::worker::trial::{Trial, Tried};
pub use enqueued::{assert_enqueued, assert_not_enqueued};
pub use simulated::simulated;
