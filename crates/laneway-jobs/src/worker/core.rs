//! The state that the tasks of a worker share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use laneway::Handle;

use super::doubts::Doubts;
use super::handlers::Handlers;
use super::lull::Lull;
use super::roster::{Phase, Roster};
use super::settings::{ServedQueue, Settings};
use crate::bell::Bell;
use crate::jobs::Jobs;
use crate::lock::unpoisoned;
use crate::signal::Signal;
use crate::store::{Held, Settlement, Store};

#[derive(Debug)]
pub(super) struct Core {
    pub(super) jobs: Jobs,
    pub(super) handlers: Handlers,
    pub(super) settings: Settings,
    pub(super) queues: Vec<ServedQueue>,
    pub(super) runtime: Handle,
    roster: Mutex<Roster>,
    /// For each queue: something was released, so that a claim may find more.
    pub(super) freed: Vec<Bell>,
    /// For each queue: the last claim may have left jobs behind, so that a slot that gets free is
    /// reason enough for the next one. Otherwise that comes when the job is settled.
    pub(super) wanting: Vec<AtomicBool>,
    /// For each queue's claimer.
    pub(super) claim_lulls: Vec<Lull>,
    pub(super) settle_lull: Lull,
    pub(super) settlements: flume::Sender<Settlement>,
    /// Rung while no claim is under way: one at a time, so that what the roster says of kinds holds
    /// until the claim is back.
    pub(super) turn: Bell,
    pub(super) rescued_at: Mutex<Option<Instant>>,
    /// No more jobs are taken.
    pub(super) stop: Signal,
    /// Nothing is held any more, after a stop.
    pub(super) over: Signal,
    pub(super) tally: Tally,
    /// Claims that may be made late.
    pub(super) doubts: Doubts,
}

/// The counts of a worker so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) finished: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) leases_lost: AtomicU64,
}

impl Core {
    pub(super) fn new(
        jobs: Jobs,
        handlers: Handlers,
        settings: Settings,
        queues: Vec<ServedQueue>,
        runtime: Handle,
    ) -> (Arc<Core>, flume::Receiver<Settlement>) {
        // Bounded by what is held: twice the limits at most.
        let (settlements, receiver) = flume::unbounded();
        let limits = queues.iter().map(|queue| queue.limit);
        let core = Core {
            jobs,
            roster: Mutex::new(Roster::new(limits, handlers.present_names())),
            handlers,
            settings,
            freed: queues.iter().map(|_| Bell::default()).collect(),
            wanting: queues.iter().map(|_| AtomicBool::new(true)).collect(),
            claim_lulls: queues.iter().map(|_| Lull::default()).collect(),
            settle_lull: Lull::default(),
            queues,
            runtime,
            settlements,
            turn: Bell::ringing(),
            rescued_at: Mutex::default(),
            stop: Signal::default(),
            over: Signal::default(),
            tally: Tally::default(),
            doubts: Doubts::default(),
        };
        (Arc::new(core), receiver)
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        unpoisoned(self.roster.lock())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &**self.jobs.store()
    }

    /// Takes no more jobs, and asks the handlers to stop by themselves.
    pub(super) fn stop(&self) {
        let mut roster = self.roster();
        roster.phase = Phase::Stopping;
        let leases: Vec<_> = roster.all().map(|(_, job)| job.lease.clone()).collect();
        drop(roster);
        self.stop.set();
        leases.iter().for_each(|lease| lease.cancelled.set());
        self.look_for_the_end();
    }

    /// A handler has ended, and its settlement is on its way.
    pub(super) fn handled(&self, settlement: Settlement) {
        // A handler that a shutdown has stopped meanwhile has no say any more.
        let mut roster = self.roster();
        let handled = roster.handled(settlement.held);
        let (is_busy, will_be_busy) = (roster.is_busy(), roster.will_be_busy());
        drop(roster);
        let Some(queue) = handled else { return };
        let sent = self.settlements.send(settlement);
        debug_assert!(sent.is_ok(), "the settler ends after the last settlement");
        if self.wanting[queue].load(Relaxed) {
            self.freed[queue].ring();
        }
        if !is_busy {
            self.claim_lulls.iter().for_each(Lull::has_come);
        }
        if !will_be_busy {
            self.settle_lull.has_come();
        }
    }

    /// Jobs are held no more.
    pub(super) fn release(&self, held: impl IntoIterator<Item = Held>) {
        let mut roster = self.roster();
        let released = held.into_iter().filter_map(|held| roster.release(held));
        let released = released.count();
        drop(roster);
        if released > 0 {
            // A suspect bars its kind in all queues.
            self.freed.iter().for_each(Bell::ring);
        }
        self.look_for_the_end();
    }

    pub(super) fn claimer_ended(&self) {
        self.roster().claimer_ended();
        self.look_for_the_end();
    }

    fn look_for_the_end(&self) {
        if self.roster().is_over() {
            self.over.set();
        }
    }

    /// A job that is held no more, since its lease is lost, if it was held until now.
    pub(super) fn lose(&self, held: Held) {
        let is_held = self.roster().lease(held).is_some();
        if is_held {
            self.lease_lost(held);
            self.release([held]);
        }
    }

    pub(super) fn lease_lost(&self, held: Held) {
        self.tally.leases_lost.fetch_add(1, Relaxed);
        log::warn!(
            "the lease of job {} was lost; its result goes nowhere",
            held.id
        );
    }
}
