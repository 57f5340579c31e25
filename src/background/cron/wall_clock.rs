//! The clock that times of day are read from, and how often.

use std::time::{Duration, SystemTime};

use crate::time::clock::simulated;
use crate::time::wall::wall_now;

/// The steady clock, which sleeps go by, stands still while the machine is suspended, and does not
/// know when the system's clock is set. So a sleep until a time of day takes a look at that clock
/// this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A clock that shows the time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    pub(super) now: fn() -> SystemTime,
    /// How long to sleep without a look at it.
    pub(super) look_every: Duration,
}

impl WallClock {
    /// The system's, or that of the simulation that this thread belongs to, which does not jump.
    pub(super) fn here() -> WallClock {
        WallClock {
            now: wall_now,
            look_every: simulated().map_or(LOOK_EVERY, |_| Duration::MAX),
        }
    }
}
