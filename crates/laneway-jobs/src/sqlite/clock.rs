//! T: the store's clock.

use std::time::{Instant, SystemTime};

use laneway::time::now;

pub(super) use crate::micros::{Micros, duration_of, length, micros_of, time_of};

/// The wall clock at opening plus [`laneway::time::now`] since. It never goes back: neither when
/// the wall clock does, nor below the highest T that the file has seen. Within a simulation it is
/// the simulation's.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreClock {
    base: Micros,
    opened: Instant,
}

impl StoreClock {
    /// The clock of a store that is opened now. `highest` is the highest T in the file.
    pub(super) fn start(wall: SystemTime, highest: Micros) -> StoreClock {
        StoreClock {
            base: micros_of(wall).max(highest),
            opened: now(),
        }
    }

    pub(super) fn t(&self) -> Micros {
        let since = now().saturating_duration_since(self.opened);
        self.base.saturating_add(length(since))
    }
}
