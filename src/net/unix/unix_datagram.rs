//! A Unix socket for datagrams.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::paths::address_of;
use super::pauses::Pauses;
use crate::net::datagram_socket::{DatagramSocket, Datagrams};
use crate::net::registered::Socket;
use crate::net::simulated;

/// A socket for datagrams between processes of one machine. [`DatagramSocket`] has what it shares
/// with others: [`recv`](DatagramSocket::recv), [`send`](DatagramSocket::send) and the like.
///
/// ```
/// use laneway::net::unix::UnixDatagram;
///
/// laneway::block_on(async {
///     let (one, other) = UnixDatagram::pair()?;
///     one.send(b"hello").await?;
///     let mut buffer = [0; 16];
///     let length = other.recv(&mut buffer).await?;
///     assert_eq!(&buffer[..length], b"hello");
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UnixDatagram = DatagramSocket<Datagram>;

/// The socket within a [`UnixDatagram`].
#[derive(Debug)]
pub struct Datagram(pub(super) mio::net::UnixDatagram);

impl UnixDatagram {
    /// A socket at a path, which this makes.
    ///
    /// # Errors
    ///
    /// The system's: the path exists, also where its socket is gone; it is empty or too long, with
    /// 107 bytes on Linux the longest; or its folder must not be written.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        // Before there is a path.
        simulated::refuse_real_sockets()?;
        let socket = std::os::unix::net::UnixDatagram::bind_addr(&address_of(path)?)?;
        DatagramSocket::try_from(socket)
    }

    /// A socket without a path, to which nothing can be sent.
    ///
    /// # Errors
    ///
    /// The system's: no descriptors are left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        DatagramSocket::new(Datagram(mio::net::UnixDatagram::unbound()?))
    }

    /// Two sockets without paths that are connected to each other.
    ///
    /// # Errors
    ///
    /// The system's: no descriptors are left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = mio::net::UnixDatagram::pair()?;
        let enter = |socket| DatagramSocket::new(Datagram(socket));
        Ok((enter(one)?, enter(other)?))
    }

    /// Sets the peer: datagrams go there with [`send`](DatagramSocket::send).
    ///
    /// # Errors
    ///
    /// The system's: there is no socket at the path.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.inner.get().0.connect(path)
    }

    /// Sends to the socket at a path. Where as many datagrams wait there as it has room for, this
    /// tries again from time to time: a socket that is not [connected](UnixDatagram::connect) is
    /// not told when there is room.
    ///
    /// # Errors
    ///
    /// The system's: there is no socket at the path, or the datagram is too long.
    ///
    /// # Cancellation
    ///
    /// It is sent whole or not at all.
    pub async fn send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        let mut pauses = Pauses::new();
        // Linux tells after each attempt that the socket is ready, so a wait for that would spin.
        let attempt = |socket: &Datagram| match socket.0.send_to(bytes, path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            sent => sent.map(Some),
        };
        loop {
            if let Some(sent) = self.write(attempt).await? {
                return Ok(sent);
            }
            pauses.pause().await;
        }
    }

    /// Sends a datagram as [`send_to`](UnixDatagram::send_to) does, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or the system's.
    pub fn try_send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.try_write(|socket| socket.0.send_to(bytes, &path))
    }

    /// Closes a direction, or both.
    ///
    /// # Errors
    ///
    /// The system's: it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get().0.shutdown(how)
    }

    /// The standard library's socket of it, which does not block; it may be set to. The runtime
    /// forgets it.
    #[must_use]
    pub fn into_std(self) -> std::os::unix::net::UnixDatagram {
        self.inner.into_socket().0.into()
    }
}

impl Socket for Datagram {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(&mut self.0)
    }
}

impl Datagrams for Datagram {
    type Address = SocketAddr;

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer)
    }

    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }
}

/// Takes over a socket of the standard library's, which does not block from then on.
impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        DatagramSocket::new(Datagram(mio::net::UnixDatagram::from_std(socket)))
    }
}

/// Takes the socket out, as [`UnixDatagram::into_std`] does.
impl From<UnixDatagram> for std::os::unix::net::UnixDatagram {
    fn from(socket: UnixDatagram) -> std::os::unix::net::UnixDatagram {
        socket.into_std()
    }
}
