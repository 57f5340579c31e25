//! Without the feature `slices`, each thread keeps the slices of a core that the system gives it.

/// Whether threads may ask for short slices.
pub(crate) const HAS_SHORT_SLICES: bool = false;

/// Does nothing.
pub(crate) fn shorten_slices() {}

/// No thread has asked for short slices.
pub(super) fn are_short() -> bool {
    false
}
