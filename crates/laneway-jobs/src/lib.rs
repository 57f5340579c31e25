//! Durable jobs on the Laneway runtime: work that survives a crash and a deploy, in one SQLite
//! file, with no broker and nothing to install; or on Postgres, where one machine is not enough.
//!
//! A [`Job`] is a serde type with a kind. [`Jobs`] enqueues it and waits for it. A [`Worker`] runs
//! it at least once, and completes it once:
//!
//! ```
//! use laneway_jobs::sqlite::SqliteStore;
//! use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Add(u32, u32);
//!
//! impl Job for Add {
//!     const KIND: &'static str = "add";
//! }
//!
//! async fn add(Add(a, b): Add, _: Ctx) -> Result<u32, JobError> {
//!     Ok(a + b)
//! }
//!
//! let rt = laneway::Runtime::builder().build()?;
//! let jobs = Jobs::new(SqliteStore::memory()?); // or SqliteStore::open("jobs.db")
//! let worker = Worker::new(&jobs)
//!     .queue("default", Limit::in_flight(64))
//!     .handle(add)
//!     .start(&rt)?;
//! let id = rt.block_on(async { jobs.enqueue(Add(40, 2)).await })?.id();
//! assert_eq!(rt.block_on(jobs.wait::<u32>(id))?, 42);
//! let report = rt.block_on(worker.shutdown(std::time::Duration::from_secs(5)));
//! assert!(report.is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! - An acknowledged job is committed. A job that fails runs again by its [`Retry`] rule; one whose
//!   worker is lost runs again when its lease ends, or at the next opening of the file.
//! - A lease and a [`Fence`] guard every transition in the store: a worker that stalls and wakes up
//!   changes nothing there. Effects elsewhere are guarded only by a receiver that compares the
//!   fence, or by [`Ctx::complete_in`] where they are in the same database.
//! - A deploy charges no job: [`WorkerHandle::shutdown`] gives back what does not end in time.
//! - A batch is followed by its last job once, when all members have ended; a chain goes on when a
//!   link is done. Both are counted in the transaction that settles.
//! - A job that workers are lost with three times is quarantined. One with a crash behind it runs
//!   alone of its kind, and beside no other such job of the same worker.
//! - Each instant of a [`Schedule`] is fired once: of a pattern in a time zone, or of a period. Any
//!   worker that has it fires it, so no worker has to be elected.
//! - An idle worker on SQLite makes no query. An in-process commit wakes it; for those of other
//!   processes it looks at the length and time of the write-ahead log, every 1/8 to 2 seconds.
//!
//! # Deploys
//!
//! - Old and new processes may work on one database at the same time. A worker claims the kinds
//!   that it has handlers for, and leaves the others.
//! - To rename a kind, move its old name to [`Job::OLD_KINDS`].
//! - A payload gets a new field by `#[serde(default)]`. One that does not fit the type is an error
//!   of its job's attempt, and the job is tried again: by a worker of another release as well.
//! - On SIGTERM call [`WorkerHandle::shutdown`]; the crates `async-signal` and `ctrlc` tell of
//!   signals.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `sqlite` (default) | the store in a file or in memory: [`sqlite`] |
//! | `cron` (default) | schedules by pattern and time zone: [`Schedule`] |
//! | `testing` | a kit for tests of programs with jobs, with a virtual clock |
//! | `dashboard` | pages that show the jobs and change them, for any server: `dashboard` |
//! | `postgres` | the store in a Postgres database, for workers on many machines: `postgres` |
//! | `tls` | TLS to Postgres, by rustls |
//! | `metrics` | counts of attempts through the `metrics` crate, named below |
//! | `tracing` | a span of the `tracing` crate for each attempt |
//! | `conformance` | the body of cases that every store passes |
//!
//! With `metrics` a worker counts the attempts that have ended in `laneway_jobs_attempts_total`, by
//! `queue`, `kind`, `lane` and `end` (`done`, `retried`, `failed`, `snoozed` or `returned`), keeps
//! their times in the histogram `laneway_jobs_attempt_seconds`, and counts lost leases in
//! `laneway_jobs_leases_lost_total`. With `tracing` a handler runs in a span `job` of the target
//! `laneway_jobs`, which has the fields `id`, `kind`, `queue`, `lane` and `attempt`.
//!
//! # Where to read, and what owns what
//!
//! 1. `job.rs`, `job_id.rs`, `job_state.rs` (the life of a job, drawn), `fence.rs`: the words.
//! 2. [`store`]: the trait between the worker and databases, and the plain types that cross it. It
//!    owns no behaviour. A new store implements [`Store`](store::Store) and passes `conformance`.
//! 3. `enqueue.rs`, `job_batch.rs`, `jobs.rs`: the client. It owns the making of ids, so that an
//!    insert can be sent again (`resend.rs`), and the limits of payloads (`payload.rs`) and names
//!    (`name.rs`).
//! 4. `schedule.rs`, `cron.rs`: a schedule as the code has it. The store keeps its next instant.
//! 5. `worker/`: the policy. It decides how much to claim, when to try again, which jobs with a
//!    crash behind them wait, and when a handler is dropped (`lease.rs`). It reads no clock for
//!    times that are stored: the store does, and its present time is called T here.
//! 6. `ctx.rs` with `made_steps.rs`: what a handler sees. `callers_transaction.rs` is where each
//!    database says how a caller's own transaction is used, at once or by a future.
//! 7. [`sqlite`]: one writer, all SQL under names. It owns T, the fence's counter and the hints.
//! 8. `dashboard/`: pages for people. It knows [`store::ViewStore`] and no database, and makes HTML
//!    of what it reads.
//! 9. `postgres`: a few connections, one statement for each transition of many jobs. The server
//!    owns T and the fence's counter; notifications tell of other processes' commits, and a worker
//!    asks at intervals as well, since one may be lost.
//!
//! Why the seams lie there: the store makes transitions and the worker policy, so that one
//! conformance body tests every store and one worker serves all. Crash points and mutants are a
//! [`Probe`](sqlite::Probe) that the writer asks: code without conditions, and the same
//! binary under test as in use. The SQL of memory runs within polls, so that all of it runs in
//! [`laneway::sim`], with T from the simulated clock.

#![forbid(unsafe_code)]

mod bell;
mod by_hand;
mod callers_transaction;
mod complete_error;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "cron")]
mod cron;
mod ctx;
#[cfg(feature = "dashboard")]
pub mod dashboard;
mod deadline;
mod enqueue;
mod enqueue_error;
mod fence;
mod job;
mod job_batch;
mod job_error;
mod job_id;
mod job_state;
mod jobs;
mod lease;
mod lock;
mod made_steps;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod micros;
mod name;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod outline;
mod pause;
mod payload;
#[cfg(feature = "postgres")]
pub mod postgres;
mod resend;
mod retry;
mod schedule;
mod schedule_error;
mod signal;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod slots;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod wait_error;
mod worker;

pub use callers_transaction::CallersTransaction;
pub use complete_error::{CompleteError, PROGRESS_LIMIT};
pub use ctx::Ctx;
pub use enqueue::{DEFAULT_ATTEMPTS, DEFAULT_QUEUE, Enqueue};
pub use enqueue_error::EnqueueError;
pub use fence::Fence;
pub use job::Job;
pub use job_batch::{EnqueuedBatch, JobBatch, JobBatchThen};
pub use job_error::{JobError, Snooze};
pub use job_id::{JobId, NoJobId};
pub use job_state::JobState;
pub use jobs::Jobs;
pub use name::{KEY_LIMIT, NAME_LIMIT, NameError};
pub use payload::{NESTING_LIMIT, PAYLOAD_LIMIT, PayloadError};
pub use retry::Retry;
pub use schedule::{IfUnfinished, Missed, Schedule, ScheduleBuilder};
pub use schedule_error::ScheduleError;
pub use store::{BatchCounts, Enqueued, IfExists};
pub use wait_error::WaitError;
pub use worker::{
    Handled, LeftJob, Limit, Next, OnRuntime, StartError, Worker, WorkerHandle, WorkerReport,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
