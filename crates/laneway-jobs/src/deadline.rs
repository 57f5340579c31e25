//! Deadlines by the clock of [`laneway::time::now`].

use std::time::{Duration, Instant};

/// As good as for ever, and within what an instant can hold.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment that is this long after another one. Lengths beyond a century count as one.
pub(crate) fn after(moment: Instant, length: Duration) -> Instant {
    moment + length.min(CENTURY)
}
