//! A worker's request for jobs, and the answer.

use std::time::Duration;

use laneway::Priority;

use super::claim_id::ClaimId;
use super::keeping::Held;
use super::rate::Rate;
use crate::fence::Fence;
use crate::job_id::JobId;

/// A request for jobs of one queue.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its name. The store keeps it with each job that it takes, see
    /// [`claimed_by`](super::Store::claimed_by).
    pub id: ClaimId,
    /// The queue.
    pub queue: String,
    /// The kinds that the worker has handlers for, old names included.
    pub kinds: Vec<String>,
    /// At most this many.
    pub limit: usize,
    /// Which lane comes first.
    pub order: ClaimOrder,
    /// Jobs of good standing, or one suspect.
    pub whom: Whom,
    /// How long the lease is.
    pub lease: Duration,
    /// The worker's name, for people.
    pub worker: String,
    /// What holds over all workers of the queue.
    pub bounds: Bounds,
    /// Where a claim for [`Whom::Keyed`] looks.
    pub round: KeyRound,
}

/// What holds over all workers of a queue, as far as they claim with the same bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How many jobs of one limit key run at the same time, counted from the rows that run; `None`:
    /// any number.
    pub per_key: Option<u32>,
    /// How many jobs are claimed in a time; `None`: any number.
    pub rate: Option<Rate>,
}

/// Which limit keys a claim looks at. All keys that have unfinished jobs are a round: a claim goes
/// on behind a key, and from the last one to the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRound {
    /// The keys behind this one come first.
    pub after: String,
    /// It looks at this many keys at most.
    pub keys: u32,
}

/// Which lane a claim begins with; the other one fills up what is left, see
/// [`Claim::of_first_lane`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOrder {
    /// High jobs first.
    HighFirst,
    /// Low jobs first: one claim in eight, so that low ones never starve. They get half of the
    /// places, rounded up, before high ones get what is left: so a high job does not wait for a
    /// further claim because it is their turn.
    LowFirst,
}

impl Claim {
    /// How many jobs of its first lane are taken before those of the other one. Further ones fill
    /// up what the other lane leaves.
    #[must_use]
    pub fn of_first_lane(&self) -> usize {
        match self.order {
            ClaimOrder::HighFirst => self.limit,
            ClaimOrder::LowFirst => self.limit.div_ceil(2),
        }
    }
}

/// The jobs that a claim takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Jobs without limit keys that no worker was lost with.
    Innocents,
    /// Jobs with limit keys that no worker was lost with: no more of a key than have a place, in
    /// turn from the keys that the claim looks at.
    Keyed,
    /// Jobs with `crashes > 0`; the worker runs nothing else of that kind beside one.
    Suspects,
}

/// The answer to a claim.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// The jobs, which the caller holds now.
    pub jobs: Vec<ClaimedJob>,
    /// The kind of the first suspect of this queue that is due, and whose limit key has a place.
    pub suspect: Option<String>,
    /// After a claim for [`Whom::Keyed`]: it has not looked at all keys. After any other one: jobs
    /// with limit keys are due.
    pub keys_left: bool,
    /// The key behind which the next claim for [`Whom::Keyed`] goes on.
    pub last_key: Option<String>,
    /// The time until a job of this queue is due, a lease ends, a job expires or its rate allows
    /// another job. `None`: a worker
    /// may sleep until the next hint. A store that workers ask at intervals
    /// ([`Elsewhere::Untold`](super::Elsewhere::Untold)) may leave out leases and expiries. Zero
    /// where more may be due than was claimed, or a rescue is.
    pub next: Option<Duration>,
}

/// A job that the caller holds until its lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// Its id.
    pub id: JobId,
    /// The fence of this claim.
    pub fence: Fence,
    /// The kind under which it is stored.
    pub kind: String,
    /// Its lane.
    pub lane: Priority,
    /// The attempt that begins, counted from 1.
    pub attempt: u32,
    /// How many attempts it gets.
    pub max_attempts: u32,
    /// How often a worker was lost with it.
    pub crashes: u32,
    /// How long this attempt may take; `None` for the worker's setting.
    pub timeout: Option<Duration>,
    /// The job that waits for it.
    pub awaited_by: Option<JobId>,
    /// Its payload, in JSON.
    pub payload: Vec<u8>,
}

impl ClaimedJob {
    /// The job, and the fence under which the caller holds it.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            id: self.id,
            fence: self.fence,
        }
    }
}
