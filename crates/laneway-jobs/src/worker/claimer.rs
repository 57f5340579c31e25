//! The task that claims for one queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_lite::future::{Future, or};
use laneway::time::{now, sleep};
use laneway::{Priority, yield_now};

use super::ahead::Ahead;
use super::attempt;
use super::core::Core;
use super::roster::MayClaim;
use super::turns::{NextTurn, Turns};
use crate::lease::Lease;
use crate::lock::unpoisoned;
use crate::pause::Pause;
use crate::store::{
    Claim, ClaimId, ClaimOrder, Claimed, ClaimedJob, Elsewhere, Enqueued, Listener, PickedUp,
    Pickup, StoreError, Whom,
};

/// One claim in this many begins with the low lane. One of more jobs than may run counts twice.
const LOW_EVERY: u64 = 8;
/// Leases of lost workers are looked for this often, while claims are made or all slots are taken.
const RESCUE_EVERY: Duration = Duration::from_secs(1);

/// Low jobs wait this time at most for the first polls of the high ones that were claimed with
/// them: all threads of the high queue may be busy.
const HIGH_FIRST: Duration = Duration::from_millis(1);

pub(super) struct Claimer {
    core: Arc<Core>,
    queue: usize,
    listener: Listener,
    /// Open while it rests.
    pickup: Arc<Pickup>,
    claims: u64,
    turns: Turns,
    ahead: Ahead,
    /// After claims that failed.
    pause: Pause,
    /// After claims that found nothing, where a claim alone tells of other processes.
    idle: Pause,
}

/// The insert that was taken along, and its answer.
type Inserted = (PickedUp, Vec<Enqueued>);

/// What a claim has asked for.
struct AskedFor {
    id: ClaimId,
    whom: Whom,
    order: ClaimOrder,
    limit: usize,
}

impl AskedFor {
    fn of(claim: &Claim) -> AskedFor {
        AskedFor {
            id: claim.id,
            whom: claim.whom,
            order: claim.order,
            limit: claim.limit,
        }
    }
}

/// The next action of a claimer after a round.
enum Then {
    /// More is due already.
    GoOn,
    /// It has claimed what is due, and waits for a hint or a free slot, at most this long. Inserts
    /// that come meanwhile are taken along by its next claim.
    Rest(Option<Duration>),
    /// It cannot claim, and waits in the same way.
    Wait(Duration),
}

impl Claimer {
    pub(super) fn new(core: Arc<Core>, queue: usize) -> Claimer {
        let (hints, name) = (core.store().hints(), &core.queues[queue].name);
        let (listener, pickup) = (hints.listen(name), hints.pickup(name));
        Claimer {
            core,
            queue,
            listener,
            pickup,
            claims: 0,
            turns: Turns::default(),
            ahead: Ahead::default(),
            pause: Pause::default(),
            idle: Pause::default(),
        }
    }

    pub(super) async fn run(mut self) {
        while !self.core.stop.is_set() {
            let then = self.round().await;
            match then {
                Then::GoOn => yield_now().await,
                Then::Rest(next) => {
                    self.pickup.open();
                    self.wait(next).await;
                }
                Then::Wait(next) => {
                    // Inserts that were handed over go back to their callers.
                    drop(self.pickup.close());
                    self.wait(Some(next)).await;
                }
            }
        }
        drop(self.pickup.close());
        self.give_back();
        self.core.claimer_ended();
    }

    async fn round(&mut self) -> Then {
        let core = self.core.clone();
        if !self.ahead.is_empty() {
            return self.begin_ahead().await;
        }
        if core.roster().free(self.queue, self.ahead.pace()) == 0 {
            core.wanting[self.queue].store(true, Relaxed);
            return self.rescue_while_full().await;
        }
        self.lull().await;
        core.turn.hear().await;
        let claimed = self.rescue_and_claim().await;
        core.turn.ring();
        match claimed {
            Ok(next) => {
                self.pause = Pause::default();
                next
            }
            Err(error) => {
                log::warn!(
                    "queue {}: a claim failed: {error}",
                    core.queues[self.queue].name
                );
                Then::Wait(self.pause.next())
            }
        }
    }

    /// Waits a little where most slots are taken.
    async fn lull(&self) {
        let crowded = || self.core.roster().is_crowded(self.queue);
        self.core.claim_lulls[self.queue].wait(crowded).await;
    }

    /// Begins jobs that were claimed before there was a slot for them.
    async fn begin_ahead(&mut self) -> Then {
        // From here on each slot that gets free is told.
        self.core.wanting[self.queue].store(true, Relaxed);
        self.lull().await;
        let slots = self.core.roster().slots(self.queue);
        let jobs = self.ahead.take(slots);
        self.begin(jobs).await;
        match self.ahead.left() {
            _ if self.ahead.is_empty() => Then::GoOn,
            Some(left) => Then::Wait(left),
            None => {
                self.give_back();
                Then::GoOn
            }
        }
    }

    /// What has not begun goes back.
    fn give_back(&mut self) {
        let jobs = self.ahead.take(usize::MAX);
        for job in jobs {
            attempt::give_back(&self.core, job.held());
        }
    }

    /// The jobs of lost workers run again on those that have a free slot.
    async fn rescue_while_full(&mut self) -> Then {
        if rescue_is_due(&self.core) {
            let rescue = self.core.settings.rescue;
            if let Err(error) = self.core.store().rescue(rescue).await {
                log::warn!("a rescue failed: {error}");
            }
        }
        Then::Wait(RESCUE_EVERY)
    }

    async fn rescue_and_claim(&mut self) -> Result<Then, StoreError> {
        let core = self.core.clone();
        if rescue_is_due(&core) {
            core.store().rescue(core.settings.rescue).await?;
        }
        let may = core.roster().may_claim(self.queue, core.handlers.kinds());
        let sent = now();
        let claim = self.claim(&may);
        let asked_for = AskedFor::of(&claim);
        match self.ask(claim).await {
            Err(StoreError::OutcomeUnknown) => {
                let (claimed, sent) = self.asked_again(asked_for.id).await;
                self.take(claimed, &asked_for, &may, sent).await;
                Ok(Then::GoOn)
            }
            asked => {
                let (claimed, inserted) = asked?;
                let then = self.take(claimed, &asked_for, &may, sent).await;
                // Once its jobs have begun: a caller that is woken takes a core.
                if let Some((picked_up, enqueued)) = inserted {
                    picked_up.answer(enqueued);
                }
                Ok(then)
            }
        }
    }

    /// Makes a claim, which takes along what was handed over meanwhile.
    async fn ask(&self, claim: Claim) -> Result<(Claimed, Option<Inserted>), StoreError> {
        let store = self.core.store();
        let Some(picked_up) = self.pickup.close() else {
            return Ok((store.claim(claim).await?, None));
        };
        match store
            .insert_and_claim(picked_up.jobs(), claim.clone())
            .await
        {
            Ok((enqueued, claimed)) => Ok((claimed, Some((picked_up, enqueued)))),
            // Nothing happened. The caller learns by itself what is wrong with its insert.
            Err(StoreError::Database(_)) => {
                drop(picked_up);
                Ok((store.claim(claim).await?, None))
            }
            Err(error) => Err(error),
        }
    }

    /// The jobs that a claim of unknown outcome has taken. The claimer keeps its turn meanwhile:
    /// until the answer is there, the roster does not know of the kinds that are held.
    async fn asked_again(&self, claim: ClaimId) -> (Claimed, Instant) {
        let core = &self.core;
        let mut pause = Pause::default();
        loop {
            let sent = now();
            match core.store().claimed_by(claim, core.settings.lease).await {
                Ok(jobs) => {
                    if jobs.is_empty() {
                        core.doubts.add(claim);
                    }
                    let claimed = Claimed {
                        jobs,
                        ..Claimed::default()
                    };
                    return (claimed, sent);
                }
                Err(error) => log::warn!("a lost claim is asked about again: {error}"),
            }
            sleep(pause.next()).await;
        }
    }

    fn claim(&mut self, may: &MayClaim) -> Claim {
        let core = &self.core;
        let free = core.roster().free(self.queue, self.ahead.pace());
        let before = self.claims;
        self.claims += 1 + u64::from(free > core.queues[self.queue].limit);
        let (whom, kinds, limit) = match may {
            MayClaim::Innocents(kinds) => {
                let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
                (self.turns.next(), kinds, free)
            }
            MayClaim::Suspect(kind) => (Whom::Suspects, vec![kind.clone()], 1),
        };
        Claim {
            id: ClaimId::new(core.jobs.next_id()),
            queue: core.queues[self.queue].name.clone(),
            kinds,
            limit,
            order: match self.claims / LOW_EVERY == before / LOW_EVERY {
                true => ClaimOrder::HighFirst,
                false => ClaimOrder::LowFirst,
            },
            whom,
            lease: core.settings.lease,
            worker: core.settings.name.clone(),
            bounds: core.queues[self.queue].bounds,
            round: self.turns.round(limit),
        }
    }

    async fn take(
        &mut self,
        claimed: Claimed,
        asked_for: &AskedFor,
        may: &MayClaim,
        sent: Instant,
    ) -> Then {
        let (found, limit) = (claimed.jobs.len(), asked_for.limit);
        if found > 0 {
            self.idle = Pause::default();
        }
        let turn = self.turns.claimed(asked_for.whom, &claimed, limit);
        let goes_on = self.mind_suspects(&claimed, may) || turn == NextTurn::Now;
        self.ahead.claimed(&claimed.jobs, limit);
        self.hold(claimed.jobs, asked_for.order, sent);
        let jobs = self.ahead.take(self.core.roster().slots(self.queue));
        self.begin(jobs).await;
        self.core.wanting[self.queue].store(goes_on || found == limit, Relaxed);
        let next = match turn {
            NextTurn::In(pause) => Some(claimed.next.map_or(pause, |next| next.min(pause))),
            NextTurn::Now | NextTurn::None => claimed.next,
        };
        match next {
            _ if goes_on || !self.ahead.is_empty() => Then::GoOn,
            Some(Duration::ZERO) if found == limit => Then::GoOn,
            // An overdue lease or job is the rescue's, which comes at its own time.
            Some(next) => Then::Rest(Some(next.max(until_rescue(&self.core, next)))),
            None => Then::Rest(None),
        }
    }

    /// Whether the next claim may be for other jobs.
    fn mind_suspects(&self, claimed: &Claimed, may: &MayClaim) -> bool {
        let mut roster = self.core.roster();
        if let MayClaim::Suspect(kind) = may {
            let id = claimed.jobs.first().map(|job| job.id);
            roster.suspect_claimed(kind.clone(), id);
        }
        let before = roster.suspicion.clone();
        if let Some(kind) = &claimed.suspect {
            roster.suspect_due(kind.clone(), self.queue);
        }
        roster.suspicion != before || matches!(may, MayClaim::Suspect(_))
    }

    /// Holds what was claimed, the high jobs first. Of a claim that began with the low lane, one
    /// low job comes before them: if it found no slot and went back, its lane would lose its turn.
    fn hold(&mut self, mut jobs: Vec<ClaimedJob>, order: ClaimOrder, sent: Instant) {
        let mut roster = self.core.roster();
        for job in &jobs {
            let lease = Arc::new(Lease::new(sent, self.core.settings.lease));
            roster.hold(job, self.queue, lease);
        }
        drop(roster);
        let is_low = |job: &ClaimedJob| job.lane != Priority::High;
        jobs.sort_by_key(is_low);
        if order == ClaimOrder::LowFirst
            && let Some(first_low) = jobs.iter().position(is_low)
        {
            jobs[..=first_low].rotate_right(1);
        }
        self.ahead.add(jobs);
    }

    /// Begins the high jobs first, and the low ones when the handlers of those have begun: the low
    /// ones have threads of their own, which would be faster than a thread that is still asleep.
    async fn begin(&self, jobs: Vec<ClaimedJob>) {
        let is_high = |job: &ClaimedJob| job.lane == Priority::High;
        let (high, low): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_high);
        let (begins, begun) = flume::bounded(1);
        let mut begins = Some(begins).filter(|_| !high.is_empty() && !low.is_empty());
        for job in high {
            attempt::begin(&self.core, job, self.queue, begins.clone());
        }
        if begins.take().is_some() {
            await_first_polls(begun).await;
        }
        for job in low {
            attempt::begin(&self.core, job, self.queue, None);
        }
    }

    async fn wait(&mut self, next: Option<Duration>) {
        let due = async {
            match next {
                Some(next) => sleep(next).await,
                None => std::future::pending().await,
            }
        };
        let elsewhere = self.written_elsewhere();
        let found = or(self.listener.hinted(), self.core.freed[self.queue].hear());
        let told = or(
            self.core.stop.wait(),
            or(found, or(self.pickup.rung(), due)),
        );
        or(told, elsewhere).await;
    }

    /// Waits until another process has written: a look at a file's length, not a query.
    fn written_elsewhere(&mut self) -> impl Future<Output = ()> + use<> {
        let store = self.core.jobs.store().clone();
        let untold = self.idle.next();
        async move {
            let mut pause = Pause::default();
            loop {
                match store.changed_elsewhere() {
                    Elsewhere::Never => std::future::pending().await,
                    // Only one look is told: it has to tell the process's other tasks.
                    Elsewhere::Changed => return store.hints().ready_everywhere(),
                    Elsewhere::Untold => return sleep(untold).await,
                    Elsewhere::Unchanged => sleep(pause.next()).await,
                }
            }
        }
    }
}

/// Waits until all handlers have had their first polls, or have to wait for them.
async fn await_first_polls(begun: flume::Receiver<Infallible>) {
    let all = async {
        let all = begun.recv_async().await;
        debug_assert!(all.is_err(), "nothing is ever sent");
    };
    or(all, sleep(HIGH_FIRST)).await;
}

fn rescue_is_due(core: &Core) -> bool {
    let mut rescued_at = unpoisoned(core.rescued_at.lock());
    let due = rescued_at.is_none_or(|at| now() - at >= RESCUE_EVERY);
    if due {
        *rescued_at = Some(now());
    }
    due
}

/// The time until a rescue may be made, where one is wanted now.
fn until_rescue(core: &Core, next: Duration) -> Duration {
    let rescued_at = *unpoisoned(core.rescued_at.lock());
    match (next, rescued_at) {
        (Duration::ZERO, Some(at)) => (at + RESCUE_EVERY).saturating_duration_since(now()),
        _ => Duration::ZERO,
    }
}
