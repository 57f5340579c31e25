//! The paths of Unix sockets.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// The address of a path.
///
/// # Errors
///
/// It is too long, has a zero byte, or is empty: for an empty one, Linux would choose a name that
/// stands in no folder and that no client knows.
pub(super) fn address_of(path: impl AsRef<Path>) -> io::Result<SocketAddr> {
    let path = path.as_ref();
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path of the socket is empty: name a file that it is to be",
        ));
    }
    SocketAddr::from_pathname(path)
}
