//! Find the fault: this consumer helps out, and its own customers wait.

use async_task::Runnable;
use chapter_05::{Step, run_next};
use flume::Receiver;

/// One step of a consumer: the own queue, else the other queue, else a rest.
pub fn step(own: &Receiver<Runnable>, other: &Receiver<Runnable>) -> Step {
    if run_next(own) {
        return Step::Own;
    }
    let mut step = Step::Rest;
    while run_next(other) {
        step = Step::Stolen;
    }
    step
}
