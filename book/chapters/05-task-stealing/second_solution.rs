//! A solution: one task is stolen at a time, and the own queue is looked at before the next.

use async_task::Runnable;
use chapter_05::{Step, run_next};
use flume::Receiver;

/// One step of a consumer: the own queue, else the other queue, else a rest.
pub fn step(own: &Receiver<Runnable>, other: &Receiver<Runnable>) -> Step {
    if run_next(own) {
        return Step::Own;
    }
    match run_next(other) {
        true => Step::Stolen,
        false => Step::Rest,
    }
}
