//! Jobs as people and waiting callers see them.

use std::time::SystemTime;

use laneway::Priority;

use crate::fence::Fence;
use crate::job_id::JobId;
use crate::job_state::JobState;

/// A job as it stands in the store.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Its lane.
    pub lane: Priority,
    /// Its state.
    pub state: JobState,
    /// The attempts that were charged.
    pub attempt: u32,
    /// How many it gets.
    pub max_attempts: u32,
    /// How often a worker was lost with it.
    pub crashes: u32,
    /// The fence of its last claim.
    pub fence: Option<Fence>,
    /// The worker that holds it.
    pub worker: Option<String>,
    /// When it may run, or might have run last.
    pub run_at: SystemTime,
    /// When it was inserted.
    pub created_at: SystemTime,
    /// When it was settled.
    pub finished_at: Option<SystemTime>,
    /// Its unique key.
    pub unique_key: Option<String>,
    /// Its limit key.
    pub limit_key: Option<String>,
    /// The job that enqueued it.
    pub parent: Option<JobId>,
    /// The job that waits for it.
    pub awaited_by: Option<JobId>,
    /// How far it has come, from 0 to 1.
    pub progress: Option<f64>,
    /// The stage of the job, in words.
    pub progress_text: Option<String>,
    /// Its last error.
    pub error: Option<String>,
    /// Its payload; lists leave it empty.
    pub payload: Vec<u8>,
    /// Its result; lists leave it out.
    pub result: Option<Vec<u8>>,
}

/// The most jobs, leases or queues that one answer has.
pub const LIST_LIMIT: usize = 1_000;

/// How many jobs of a queue are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueCount {
    /// The queue.
    pub queue: String,
    /// The state.
    pub state: JobState,
    /// How many; as many as were to be counted at most may mean more.
    pub count: u64,
}
