//! The task that settles attempts: all that have ended meanwhile in one go, and again with the
//! same fences while the outcome is unknown.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_lite::future::or;
use laneway::time::sleep;

use super::core::Core;
use crate::pause::Pause;
use crate::store::{Guarded, Outcome, Settlement};

/// At most this many settlements in one go.
const AT_ONCE: usize = 1_024;

pub(super) async fn run(core: Arc<Core>, settlements: flume::Receiver<Settlement>) {
    loop {
        let over = async {
            core.over.wait().await;
            None
        };
        let first = or(async { settlements.recv_async().await.ok() }, over);
        let Some(first) = first.await else { return };
        core.settle_lull.wait(|| core.roster().is_busy()).await;
        let mut batch = vec![first];
        batch.extend(settlements.try_iter().take(AT_ONCE - 1));
        settle(&core, batch).await;
    }
}

async fn settle(core: &Core, mut batch: Vec<Settlement>) {
    let mut pause = Pause::default();
    while !batch.is_empty() {
        match core.store().settle(batch.clone()).await {
            Ok(answers) => {
                for (settlement, answer) in batch.iter().zip(answers) {
                    tell(core, settlement, answer);
                }
                core.release(batch.drain(..).map(|settlement| settlement.held));
            }
            Err(error) => {
                log::warn!("{} settlements are sent again: {error}", batch.len());
                sleep(pause.next()).await;
                drop_lapsed(core, &mut batch);
            }
        }
    }
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
