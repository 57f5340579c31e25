//! The moment when no handler runs, which claims and settlements wait for a little: short handlers
//! that began together end together, and then share one transaction.

use std::time::Duration;

use futures_lite::future::or;
use laneway::time::sleep;

use crate::bell::Bell;

/// The longest wait. It is shorter than a commit takes on most disks.
const LONGEST: Duration = Duration::from_micros(250);

/// Where one task waits for lulls.
#[derive(Debug, Default)]
pub(super) struct Lull(Bell);

impl Lull {
    pub(super) fn has_come(&self) {
        self.0.ring();
    }

    /// Waits while `busy` says that handlers run, and not for long.
    pub(super) async fn wait(&self, busy: impl FnOnce() -> bool) {
        // A lull that has passed says nothing. It is hushed before the look, so none is missed.
        self.0.hush();
        if busy() {
            or(self.0.hear(), sleep(LONGEST)).await;
        }
    }
}
