//! A Unix connection.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::paths::address_of;
use super::pauses::Pauses;
use crate::ground::poll::budget;
use crate::net::byte_stream::{ByteStream, Bytes};
use crate::net::registered::Socket;
use crate::net::simulated;

/// A connection between two processes of one machine. [`ByteStream`] has what it shares with other
/// connections: reading, writing, [`into_split`](ByteStream::into_split) and the like.
///
/// ```
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use laneway::net::unix::UnixStream;
///
/// laneway::block_on(async {
///     let (mut one, mut other) = UnixStream::pair()?;
///     one.write_all(b"hello").await?;
///     drop(one);
///     let mut received = String::new();
///     other.read_to_string(&mut received).await?;
///     assert_eq!(received, "hello");
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UnixStream = ByteStream<Stream>;

/// The socket within a [`UnixStream`].
#[derive(Debug)]
pub struct Stream(pub(super) mio::net::UnixStream);

impl UnixStream {
    /// Opens a connection to the listener at a path.
    ///
    /// A listener that has no room for more connections that wait to be accepted is tried again, at
    /// first after a millisecond, and later every 64: the system does not tell when there is room.
    ///
    /// # Errors
    ///
    /// The system's: nothing listens there, there is no such path, it is empty or too long, or it
    /// must not be used.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, the attempt ends.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        budget::spend().await;
        simulated::refuse_real_sockets()?;
        let address = address_of(path)?;
        let mut pauses = Pauses::new();
        loop {
            match mio::net::UnixStream::connect_addr(&address) {
                Ok(stream) => return ByteStream::new(Stream(stream)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pauses.pause().await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Two ends of a connection without a path.
    ///
    /// # Errors
    ///
    /// The system's: no descriptors are left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = mio::net::UnixStream::pair()?;
        Ok((
            ByteStream::new(Stream(one))?,
            ByteStream::new(Stream(other))?,
        ))
    }

    /// The standard library's connection of it, which does not block; it may be set to. The runtime
    /// forgets it.
    ///
    /// # Errors
    ///
    /// If a clone or a half of it is in use: those keep the connection.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        Ok(self.into_socket()?.0.into())
    }
}

impl Socket for Stream {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(&mut self.0)
    }
}

impl Bytes for Stream {
    type Address = SocketAddr;
    /// The system ends a read behind bytes that came with a descriptor, and before those of another
    /// process if the reader is told of that, and does not tell of the rest.
    const READS_TAKE_ALL: bool = false;

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.0).read_vectored(buffers)
    }

    fn write(&self, buffer: &[u8]) -> io::Result<usize> {
        (&self.0).write(buffer)
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(buffers)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

/// Takes over a connection of the standard library's, which does not block from then on.
impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        ByteStream::new(Stream(mio::net::UnixStream::from_std(stream)))
    }
}

/// Takes the socket out, as [`UnixStream::into_std`] does.
impl TryFrom<UnixStream> for std::os::unix::net::UnixStream {
    type Error = io::Error;

    fn try_from(stream: UnixStream) -> io::Result<std::os::unix::net::UnixStream> {
        stream.into_std()
    }
}
