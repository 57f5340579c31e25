//! Systems where only whole processes have a niceness, and where threads stay where they are.

use std::io;

/// Whether niceness can be set for one thread.
pub(crate) const HAS_NICENESS: bool = false;

/// Does nothing.
pub(crate) fn set_niceness(_niceness: u8) -> io::Result<()> {
    Ok(())
}

/// No thread has been made nice.
pub(crate) fn is_nice() -> bool {
    false
}

/// Unknown: the system is not asked.
pub(crate) fn core() -> Option<usize> {
    None
}

/// Does nothing.
pub(crate) fn move_to_core(_core: usize) {}
