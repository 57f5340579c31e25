//! Claims of unknown outcome that had taken nothing when the worker asked: they may be late.
//!
//! A request whose connection broke may reach the database after the question about it. Nothing of
//! the worker's runs such jobs; they go back without charge before their leases end.

use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

use super::core::Core;
use crate::lock::unpoisoned;
use crate::store::{ClaimId, Guarded, Outcome, Settlement, StoreError};

/// The renewals at which a claim is asked about: the last one comes before a lease ends that began
/// with the question of the claimer.
const ASKS: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<Vec<Doubt>>);

#[derive(Clone, Copy, Debug)]
struct Doubt {
    claim: ClaimId,
    asks: u32,
}

impl Doubts {
    pub(super) fn add(&self, claim: ClaimId) {
        unpoisoned(self.0.lock()).push(Doubt { claim, asks: ASKS });
    }

    fn take(&self) -> Vec<Doubt> {
        std::mem::take(&mut *unpoisoned(self.0.lock()))
    }
}

/// Returns what late claims have taken.
pub(super) async fn look(core: &Core) {
    for mut doubt in core.doubts.take() {
        match give_back(core, doubt.claim).await {
            Ok(()) => doubt.asks -= 1,
            Err(error) => log::warn!("a claim in doubt is asked about again: {error}"),
        }
        if doubt.asks > 0 {
            unpoisoned(core.doubts.0.lock()).push(doubt);
        }
    }
}

async fn give_back(core: &Core, claim: ClaimId) -> Result<(), StoreError> {
    let jobs = core.store().claimed_by(claim, core.settings.lease).await?;
    if jobs.is_empty() {
        return Ok(());
    }
    let returned = jobs.iter().map(|job| Settlement {
        held: job.held(),
        outcome: Outcome::Returned,
    });
    let answers = core.store().settle(returned.collect()).await?;
    let returned = answers.iter().filter(|&&answer| answer == Guarded::Held);
    let returned = returned.count() as u64;
    core.tally.returned.fetch_add(returned, Relaxed);
    Ok(())
}
