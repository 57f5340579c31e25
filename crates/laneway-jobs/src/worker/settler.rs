//! The task that settles attempts: all that have ended meanwhile in one go, and again with the
//! same fences while the outcome is unknown.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_lite::future::or;
use laneway::time::sleep;

use super::core::Core;
use crate::pause::Pause;
use crate::store::{Guarded, Outcome, Settlement, StoreError};

/// At most this many settlements in one go.
const AT_ONCE: usize = 1_024;
/// Results in one go have no more bytes than this together, unless one alone has: a statement has a
/// bound as well.
const BYTES_AT_ONCE: usize = 16 << 20;

pub(super) async fn run(core: Arc<Core>, settlements: flume::Receiver<Settlement>) {
    // Sent again until they are settled, or their leases have lapsed. Bounded by what is held.
    let mut left = Vec::new();
    let mut pause = Pause::default();
    while wait(&core, &settlements, &mut left, &mut pause).await == Work::There {
        gather(&settlements, &mut left);
        let before = left.len();
        settle(&core, &mut left).await;
        if left.len() < before {
            pause = Pause::default();
        }
        drop_lapsed(&core, &mut left);
    }
}

/// Whether there is something to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    There,
    /// The worker has ended, and nothing will come.
    Over,
}

/// Waits until there is something to settle. While some were refused, that is when they are sent
/// again: others that come meanwhile go along.
async fn wait(
    core: &Core,
    settlements: &flume::Receiver<Settlement>,
    left: &mut Vec<Settlement>,
    pause: &mut Pause,
) -> Work {
    if !left.is_empty() {
        sleep(pause.next()).await;
        return Work::There;
    }
    let over = async {
        core.over.wait().await;
        None
    };
    let first = or(async { settlements.recv_async().await.ok() }, over).await;
    let Some(first) = first else {
        return Work::Over;
    };
    left.push(first);
    core.settle_lull.wait(|| core.roster().will_be_busy()).await;
    Work::There
}

fn gather(settlements: &flume::Receiver<Settlement>, batch: &mut Vec<Settlement>) {
    let mut bytes: usize = batch.iter().map(Settlement::bytes).sum();
    while batch.len() < AT_ONCE
        && bytes < BYTES_AT_ONCE
        && let Ok(next) = settlements.try_recv()
    {
        bytes += next.bytes();
        batch.push(next);
    }
}

/// Settles all in one go, and leaves those that were refused.
async fn settle(core: &Core, batch: &mut Vec<Settlement>) {
    match settled(core, batch).await {
        // One settlement's fault must not be the others': each on its own.
        Err(StoreError::Database(_)) if batch.len() > 1 => {
            let mut refused = Vec::new();
            for one in batch.drain(..) {
                let alone = [one];
                let answer = settled(core, &alone).await;
                refused.extend(alone.into_iter().filter(|_| answer.is_err()));
            }
            *batch = refused;
        }
        Err(_) => {}
        Ok(()) => batch.clear(),
    }
}

async fn settled(core: &Core, batch: &[Settlement]) -> Result<(), StoreError> {
    let answers = core.store().settle(batch.to_vec()).await;
    let answers = answers.inspect_err(|error| {
        log::warn!("{} settlements are sent again: {error}", batch.len());
    })?;
    for (settlement, answer) in batch.iter().zip(answers) {
        tell(core, settlement, answer);
    }
    core.release(batch.iter().map(|settlement| settlement.held));
    Ok(())
}

fn tell(core: &Core, settlement: &Settlement, answer: Guarded) {
    match (answer, &settlement.outcome) {
        (Guarded::LeaseLost, _) => core.lease_lost(settlement.held),
        (Guarded::Held, Outcome::Returned) => drop(core.tally.returned.fetch_add(1, Relaxed)),
        (Guarded::Held, _) => drop(core.tally.finished.fetch_add(1, Relaxed)),
    }
}

/// Beyond its lease a settlement would be refused: another worker runs the job then.
fn drop_lapsed(core: &Core, batch: &mut Vec<Settlement>) {
    let lapsed = |one: &Settlement| {
        let roster = core.roster();
        roster
            .lease(one.held)
            .is_none_or(|lease| lease.has_lapsed())
    };
    let gone = batch.extract_if(.., |one| lapsed(one)).collect::<Vec<_>>();
    gone.iter().for_each(|one| core.lease_lost(one.held));
    core.release(gone.iter().map(|one| one.held));
}
