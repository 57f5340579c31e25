//! Durable jobs.
#![forbid(unsafe_code)]

mod callers_transaction;
mod complete_error;
#[cfg(feature = "conformance")]
pub mod conformance;
mod ctx;
mod enqueue;
mod enqueue_error;
mod fence;
mod job;
mod job_error;
mod job_id;
mod job_state;
mod jobs;
mod lease;
mod lock;
mod pause;
mod payload;
mod retry;
mod signal;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
mod wait_error;
mod worker;

pub use callers_transaction::CallersTransaction;
pub use complete_error::CompleteError;
pub use ctx::Ctx;
pub use enqueue::{DEFAULT_ATTEMPTS, DEFAULT_QUEUE, Enqueue};
pub use enqueue_error::EnqueueError;
pub use fence::Fence;
pub use job::Job;
pub use job_error::{JobError, Snooze};
pub use job_id::{JobId, NoJobId};
pub use job_state::JobState;
pub use jobs::Jobs;
pub use payload::{PAYLOAD_LIMIT, PayloadError};
pub use retry::Retry;
pub use store::{Enqueued, IfExists};
pub use wait_error::WaitError;
pub use worker::{LeftJob, Limit, OnRuntime, StartError, Worker, WorkerHandle, WorkerReport};
