//! A UDP socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::SockRef;

use super::datagram_socket::{DatagramSocket, Datagrams};
use super::registered::Socket;
use super::resolve::{ToSocketAddrs, no_address, resolve};

/// A UDP socket. [`DatagramSocket`] has what it shares with others: [`recv`](DatagramSocket::recv),
/// [`send`](DatagramSocket::send) and the like.
///
/// In a [simulation](crate::sim) there is none: [`bind`](UdpSocket::bind) fails.
///
/// ```
/// use laneway::net::UdpSocket;
///
/// laneway::block_on(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(server.local_addr()?).await?;
///     client.send(b"ping").await?;
///     let mut buffer = [0; 16];
///     let (length, from) = server.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..length], from), (&b"ping"[..], client.local_addr()?));
///     server.send_to(b"pong", from).await?;
///     assert_eq!(client.peek(&mut buffer).await?, 4);
///     assert_eq!(client.recv(&mut buffer).await?, 4);
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UdpSocket = DatagramSocket<Udp>;

/// What a [`UdpSocket`] is made of.
#[derive(Debug)]
pub struct Udp(pub(super) mio::net::UdpSocket);

impl UdpSocket {
    /// A socket at an address. Port 0 lets the system choose one, which
    /// [`local_addr`](DatagramSocket::local_addr) tells. Where a name has several addresses, the
    /// first that can be had is taken.
    ///
    /// # Errors
    ///
    /// The address is in use or is not this machine's, or the name has no address.
    /// [`Unsupported`](io::ErrorKind::Unsupported) in a simulation.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        let mut last = no_address();
        for address in resolve(address).await? {
            let bound = mio::net::UdpSocket::bind(address);
            match bound.and_then(|socket| UdpSocket::new(Udp(socket))) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sets the peer: datagrams go there with [`send`](DatagramSocket::send), and those of others
    /// are not received. Where a name has several addresses, the first that can be reached is
    /// taken.
    ///
    /// # Errors
    ///
    /// The system's: there is no way to the address; or the name has no address.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let mut last = no_address();
        for address in resolve(address).await? {
            match self.inner.get().0.connect(address) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends to an address; of a name's, to the first.
    ///
    /// # Errors
    ///
    /// The system's: there is no way to the address, the datagram is too long, or an earlier one
    /// has not found its way; or the name has no address.
    ///
    /// # Cancellation
    ///
    /// It is sent whole or not at all.
    pub async fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let first = resolve(address).await?.into_iter().next();
        let address = first.ok_or_else(no_address)?;
        self.write(|socket| socket.0.send_to(bytes, address)).await
    }

    /// As [`send_to`](UdpSocket::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or the system's.
    pub fn try_send_to(&self, bytes: &[u8], address: SocketAddr) -> io::Result<usize> {
        self.try_write(|socket| socket.0.send_to(bytes, address))
    }

    /// Waits for a datagram and copies it, without taking it.
    ///
    /// # Errors
    ///
    /// The system's. The socket goes on.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(|socket| socket.0.peek(buffer)).await
    }

    /// As [`peek`](UdpSocket::peek), and where the datagram comes from.
    ///
    /// # Errors
    ///
    /// The system's. The socket goes on.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read(|socket| socket.0.peek_from(buffer)).await
    }

    /// Whether datagrams may be sent to all hosts of a network at once.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.inner.get().0.broadcast()
    }

    /// Allows datagrams to all hosts of a network at once, or forbids them, as for new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.inner.get().0.set_broadcast(allowed)
    }

    /// How many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.get().0.ttl()
    }

    /// Sets how many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, routers: u32) -> io::Result<()> {
        self.inner.get().0.set_ttl(routers)
    }

    /// Receives what is sent to a group as well, on the interface that the system chooses.
    ///
    /// # Errors
    ///
    /// The system's: the address is none of a group, or of another family than the socket.
    ///
    /// ```
    /// use laneway::net::UdpSocket;
    ///
    /// laneway::block_on(async {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     assert!(socket.join_multicast("127.0.0.1".parse().unwrap()).is_err(), "no group");
    ///     socket.set_multicast_loop(false)?;
    ///     assert!(!socket.multicast_loop()?);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast(&self, group: IpAddr) -> io::Result<()> {
        let socket = &self.inner.get().0;
        match group {
            IpAddr::V4(group) => socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(group) => socket.join_multicast_v6(&group, 0),
        }
    }

    /// Receives no longer what is sent to a group.
    ///
    /// # Errors
    ///
    /// The system's: the socket has not joined it.
    pub fn leave_multicast(&self, group: IpAddr) -> io::Result<()> {
        let socket = &self.inner.get().0;
        match group {
            IpAddr::V4(group) => socket.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(group) => socket.leave_multicast_v6(&group, 0),
        }
    }

    /// Whether this machine, too, receives what the socket sends to a group.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn multicast_loop(&self) -> io::Result<bool> {
        let socket = &self.inner.get().0;
        match socket.local_addr()? {
            SocketAddr::V4(_) => socket.multicast_loop_v4(),
            SocketAddr::V6(_) => socket.multicast_loop_v6(),
        }
    }

    /// Sets whether this machine, too, receives what the socket sends to a group, as it does for
    /// new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_loop(&self, receives: bool) -> io::Result<()> {
        let socket = &self.inner.get().0;
        match socket.local_addr()? {
            SocketAddr::V4(_) => socket.set_multicast_loop_v4(receives),
            SocketAddr::V6(_) => socket.set_multicast_loop_v6(receives),
        }
    }

    /// Sets how many routers a datagram to a group may pass: 1 for new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_ttl(&self, routers: u32) -> io::Result<()> {
        let socket = &self.inner.get().0;
        match socket.local_addr()? {
            SocketAddr::V4(_) => socket.set_multicast_ttl_v4(routers),
            SocketAddr::V6(_) => SockRef::from(socket).set_multicast_hops_v6(routers),
        }
    }

    /// The standard library's socket of it, which does not block; it may be set to. The runtime
    /// forgets it.
    #[must_use]
    pub fn into_std(self) -> std::net::UdpSocket {
        self.inner.into_socket().0.into()
    }
}

impl Socket for Udp {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        Some(&mut self.0)
    }
}

impl Datagrams for Udp {
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
impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        UdpSocket::new(Udp(mio::net::UdpSocket::from_std(socket)))
    }
}

/// As [`UdpSocket::into_std`].
impl From<UdpSocket> for std::net::UdpSocket {
    fn from(socket: UdpSocket) -> std::net::UdpSocket {
        socket.into_std()
    }
}
