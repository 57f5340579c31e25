//! No machine is modelled: the seed picks, and a worker that finds nothing rests.

use super::choice::Choice;
use crate::executor::Worker;
use crate::executor::worker::Step;

/// Nothing is to be noted.
pub(super) fn choosing() {}

/// Of several that can go on, one.
pub(super) fn pick(choices: &[Choice], rng: &mut fastrand::Rng) -> Choice {
    choices[rng.usize(..choices.len())]
}

/// The step, as it is.
pub(super) fn after(step: Step, _worker: &Worker) -> Step {
    step
}

/// Nothing is to be noted.
pub(super) fn parked() {}
