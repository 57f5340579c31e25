//! The task that renews the leases of all that the worker holds, and deletes old jobs.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_lite::future::{or, zip};
use laneway::time::{now, sleep};

use super::core::Core;
use super::doubts;
use crate::store::{Held, Pruning, Renewal};

/// Old jobs are looked for this often, if any has finished since.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// The first look: a worker that is started again and again may not live for longer.
const FIRST_PRUNING: Duration = Duration::from_secs(1);

/// A renewal waits for no pruning, which takes long where there is much to delete.
pub(super) async fn run(core: Arc<Core>) {
    let renewals = async {
        let third = core.settings.lease / 3;
        while goes_on_after(&core, third).await {
            renew(&core).await;
            doubts::look(&core).await;
        }
    };
    let prunings = async {
        if let Some(pruning) = core.settings.pruning {
            prune_now_and_then(&core, pruning).await;
        }
    };
    zip(renewals, prunings).await;
}

/// Waits for a time, and says whether the worker is there still.
async fn goes_on_after(core: &Core, pause: Duration) -> bool {
    or(core.over.wait(), sleep(pause)).await;
    !core.over.is_set()
}

async fn renew(core: &Core) {
    give_up_overdue(core);
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

/// A handler whose one poll lasts for longer than its attempt keeps its thread, but neither its
/// slot nor the job: that is rescued when its lease ends, as one of a lost worker.
fn give_up_overdue(core: &Core) {
    let length = core.settings.lease;
    let roster = core.roster();
    let overdue = roster.all().filter(|(_, job)| job.lease.is_overdue(length));
    let overdue: Vec<_> = overdue
        .map(|(held, job)| (held, job.kind.clone()))
        .collect();
    drop(roster);
    for (held, kind) in overdue {
        log::error!(
            "job {} of kind {kind} has had its time, and its handler blocks a thread within one \
             poll: its lease is not renewed any more",
            held.id
        );
        core.lose(held);
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

/// An idle worker deletes nothing: it makes no query.
async fn prune_now_and_then(core: &Core, pruning: Pruning) {
    let (mut pause, mut finished_then) = (FIRST_PRUNING, 0);
    while goes_on_after(core, pause).await {
        let finished = core.tally.finished.load(Relaxed);
        if finished == finished_then {
            pause = PRUNE_EVERY.min(2 * pause);
        } else {
            (pause, finished_then) = (PRUNE_EVERY, finished);
            prune(core, pruning).await;
        }
    }
}

async fn prune(core: &Core, pruning: Pruning) {
    loop {
        match core.store().prune(pruning).await {
            Ok(deleted @ 1..) if deleted == pruning.limit => {}
            Ok(_) => return,
            Err(error) => return log::warn!("old jobs could not be deleted: {error}"),
        }
    }
}
