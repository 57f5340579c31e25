//! Stands in for `system.rs` on systems that are not Unix.

use std::io;

use socket2::Socket;

pub(super) const TELLS_WITHOUT_A_VAIN_ATTEMPT: bool = false;

/// Nothing is to be done: here the same option would let others take the port away.
pub(super) fn reuse_address(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// Nothing can be done: the system does not spread connections.
pub(super) fn share_port(_socket: &Socket) -> io::Result<()> {
    Ok(())
}
