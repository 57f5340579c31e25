//! Systems where only whole processes have a niceness, and where threads keep their slices and stay
//! where they are.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Whether niceness can be set for one thread.
pub(crate) const HAS_NICENESS: bool = false;

/// Whether threads may ask for short slices.
pub(crate) const HAS_SHORT_SLICES: bool = false;

/// Does nothing.
pub(crate) fn set_niceness(_niceness: u8) -> io::Result<()> {
    Ok(())
}

/// No thread has been made nice.
pub(crate) fn is_nice() -> bool {
    false
}

/// Does nothing.
pub(crate) fn shorten_slices() {}

/// Unknown: the system is not asked.
pub(crate) fn processor_time() -> Option<Duration> {
    None
}

/// Unknown: the system is not asked.
pub(crate) fn core() -> Option<usize> {
    None
}

/// Does nothing.
pub(crate) fn move_to_core(_core: usize) {}

/// Does nothing.
pub(crate) fn leave_core(_core: usize) {}

/// Does nothing.
pub(crate) fn keep_niceness() -> io::Result<()> {
    Ok(())
}

/// Starts a thread.
pub(crate) fn spawn(
    builder: Builder,
    main: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    builder.spawn(main)
}
