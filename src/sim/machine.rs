//! The modelled machine of a build that counts (`benches/scale`): the worker whose core is the
//! furthest behind goes on, and one that searches looks as often as on a thread of its own.

use super::choice::Choice;
use crate::counted;
use crate::executor::Worker;
use crate::executor::worker::Step;

/// Notes that the simulator itself goes on until it has picked.
pub(super) fn choosing() {
    counted::choosing();
}

/// Of several that can go on, one.
pub(super) fn pick(choices: &[Choice], rng: &mut fastrand::Rng) -> Choice {
    let picked = counted::pick(choices.iter().copied().map(core));
    choices[picked.unwrap_or_else(|| rng.usize(..choices.len()))]
}

/// The thread outside has the first core.
fn core(choice: Choice) -> usize {
    match choice {
        Choice::Worker(number) => number + 1,
        Choice::Root | Choice::Woken(_) | Choice::Job => 0,
    }
}

/// Notes a step, and gives the one that takes its place: a worker that searches rests only when it
/// has searched for long enough.
pub(super) fn after(step: Step, worker: &Worker) -> Step {
    match step {
        Step::Ran => counted::polled(),
        Step::Rest if counted::looks_again(worker.is_searching()) => return Step::Ran,
        Step::Rest | Step::Replaced | Step::Close => {}
    }
    step
}

/// Notes that the worker which has made this step is parked.
pub(super) fn parked() {
    counted::parked();
}
