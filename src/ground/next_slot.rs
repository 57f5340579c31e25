//! Room for one value, which its owner fills and any thread may empty.
//!
//! A worker has a next-slot for the task that it has scheduled last. The slot is not stolen from in
//! the ordinary run of things: its task is about to run there, where its data is. The watchdog may
//! empty it when that is not so, and the end of the runtime does. Read `ground/loans.rs` next.

use std::fmt;
use std::mem::ManuallyDrop;

use super::sync::{AtomicBool, AtomicCell, Ordering};

/// Room for one value. Only its owner fills it. It is always emptied by a swap, since other threads
/// may empty it as well; its owner fills it by a plain store where it knows the slot to be empty
/// (T2).
pub(crate) struct NextSlot<T> {
    // In `ManuallyDrop`, since a cell that drops its content swaps even to store.
    value: AtomicCell<Option<ManuallyDrop<T>>>,
    /// For other threads to look at. It may be wrong for a moment, or until the next value if two
    /// threads filled and emptied the slot at once.
    filled: AtomicBool,
}

impl<T> NextSlot<T> {
    /// Puts a value into the slot, which is empty.
    #[inline]
    pub(crate) fn fill(&self, value: T) {
        self.value.store(Some(ManuallyDrop::new(value)));
        self.filled.store(true, Ordering::Relaxed);
    }

    /// Puts a value into the slot, and gives the one that was there.
    #[inline]
    pub(crate) fn replace(&self, value: T) -> Option<T> {
        let displaced = self.value.swap(Some(ManuallyDrop::new(value)));
        self.filled.store(true, Ordering::Relaxed);
        displaced.map(ManuallyDrop::into_inner)
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        // Cleared first, so that the flag stays set where the owner fills the slot right after.
        self.filled.store(false, Ordering::Relaxed);
        self.value.take().map(ManuallyDrop::into_inner)
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Relaxed)
    }
}

impl<T> Default for NextSlot<T> {
    fn default() -> NextSlot<T> {
        NextSlot {
            value: AtomicCell::default(),
            filled: AtomicBool::default(),
        }
    }
}

impl<T> Drop for NextSlot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> fmt::Debug for NextSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextSlot")
            .field("filled", &self.is_filled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_slot_gives_each_value_once_and_drops_the_one_that_is_left() {
        let values: Vec<Arc<()>> = (0..3).map(|_| Arc::default()).collect();
        let slot = NextSlot::default();
        assert!(slot.take().is_none());
        slot.fill(values[0].clone());
        let displaced = slot.replace(values[1].clone());
        assert!(Arc::ptr_eq(&displaced.unwrap(), &values[0]));
        assert!(slot.is_filled());
        assert!(Arc::ptr_eq(&slot.take().unwrap(), &values[1]));
        assert!(!slot.is_filled());
        slot.fill(values[2].clone());
        drop(slot);
        assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
    }
}
