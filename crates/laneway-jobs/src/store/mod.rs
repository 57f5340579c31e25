//! What keeps jobs: the trait [`Store`], whose implementations all pass one conformance body.
//!
//! Read in this order: `insert.rs` with `awaits.rs`, `claim.rs` with `rate.rs`, `begun.rs` and
//! `allowance.rs`, `claim_id.rs`, `settlement.rs`, `keeping.rs` (what a holder may do meanwhile),
//! `rescue.rs`, `view.rs`, `by_hand.rs` and `schedule.rs`; `view_store.rs`, what people look
//! through; then `hints.rs`, `pickup.rs` and `error.rs`.
//! `transfer.rs` and `moving.rs` move everything to another store.

mod activity;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod allowance;
mod awaits;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod begun;
mod by_hand;
mod claim;
mod claim_id;
mod elsewhere;
mod error;
mod failed_attempt;
mod finding;
mod hints;
mod insert;
mod keeping;
mod lease_view;
mod moving;
mod part_tally;
mod pickup;
mod queue_view;
mod rate;
mod rescue;
mod schedule;
mod search;
mod settlement;
mod story;
mod transfer;
mod view;
mod view_store;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use activity::{Activity, ActivitySlot, ActivityWanted, LaneActivity, SLOT_LIMIT};
pub use awaits::{Awaits, BatchCounts};
pub use by_hand::{ByHand, Changed, JobAction};
pub use claim::{Bounds, Claim, ClaimOrder, Claimed, ClaimedJob, KeyRound, Whom};
pub use claim_id::ClaimId;
pub use elsewhere::Elsewhere;
pub use error::StoreError;
pub use failed_attempt::{ERROR_LIMIT, FailedAttempt};
pub use finding::Finding;
pub use hints::{Hints, Listener};
pub use insert::{Due, Enqueued, IfExists, NewJob, Uniqueness};
pub use keeping::{Held, Note, NoteKind, Renewal, Step};
pub use lease_view::LeaseView;
pub use moving::{TransferError, TransferStep, Transferred, transfer};
pub use part_tally::PartTally;
pub(crate) use pickup::{PickedUp, Pickup};
pub use queue_view::{QueueState, QueueView, QueuesNow};
pub use rate::Rate;
pub use rescue::{Pruning, Rescue, Rescued};
pub use schedule::{
    Fire, FireOutcome, Fired, Firing, FiringRun, NewSchedule, ScheduleChange, ScheduleChanged,
    ScheduleState, ScheduleStore, ScheduleView, SchedulesNow, WantedSchedules,
};
pub use search::{JobPage, JobSearch, SEARCH_LIMIT};
pub use settlement::{Guarded, Outcome, Settlement};
pub use story::{AttemptView, JobStory, STORY_LIMIT, StopRequest};
pub use transfer::{
    Begun, PAGE_BYTES, PartField, PartRow, StorePart, TransferCounters, TransferEnd, TransferPage,
    TransferSource, TransferTarget,
};
pub use view::{JobView, LIST_LIMIT, QueueCount};
pub use view_store::ViewStore;

use crate::job_id::JobId;

/// The future of a store's answer.
pub type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// Keeps jobs, and makes every transition of a job's life.
///
/// # What every implementation owes
///
/// - **Batches.** Each operation takes many and answers in the same order. It is one transaction:
///   an error means that none of it happened, [`StoreError::OutcomeUnknown`] that the caller cannot
///   tell.
/// - **One guarded statement for each transition.** A claim takes ready jobs that are due; every
///   other transition of a holder is guarded by `id AND running AND fence = mine AND lease_until >
///   T`, and answers [`Guarded::LeaseLost`] if no row matched.
/// - **The fence** comes from one counter that only grows. `attempt` goes back, and is never one.
/// - **T is the store's clock.** Only durations cross this trait, apart from the absolute times at
///   which callers want jobs to run.
/// - **Operations can be sent again.** After `OutcomeUnknown`, the same insert (by its ids) and the
///   same settlement (by its fence) succeed if the first one did. A claim is not sent again: its
///   sender asks [`claimed_by`](Store::claimed_by) for the answer that was lost, so that no job
///   runs without a holder and is charged a crash, although no worker was lost.
/// - **Limits hold over all workers.** A job with a limit key is claimed where fewer jobs of its
///   key run than [`Bounds::per_key`] says, by the rows that run: a lost worker's jobs keep their
///   places until they are rescued, and no longer. A [`Rate`] counts claimed jobs in the claim's
///   own transaction. Two claims for one queue see each other's jobs.
/// - **Batches and chains are counted with the transition.** Whatever settles a job that another
///   one awaits (settlement, rescue, expiry, a change by hand) counts it there in the same
///   transaction, once. The last one ends the wait: the job is ready, with `run_at` no earlier than
///   T, or is cancelled, see [`Awaits::Done`], which settles it for the job that awaits *it*. A
///   member that is inserted adds one, and a wait without members ends with the insert; what ended
///   is not begun again by further members.
/// - **A retry by hand** takes the job out of a count that is still open. A job that was cancelled
///   since this one was not done waits again; one that was cancelled by hand does not.
/// - **An answer comes after the commit**, and a hint after that.
///
/// # Cancellation
///
/// Dropping a future before its end leaves the outcome unknown; nothing is ever half done.
pub trait Store: ScheduleStore + ViewStore + Send + Sync + fmt::Debug + 'static {
    /// Inserts jobs; all, or none.
    fn insert(&self, jobs: Vec<NewJob>) -> StoreFuture<'_, Vec<Enqueued>>;

    /// Ready, due, known kind, queue not paused: running, attempt + 1, a new fence, a new lease.
    fn claim(&self, claim: Claim) -> StoreFuture<'_, Claimed>;

    /// Inserts jobs, then claims: a worker at rest takes an insert along, so that a job starts
    /// after one commit. The claim takes what any claim would take; the new jobs may be among it,
    /// or may not be, and then the claim may be a transaction of its own. Each of the two can be
    /// sent again, or asked about, alone.
    fn insert_and_claim(
        &self,
        jobs: Vec<NewJob>,
        claim: Claim,
    ) -> StoreFuture<'_, (Vec<Enqueued>, Claimed)>;

    /// The jobs that the claim with this id took and that still run under its fences; their leases
    /// go on to `T + lease`. It takes no further jobs, and none for an id that it does not know.
    ///
    /// The sender of a claim asks when the answer was lost, and has begun none of the jobs. So a
    /// lease that has ended meanwhile goes on as well, unless a rescue came first: then the job
    /// belongs to the rescue, or to the next holder.
    fn claimed_by(&self, claim: ClaimId, lease: Duration) -> StoreFuture<'_, Vec<ClaimedJob>>;

    /// Ends attempts: completes, retries, fails, snoozes or returns them.
    fn settle(&self, settlements: Vec<Settlement>) -> StoreFuture<'_, Vec<Guarded>>;

    /// Renews the leases of all that a worker holds, to `T + lease`.
    fn renew(&self, held: Vec<Held>, lease: Duration) -> StoreFuture<'_, Vec<Renewal>>;

    /// Keeps what holders report: progress, and the values of steps.
    fn note(&self, notes: Vec<Note>) -> StoreFuture<'_, Vec<Guarded>>;

    /// The values of a job's steps, by name.
    fn steps(&self, job: JobId) -> StoreFuture<'_, Vec<Step>>;

    /// Takes expired leases from lost workers, and fails ready jobs that have expired in total.
    fn rescue(&self, rescue: Rescue) -> StoreFuture<'_, Rescued>;

    /// Deletes settled jobs that are old enough, at most `pruning.limit`; answers how many.
    fn prune(&self, pruning: Pruning) -> StoreFuture<'_, usize>;

    /// How the members of batches have ended, each batch by the job that awaits them; `None` where
    /// a job awaits none, or is not there.
    fn batches(&self, awaiting: Vec<JobId>) -> StoreFuture<'_, Vec<Option<BatchCounts>>>;

    /// Looks at jobs, payloads included; `None` where there is no such job.
    fn look(&self, ids: Vec<JobId>) -> StoreFuture<'_, Vec<Option<JobView>>>;

    /// How many jobs there are by queue and state, each counted up to `at_most`.
    fn counts(&self, at_most: u64) -> StoreFuture<'_, Vec<QueueCount>>;

    /// Makes changes that an operator asks for.
    fn change(&self, changes: Vec<ByHand>) -> StoreFuture<'_, Vec<Changed>>;

    /// The store itself, for those that know its type: a caller's transaction needs it. A store
    /// that wraps another one hands on that one's.
    fn as_any(&self) -> &dyn Any;

    /// Where commits are hinted at, for this process.
    fn hints(&self) -> &Hints;

    /// Whether another process wrote since the last call. Costs no query; an idle worker asks it
    /// at intervals.
    fn changed_elsewhere(&self) -> Elsewhere;
}
