//! The sockets of Unix systems; `system_elsewhere.rs` stands in for this file on others.

use std::io;

use socket2::Socket;

/// Whether the system tells of bytes that come after an attempt that took all there were. If not,
/// it does so only after one that found nothing.
pub(super) const TELLS_WITHOUT_A_VAIN_ATTEMPT: bool = true;

/// Lets a listener have a port although connections of an earlier one have not quite ended.
pub(super) fn reuse_address(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Lets other sockets that ask for it have the same port.
pub(super) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}
