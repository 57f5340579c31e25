//! The story of a job: its attempts, and the times of its life.

use std::time::{Duration, SystemTime};

use crate::fence::Fence;

/// The most attempts that a story tells, the newest ones.
pub const STORY_LIMIT: usize = 100;

/// The story of a job, beyond the facts of [`JobView`](super::JobView).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStory {
    /// The attempts that did not complete, in their order; the newest [`STORY_LIMIT`].
    pub attempts: Vec<AttemptView>,
    /// When its last attempt was begun.
    pub started_at: Option<SystemTime>,
    /// When the lease ends of the worker that runs it.
    pub lease_until: Option<SystemTime>,
    /// How long one attempt may take; `None` for the worker's setting.
    pub timeout: Option<Duration>,
    /// From when on it is not begun any more.
    pub expires_at: Option<SystemTime>,
    /// Whether an operator wants it to stop.
    pub stop: StopRequest,
}

/// Whether an operator wants a running job to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// No.
    None,
    /// Yes; its worker learns it when it renews the lease.
    Asked,
}

/// An attempt that did not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// The fence of its claim.
    pub fence: Fence,
    /// The worker that made it.
    pub worker: Option<String>,
    /// When it was begun.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub ended_at: SystemTime,
    /// The error of the attempt.
    pub error: String,
}
