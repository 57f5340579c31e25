//! Pauses between attempts, where the system does not tell that another one may succeed.

use std::time::Duration;

use crate::time::sleep;

const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(64);

/// Pauses that become longer, up to a bound.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(super) fn new() -> Pauses {
        Pauses { next: FIRST }
    }

    pub(super) async fn pause(&mut self) {
        sleep(self.next).await;
        self.next = LONGEST.min(2 * self.next);
    }
}
