//! The time of day, which may jump.

use std::time::SystemTime;

use super::clock::simulated;

/// The present time by the system's clock. A simulation begins with the epoch, and its clock does
/// not jump.
pub(crate) fn wall_now() -> SystemTime {
    match simulated() {
        Some(elapsed) => SystemTime::UNIX_EPOCH + elapsed,
        None => SystemTime::now(),
    }
}
