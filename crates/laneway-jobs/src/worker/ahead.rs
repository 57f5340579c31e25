//! Jobs that were claimed ahead, since their queue's handlers are quick: more than may run.
//!
//! A claim and the settlement beside it cost less for each job the more jobs they are for. So a
//! claimer whose last claim was full, and whose jobs have all ended within moments, claims twice as
//! many as may run. Those without a slot wait here until others end. Handlers that turn out to be
//! slow keep them from no other worker: they go back without charge.
//!
//! A high job waits for the low ones of one claim at most. So while high jobs come among low ones,
//! claims are no larger than usual.

use std::time::{Duration, Instant};

use laneway::Priority;
use laneway::time::now;

use super::roster::Pace;
use crate::deadline::after;
use crate::store::ClaimedJob;

/// Handlers are quick where all jobs of a full claim have ended so soon after it. Jobs that have
/// not begun by then go back.
const MOMENT: Duration = Duration::from_millis(10);

/// Claims are no larger than usual for this time after one that brought high jobs beside low ones.
const CALM: Duration = Duration::from_secs(1);

/// The jobs of the last claim that have not begun.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Those of the high lane first, or after one of the low lane.
    jobs: Vec<ClaimedJob>,
    /// A moment after the last claim.
    until: Option<Instant>,
    /// How many jobs the last claim did not find that it asked for.
    missing: usize,
    /// The time of the last claim that brought jobs of both lanes.
    both_at: Option<Instant>,
}

impl Ahead {
    /// A claim for at most `limit` jobs is back with these.
    pub(super) fn claimed(&mut self, jobs: &[ClaimedJob], limit: usize) {
        self.until = Some(after(now(), MOMENT));
        self.missing = limit.saturating_sub(jobs.len());
        let of = |lane: Priority| jobs.iter().any(|job| job.lane == lane);
        if of(Priority::High) && of(Priority::Low) {
            self.both_at = Some(now());
        }
    }

    /// Whether the next claim may be larger, as far as the last ones tell.
    pub(super) fn pace(&self) -> Pace {
        let is_calm = self.both_at.is_none_or(|at| now() - at >= CALM);
        match is_calm && self.missing == 0 && self.left().is_some() {
            true => Pace::Quick,
            false => Pace::Ordinary,
        }
    }

    pub(super) fn add(&mut self, jobs: impl IntoIterator<Item = ClaimedJob>) {
        self.jobs.extend(jobs);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The first jobs, at most `most`.
    pub(super) fn take(&mut self, most: usize) -> Vec<ClaimedJob> {
        let most = most.min(self.jobs.len());
        self.jobs.drain(..most).collect()
    }

    /// How long they may wait still; `None` where the moment is over.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now());
        Some(left).filter(|left| !left.is_zero())
    }
}
