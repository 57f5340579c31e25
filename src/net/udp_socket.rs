//! A UDP socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::SockRef;

use super::datagram_socket::{DatagramSocket, Datagrams};
use super::either::Either;
use super::registered::{Registered, Socket};
use super::resolve::{ToSocketAddrs, addresses, no_address, resolve, try_in_order};
use super::simulated::{self, UdpEnd};
use crate::ground::poll::budget;

/// A UDP socket. [`DatagramSocket`] has what it shares with others: [`recv`](DatagramSocket::recv),
/// [`send`](DatagramSocket::send) and the like.
///
/// In a [simulation](crate::sim) it is a socket of the simulated network, where the seed decides
/// which datagrams are lost and in which order the others arrive:
/// [`NetworkConditions`](super::NetworkConditions) says how many. There are no groups and no
/// broadcasts, and options have no effect.
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
///
/// A protocol that needs each datagram once, and in order, fails under one seed in many:
///
/// ```
/// use laneway::net::{NetworkConditions, UdpSocket};
/// use laneway::sim::Sim;
///
/// let bad = NetworkConditions::new().loss(0.2);
/// let failure = Sim::seed(0).network(bad).explore(100, || async {
///     let server = UdpSocket::bind("10.0.0.1:53").await.unwrap();
///     let client = UdpSocket::bind("10.0.0.2:0").await.unwrap();
///     client.connect("10.0.0.1:53").await.unwrap();
///     client.send(b"question").await.unwrap();
///     server.recv(&mut [0; 16]).await.unwrap();
/// });
/// assert!(failure.unwrap_err().to_string().contains("deadlock"));
/// ```
pub type UdpSocket = DatagramSocket<Udp>;

/// The socket within a [`UdpSocket`].
#[derive(Debug)]
pub struct Udp(pub(super) Either<mio::net::UdpSocket, UdpEnd>);

impl UdpSocket {
    /// A socket at an address. Port 0 lets the system choose one, which
    /// [`local_addr`](DatagramSocket::local_addr) tells. Where a name has several addresses, the
    /// first that can be had is taken.
    ///
    /// # Errors
    ///
    /// The address is in use or is not this machine's, or the name has no address.
    ///
    /// # Cancellation
    ///
    /// No socket is left.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        try_in_order(resolve(address).await?, UdpSocket::bind_to)
    }

    fn bind_to(address: SocketAddr) -> io::Result<UdpSocket> {
        match simulated::current() {
            Some(network) => {
                let (end, source) = UdpEnd::bind(network, address)?;
                let socket = Udp(Either::Simulated(end));
                Ok(DatagramSocket {
                    inner: Registered::simulated(socket, source),
                })
            }
            None => UdpSocket::of_system(mio::net::UdpSocket::bind(address)?),
        }
    }

    fn of_system(socket: mio::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::new(Udp(Either::System(socket)))
    }

    /// Sets the peer: datagrams go there with [`send`](DatagramSocket::send), and those of others
    /// are not received. Where a name has several addresses, the first that can be reached is
    /// taken.
    ///
    /// # Errors
    ///
    /// The system's: there is no way to the address; or the name has no address.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let socket = &self.inner.get().0;
        try_in_order(resolve(address).await?, |address| {
            socket.with(|it| it.connect(address), |it| it.connect(address))
        })
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
        let address = first_address(address).await?;
        self.write(|socket| socket.send_to(bytes, address)).await
    }

    /// Sends a datagram as [`send_to`](UdpSocket::send_to) does, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or the system's.
    pub fn try_send_to(&self, bytes: &[u8], address: SocketAddr) -> io::Result<usize> {
        self.try_write(|socket| socket.send_to(bytes, address))
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
        Ok(self.peek_from(buffer).await?.0)
    }

    /// Looks at the next datagram as [`peek`](UdpSocket::peek) does, and at its sender's address.
    ///
    /// # Errors
    ///
    /// The system's. The socket goes on.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read(|socket| socket.peek_from(buffer)).await
    }

    /// Whether datagrams may be sent to all hosts of a network at once.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.option(false, mio::net::UdpSocket::broadcast)
    }

    /// Allows datagrams to all hosts of a network at once, or forbids them, as for new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.option((), |socket| socket.set_broadcast(allowed))
    }

    /// How many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.option(64, mio::net::UdpSocket::ttl)
    }

    /// Sets how many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, routers: u32) -> io::Result<()> {
        self.option((), |socket| socket.set_ttl(routers))
    }

    /// Receives what is sent to a group as well, on the interface that the system chooses.
    ///
    /// # Errors
    ///
    /// The system's: the address is none of a group, or of another family than the socket.
    /// [`Unsupported`](io::ErrorKind::Unsupported) in a simulation.
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
        let socket = self.able_to_join()?;
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
    /// [`Unsupported`](io::ErrorKind::Unsupported) in a simulation.
    pub fn leave_multicast(&self, group: IpAddr) -> io::Result<()> {
        let socket = self.able_to_join()?;
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
        self.option(true, |socket| match socket.local_addr()? {
            SocketAddr::V4(_) => socket.multicast_loop_v4(),
            SocketAddr::V6(_) => socket.multicast_loop_v6(),
        })
    }

    /// Sets whether this machine, too, receives what the socket sends to a group, as it does for
    /// new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_loop(&self, receives: bool) -> io::Result<()> {
        self.option((), |socket| match socket.local_addr()? {
            SocketAddr::V4(_) => socket.set_multicast_loop_v4(receives),
            SocketAddr::V6(_) => socket.set_multicast_loop_v6(receives),
        })
    }

    /// Sets how many routers a datagram to a group may pass: 1 for new sockets.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_ttl(&self, routers: u32) -> io::Result<()> {
        self.option((), |socket| match socket.local_addr()? {
            SocketAddr::V4(_) => socket.set_multicast_ttl_v4(routers),
            SocketAddr::V6(_) => SockRef::from(socket).set_multicast_hops_v6(routers),
        })
    }

    /// Applies `option` to the system's socket. In a simulation it gives `simulated`.
    fn option<T>(
        &self,
        simulated: T,
        option: impl FnOnce(&mio::net::UdpSocket) -> io::Result<T>,
    ) -> io::Result<T> {
        let system = self.inner.get().0.system();
        system.map_or(Ok(simulated), option)
    }

    /// The system's socket, which can join groups.
    fn able_to_join(&self) -> io::Result<&mio::net::UdpSocket> {
        let system = self.inner.get().0.system();
        system.ok_or_else(simulated::has_no_groups)
    }

    /// The standard library's socket of it, which does not block; it may be set to. The runtime
    /// forgets it.
    ///
    /// # Errors
    ///
    /// If it is simulated: it is closed then.
    ///
    /// ```
    /// use laneway::net::UdpSocket;
    ///
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// let socket = UdpSocket::try_from(socket)?;
    /// assert_eq!(socket.into_std()?.local_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        Ok(self.inner.into_socket().0.into_system()?.into())
    }
}

impl Udp {
    fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let socket = &self.0;
        socket.with(|it| it.send_to(bytes, to), |it| it.send_to(bytes, to))
    }

    fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Either::System(socket) => socket.peek_from(buffer),
            Either::Simulated(end) => end.peek_from(buffer),
        }
    }
}

async fn first_address(address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    match addresses(address).await {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses[0]),
        failed => {
            // The socket, which counts what is sent, is not reached.
            budget::spend().await;
            failed.and(Err(no_address()))
        }
    }
}

impl Socket for Udp {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        self.0.source()
    }
}

impl Datagrams for Udp {
    type Address = SocketAddr;

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.with(|it| it.send(bytes), |it| it.send(bytes))
    }

    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Either::System(socket) => socket.recv(buffer),
            Either::Simulated(end) => Ok(end.recv_from(buffer)?.0),
        }
    }

    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Either::System(socket) => socket.recv_from(buffer),
            Either::Simulated(end) => end.recv_from(buffer),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|it| it.local_addr(), |it| Ok(it.local_addr()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|it| it.peer_addr(), UdpEnd::peer_addr)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.with(|it| it.take_error(), |it| Ok(it.take_error()))
    }
}

/// Takes over a socket of the standard library's, which does not block from then on.
impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        UdpSocket::of_system(mio::net::UdpSocket::from_std(socket))
    }
}

/// Takes the socket out, as [`UdpSocket::into_std`] does.
impl TryFrom<UdpSocket> for std::net::UdpSocket {
    type Error = io::Error;

    fn try_from(socket: UdpSocket) -> io::Result<std::net::UdpSocket> {
        socket.into_std()
    }
}
