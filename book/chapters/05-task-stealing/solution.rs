//! A solution: a consumer is counted out before it goes away, and the last one does not go.

use std::sync::atomic::Ordering;

use async_task::Runnable;
use chapter_05::{Step, run_next};
use flume::Receiver;

use crate::at_home::AtHome;

/// One step of a consumer. `at_home` counts the consumers of the own queue that are not away at the
/// other one.
pub fn step(own: &Receiver<Runnable>, other: &Receiver<Runnable>, at_home: &AtHome) -> Step {
    if run_next(own) {
        return Step::Own;
    }
    if !leave(at_home) {
        return Step::Rest;
    }
    let stolen = run_next(other);
    at_home.fetch_add(1, Ordering::SeqCst);
    if stolen { Step::Stolen } else { Step::Rest }
}

/// Counts one consumer less at home, unless it is the last. To look and to count is one operation:
/// of two that would leave at the same time, one stays.
fn leave(at_home: &AtHome) -> bool {
    let one_less = |count: usize| (count > 1).then(|| count - 1);
    let left = at_home.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
    left.is_ok()
}
