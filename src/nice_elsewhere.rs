//! The niceness of threads, on systems where only whole processes have one: left alone.

/// Whether niceness can be set for one thread.
pub(crate) const SUPPORTED: bool = false;

/// Does nothing.
pub(crate) fn set_current_thread(_niceness: u8) {}
