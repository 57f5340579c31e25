//! How many jobs a claim may take, by the rate of its queue.

use std::time::Duration;

use super::begun::Begun;
use super::claim::Claim;
use super::rate::Rate;
use crate::micros::Micros;

/// What a claim may take at T. A store asks for it in the claim's own transaction, while no other
/// claim for the queue can.
#[derive(Debug)]
pub(crate) struct Allowance {
    wanted: usize,
    limit: usize,
    t: Micros,
    rate: Option<(Rate, Begun)>,
}

impl Allowance {
    /// With what the queue's row keeps of claims before.
    pub(crate) fn of(claim: &Claim, kept: &str, t: Micros) -> Allowance {
        let rate = claim.bounds.rate.map(|rate| (rate, Begun::read(kept)));
        let free = rate.as_ref().map(|(rate, begun)| begun.free(*rate, t));
        Allowance {
            wanted: claim.limit,
            limit: free.map_or(claim.limit, |free| free.min(claim.limit)),
            t,
            rate,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The rate's part of the queue's row after a claim has taken this number of jobs; `None`: as
    /// it was.
    pub(crate) fn kept(&mut self, jobs: usize) -> Option<String> {
        let (rate, begun) = self.rate.as_mut().filter(|_| jobs > 0)?;
        begun.add(*rate, self.t, jobs);
        Some(begun.text())
    }

    /// The time until the rate allows more, where it and nothing else has ended a claim that took
    /// this number of jobs.
    pub(crate) fn wait(&self, jobs: usize) -> Option<Duration> {
        let (rate, begun) = self.rate.as_ref()?;
        let ended = self.limit < self.wanted && jobs >= self.limit;
        ended.then(|| begun.wait(*rate, self.t))
    }
}
