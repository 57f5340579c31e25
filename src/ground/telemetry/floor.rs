//! A number that grows, as it is shown to readers that look while it changes.
//!
//! It never shows less than it has shown before.

use std::sync::atomic::{AtomicU64, Ordering};

/// The largest value that was ever shown of a number.
///
/// A number that is put together from several others, which change while they are read, may come
/// out a little too large; a reader that looks again is not told that it has fallen.
#[derive(Debug, Default)]
pub(crate) struct Floor(AtomicU64);

impl Floor {
    /// Gives the number to show: this one, or the one that was shown before if that is more.
    pub(crate) fn show(&self, number: u64) -> u64 {
        // Relaxed: no other data hangs on it.
        self.0.fetch_max(number, Ordering::Relaxed).max(number)
    }
}

#[cfg(test)]
mod tests {
    use super::Floor;

    #[test]
    fn what_is_shown_never_falls() {
        let floor = Floor::default();
        assert_eq!([3, 2, 3, 5].map(|n| floor.show(n)), [3, 3, 3, 5]);
    }
}
