//! Looks outside where no worker does.
//!
//! While workers run one short task after another, they look outside now and then. In the middle
//! of long polls they do not, and a socket that is ready would wait. So the watchdog sends a worker
//! that is parked to the lookout, or where all are busy, looks itself.

use std::mem;
use std::task::Waker;
use std::time::Duration;

use crate::executor::Executor;
use crate::waker::wake_shielded;

/// The time between two visits. A socket that is ready waits behind long polls for two at most.
pub(super) const VISIT_EVERY: Duration = Duration::from_millis(1);

/// What was seen at the last visit to the lookout.
#[derive(Debug, Default)]
pub(super) struct Attendant {
    /// How many looks there had been.
    looks: usize,
    ready: Vec<Waker>,
}

impl Attendant {
    /// Whether there is anything to look at.
    pub(super) fn is_needed(executor: &Executor) -> bool {
        executor.parking_lot.lookout.reactor().is_some()
    }

    /// Has a worker look, or looks, if there has been no look since the last visit.
    pub(super) fn visit(&mut self, executor: &Executor) {
        let lookout = &executor.parking_lot.lookout;
        let looks = lookout.looks();
        if mem::replace(&mut self.looks, looks) != looks || executor.man_lookout() {
            return;
        }
        lookout.look(&mut self.ready);
        self.ready.drain(..).for_each(wake_shielded);
    }
}
