//! The job that does nothing.

use laneway_jobs::Job;
use serde::{Deserialize, Serialize};

/// A job that does nothing, with its number.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoOp(pub(crate) u32);

impl Job for NoOp {
    const KIND: &'static str = "no-op";
}
