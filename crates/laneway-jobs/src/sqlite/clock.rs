//! T: the store's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use laneway::time::now;

/// A time in microseconds since 1970, as the file has it.
pub(super) type Micros = i64;

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

/// Durations beyond 290,000 years count as that long.
pub(super) fn length(duration: Duration) -> Micros {
    // Half of the range, so that a sum with a time does not overflow.
    i64::try_from(duration.as_micros())
        .unwrap_or(i64::MAX)
        .min(i64::MAX / 4)
}

pub(super) fn micros_of(time: SystemTime) -> Micros {
    time.duration_since(UNIX_EPOCH).map_or(0, length)
}

pub(super) fn time_of(micros: Micros) -> SystemTime {
    UNIX_EPOCH + duration_of(micros)
}

pub(super) fn duration_of(micros: Micros) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
