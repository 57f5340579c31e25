//! The task that renews the leases of all that the worker holds, and deletes old jobs.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use laneway::time::{now, sleep};

use super::core::Core;
use super::doubts;
use crate::store::{Held, Pruning, Renewal};

/// Old jobs are looked for this often, if any has finished since.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(core: Arc<Core>) {
    let third = core.settings.lease / 3;
    let mut pruned = Pruned {
        at: now(),
        finished: 0,
    };
    while !core.over.is_set() {
        or(core.over.wait(), sleep(third)).await;
        renew(&core).await;
        doubts::look(&core).await;
        if let Some(pruning) = core.settings.pruning {
            pruned.prune(&core, pruning).await;
        }
    }
}

async fn renew(core: &Core) {
    let held: Vec<Held> = core.roster().all().map(|(held, _)| held).collect();
    if held.is_empty() {
        return;
    }
    let sent = now();
    match core.store().renew(held.clone(), core.settings.lease).await {
        Ok(renewals) => {
            for (held, renewal) in held.into_iter().zip(renewals) {
                renewed(core, held, renewal, sent);
            }
        }
        // An error that came soon leaves time for the next renewal; if it fails as well, or came
        // late, their handlers are dropped by their own deadlines.
        Err(error) => log::warn!("{} leases could not be renewed: {error}", held.len()),
    }
}

fn renewed(core: &Core, held: Held, renewal: Renewal, sent: Instant) {
    let roster = core.roster();
    // A job that was settled meanwhile has no lease, and is no loss.
    let Some(lease) = roster.lease(held).cloned() else {
        return;
    };
    drop(roster);
    match renewal {
        Renewal::LeaseLost => return lease.lose(),
        Renewal::CancelAsked => lease.cancelled.set(),
        Renewal::Renewed => {}
    }
    lease.renewed(sent, core.settings.lease);
}

struct Pruned {
    at: Instant,
    finished: u64,
}

impl Pruned {
    /// An idle worker deletes nothing: it makes no query.
    async fn prune(&mut self, core: &Core, pruning: Pruning) {
        let finished = core.tally.finished.load(Relaxed);
        if now() - self.at < PRUNE_EVERY || finished == self.finished {
            return;
        }
        *self = Pruned {
            at: now(),
            finished,
        };
        loop {
            match core.store().prune(pruning).await {
                Ok(deleted @ 1..) if deleted == pruning.limit => {}
                Ok(_) => return,
                Err(error) => return log::warn!("old jobs could not be deleted: {error}"),
            }
        }
    }
}
