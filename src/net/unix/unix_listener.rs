//! A socket that waits for Unix connections.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::paths::address_of;
use super::unix_stream::{Stream, UnixStream};
use crate::net::byte_stream::ByteStream;
use crate::net::listener::{Accepts, Listener};
use crate::net::registered::Socket;
use crate::net::simulated;

/// A socket that waits for connections of processes of the same machine. [`Listener`] has what it
/// shares with others: [`accept`](Listener::accept), [`incoming`](Listener::incoming) and the like.
///
/// ```
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use laneway::net::unix::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("laneway-{}.sock", std::process::id()));
/// laneway::block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let mut client = UnixStream::connect(&path).await?;
///     let (mut server, _) = listener.accept().await?;
///     client.write_all(b"x").await?;
///     let mut byte = [0];
///     server.read_exact(&mut byte).await?;
///     assert_eq!(&byte, b"x");
///     std::fs::remove_file(&path)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UnixListener = Listener<Door>;

/// The socket within a [`UnixListener`].
#[derive(Debug)]
pub struct Door(pub(super) mio::net::UnixListener);

impl UnixListener {
    /// Listens at a path, which this makes. As many connections wait to be accepted as the system
    /// allows.
    ///
    /// # Errors
    ///
    /// The system's: the path exists, also where its listener is gone; it is empty or too long,
    /// with 107 bytes on Linux the longest; or its folder must not be written.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        // Before there is a path.
        simulated::refuse_real_sockets()?;
        Listener::new(Door(mio::net::UnixListener::bind_addr(&address_of(path)?)?))
    }

    /// The standard library's listener of it, which does not block; it may be set to. The runtime
    /// forgets it.
    #[must_use]
    pub fn into_std(self) -> std::os::unix::net::UnixListener {
        self.inner.into_socket().0.into()
    }
}

impl Socket for Door {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(&mut self.0)
    }
}

impl Accepts for Door {
    type Stream = Stream;
    type Address = SocketAddr;
    type Unentered = mio::net::UnixStream;

    fn accept(&self) -> io::Result<(mio::net::UnixStream, SocketAddr)> {
        self.0.accept()
    }

    fn enter(connection: mio::net::UnixStream) -> io::Result<UnixStream> {
        ByteStream::new(Stream(connection))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }
}

/// Takes over a listener of the standard library's, which does not block from then on.
impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        Listener::new(Door(mio::net::UnixListener::from_std(listener)))
    }
}

/// Takes the socket out, as [`UnixListener::into_std`] does.
impl From<UnixListener> for std::os::unix::net::UnixListener {
    fn from(listener: UnixListener) -> std::os::unix::net::UnixListener {
        listener.into_std()
    }
}
