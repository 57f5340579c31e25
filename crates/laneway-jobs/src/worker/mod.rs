//! The worker: claims jobs, runs their handlers, settles them.
//!
//! Tasks of a worker, all on the runtime's high queue: one that claims for each queue
//! (`claimer.rs`), one that settles (`settler.rs`), one that renews leases and deletes old jobs
//! (`keeper.rs`), and one that fires schedules if there are any (`scheduler.rs`; `due_instants.rs`
//! decides). Each job is a task in its lane (`attempt.rs`). The tasks share `core.rs`, and wake
//! each other by bells (`bell.rs`) and signals (`signal.rs`). The jobs that the worker holds at the
//! moment stand in `roster.rs`, which decides without acting: how much is free, which kinds may be
//! claimed, when all is over. `handlers.rs` finds the handler of a kind, and puts hooks around it
//! (`next.rs`); `outcome.rs` tells the outcome of an attempt, `observed/` other tools, `builder.rs`
//! has the settings, `handle.rs` the end. `drain.rs` and `trial.rs` run jobs in tests, without a
//! worker's tasks.
//!
//! `turns.rs` says whether a claim is for jobs with limit keys or for others.
//!
//! A claim whose answer is lost is asked about until the store answers, and once more when a late
//! one may have come (`doubts.rs`), so that no job runs without a holder.
//!
//! A slot of a queue is free again when its handler has ended, so that the next claim shares its
//! transaction with the settlement; at most twice a queue's limit is held, and while its handlers
//! are quick twice that (`ahead.rs`). Both wait a little for other handlers that are about to end
//! (`lull.rs`). A claimer at rest picks up what callers of
//! this process enqueue (`store/pickup.rs`), so that a job is committed once before it starts.

mod ahead;
mod attempt;
mod builder;
mod claimer;
mod core;
mod doubts;
#[cfg(feature = "testing")]
pub(crate) mod drain;
mod due_instants;
mod handle;
mod handlers;
mod keeper;
mod lull;
mod next;
mod observed;
mod outcome;
mod report;
mod roster;
mod scheduler;
mod settings;
mod settler;
mod start_error;
#[cfg(feature = "testing")]
pub(crate) mod trial;
mod turns;

pub use builder::Worker;
pub use handle::{OnRuntime, WorkerHandle};
pub use next::{Handled, Next};
pub use report::{LeftJob, WorkerReport};
pub use settings::Limit;
pub use start_error::StartError;
