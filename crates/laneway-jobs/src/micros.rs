//! Times and durations as databases keep them: microseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in microseconds since 1970, or a duration in microseconds.
pub(crate) type Micros = i64;

/// Durations beyond 70,000 years count as that long.
pub(crate) fn length(duration: Duration) -> Micros {
    // A quarter of the range, so that a sum with a time does not overflow.
    i64::try_from(duration.as_micros())
        .unwrap_or(i64::MAX)
        .min(i64::MAX / 4)
}

pub(crate) fn micros_of(time: SystemTime) -> Micros {
    time.duration_since(UNIX_EPOCH).map_or(0, length)
}

pub(crate) fn time_of(micros: Micros) -> SystemTime {
    UNIX_EPOCH + duration_of(micros)
}

pub(crate) fn duration_of(micros: Micros) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
