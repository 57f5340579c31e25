//! The leases that workers hold.

use std::time::SystemTime;

use super::story::StopRequest;
use super::view::JobView;

/// A job that runs, and the lease of the worker that runs it.
#[derive(Clone, Debug)]
pub struct LeaseView {
    /// The job, without its payload.
    pub job: JobView,
    /// When the attempt was begun.
    pub started_at: Option<SystemTime>,
    /// When the lease ends, unless it is renewed.
    pub until: SystemTime,
    /// Whether an operator wants the job to stop.
    pub stop: StopRequest,
}
