//! A socket that waits for TCP connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Type};

use super::either::Either;
use super::listener::{Accepts, Listener};
use super::registered::{Registered, Socket};
use super::resolve::{ToSocketAddrs, resolve, try_in_order};
use super::simulated::{self, Endpoint, SimulatedDoor};
use super::source::Source;
use super::system;
use super::tcp_stream::{Tcp, TcpStream};

/// A socket that waits for TCP connections. [`Listener`] has what it shares with others:
/// [`accept`](Listener::accept), [`incoming`](Listener::incoming) and the like.
///
/// ```
/// use laneway::net::{TcpListener, TcpStream};
///
/// laneway::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (stream, peer) = listener.accept().await?;
///     assert_eq!(peer, client.local_addr()?);
///     assert_eq!(stream.peer_addr()?, peer);
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type TcpListener = Listener<TcpDoor>;

/// The socket within a [`TcpListener`].
#[derive(Debug)]
pub struct TcpDoor(pub(super) Either<mio::net::TcpListener, SimulatedDoor>);

/// A connection that was accepted, and that the reactor does not know yet.
#[derive(Debug)]
pub struct UnenteredTcp(Either<mio::net::TcpStream, (Endpoint, Arc<Source>)>);

/// How a listener is set up, where [`TcpListener::bind`] is not enough.
///
/// ```
/// use laneway::net::ListenOptions;
///
/// laneway::block_on(async {
///     let options = ListenOptions::new().backlog(64);
///     let listener = options.bind("127.0.0.1:0").await?;
///     assert!(listener.local_addr()?.port() > 0);
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `bind` is called"]
pub struct ListenOptions {
    backlog: u32,
    port: Sharing,
}

/// Whether several listeners may have the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

/// How many connections may wait to be accepted. The system takes its own bound if that is lower
/// (on Linux `net.core.somaxconn`, 4096 on most machines).
const BACKLOG: u32 = 4096;

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions::new()
    }
}

impl ListenOptions {
    /// The options that [`TcpListener::bind`] has.
    pub fn new() -> ListenOptions {
        ListenOptions {
            backlog: BACKLOG,
            port: Sharing::Alone,
        }
    }

    /// Sets how many connections may wait to be accepted; more are refused or have to try again.
    /// The default is 4096; the system has a bound of its own. With 0, one may wait.
    pub fn backlog(mut self, connections: u32) -> ListenOptions {
        self.backlog = connections;
        self
    }

    /// Lets several listeners, of several processes too, have the same port; the system spreads
    /// the connections. Each of them has to ask for it. Without effect where the system has no
    /// such thing.
    #[doc(alias("SO_REUSEPORT"))]
    pub fn reuse_port(mut self) -> ListenOptions {
        self.port = Sharing::Shared;
        self
    }

    /// As [`TcpListener::bind`].
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    pub async fn bind(&self, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        try_in_order(resolve(address).await?, |address| self.bind_to(address))
    }

    fn bind_to(&self, address: SocketAddr) -> io::Result<TcpListener> {
        match simulated::current() {
            Some(network) => {
                let (door, source) =
                    SimulatedDoor::listen(network, address, self.backlog as usize)?;
                let door = TcpDoor(Either::Simulated(door));
                Ok(Listener {
                    inner: Registered::simulated(door, source),
                })
            }
            None => TcpListener::of_system(self.bind_system(address)?.into()),
        }
    }

    fn bind_system(&self, address: SocketAddr) -> io::Result<socket2::Socket> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        system::reuse_address(&socket)?;
        if self.port == Sharing::Shared {
            system::share_port(&socket)?;
        }
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        Ok(socket)
    }
}

impl TcpListener {
    /// Listens at an address. Port 0 lets the system choose one, which
    /// [`local_addr`](TcpListener::local_addr) tells. Where a name has several addresses, the first
    /// that can be had is taken.
    ///
    /// Up to 4096 connections wait to be accepted, or as many as the system allows, where the
    /// standard library's listener has 128.
    ///
    /// # Errors
    ///
    /// The address is in use, is not this machine's, or its port is reserved; or the name has no
    /// address.
    ///
    /// # Cancellation
    ///
    /// No socket is left.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        ListenOptions::new().bind(address).await
    }

    fn of_system(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        let listener = mio::net::TcpListener::from_std(listener);
        Listener::new(TcpDoor(Either::System(listener)))
    }

    /// Has connections send small writes at once from their beginning, or gather them for some
    /// milliseconds. Connections that are there already stay as they are. Not every system hands
    /// this on from a listener to its connections, as Linux does: [`TcpStream::nodelay`] tells.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// use laneway::net::{TcpListener, TcpStream};
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     listener.set_nodelay(true)?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (stream, _) = listener.accept().await?;
    ///     assert!(stream.nodelay()? || !cfg!(target_os = "linux"));
    ///     assert!(!client.nodelay()?);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        let system = self.inner.get().0.system();
        system.map_or(Ok(()), |listener| {
            SockRef::from(listener).set_tcp_nodelay(nodelay)
        })
    }

    /// The standard library's listener of it, which does not block; it may be set to. The runtime
    /// forgets it.
    ///
    /// # Errors
    ///
    /// If it is simulated: it is closed then.
    ///
    /// ```
    /// use laneway::net::TcpListener;
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let listener = TcpListener::try_from(listener)?;
    /// assert_eq!(listener.into_std()?.local_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        Ok(self.inner.into_socket().0.into_system()?.into())
    }
}

impl Socket for TcpDoor {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        self.0.source()
    }
}

impl Accepts for TcpDoor {
    type Stream = Tcp;
    type Address = SocketAddr;
    type Unentered = UnenteredTcp;

    fn accept(&self) -> io::Result<(UnenteredTcp, SocketAddr)> {
        match &self.0 {
            Either::System(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok((UnenteredTcp(Either::System(stream)), peer))
            }
            Either::Simulated(door) => {
                let (stream, peer) = door.accept()?;
                Ok((UnenteredTcp(Either::Simulated(stream)), peer))
            }
        }
    }

    fn enter(connection: UnenteredTcp) -> io::Result<TcpStream> {
        match connection.0 {
            Either::System(stream) => TcpStream::of_system(stream),
            Either::Simulated(stream) => Ok(TcpStream::simulated(stream)),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|it| it.local_addr(), |it| Ok(it.local_addr()))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.with(|it| it.take_error(), |_| Ok(None))
    }
}

/// Takes over a listener of the standard library's, which does not block from then on.
impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        TcpListener::of_system(listener)
    }
}

/// Takes the socket out, as [`TcpListener::into_std`] does.
impl TryFrom<TcpListener> for std::net::TcpListener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<std::net::TcpListener> {
        listener.into_std()
    }
}
