//! The mark of a place where tasks lie: how many raises were counted when it was last sifted.
//!
//! Counts wrap around, so that one is older than another, and none is the least.

use super::sync::{AtomicUsize, Ordering};

/// How many raises were counted when the tasks beside it were last sifted (`Sought` in
/// `ground/waker/pending.rs`).
#[derive(Debug, Default)]
pub(crate) struct SiftMark(AtomicUsize);

impl SiftMark {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire) as u32
    }

    pub(crate) fn set(&self, at: u32) {
        // Release: pairs with the Acquire in `get`. A worker that sees the mark takes tasks that
        // were sifted.
        self.0.store(at as usize, Ordering::Release);
    }

    /// Sets the mark to an older count, unless it is as old already. Gives the one from before.
    pub(crate) fn set_back(&self, to: u32) -> u32 {
        let before = self.get();
        if is_older(to, before) {
            self.set(to);
        }
        before
    }
}

/// Whether a count of raises was reached before another. Counts wrap around.
pub(crate) fn is_older(count: u32, than: u32) -> bool {
    count.wrapping_sub(than).cast_signed() < 0
}
