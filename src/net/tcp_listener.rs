//! A socket that waits for TCP connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use mio::Interest;
use socket2::{Domain, Protocol, Socket, Type};

use super::readiness::Direction;
use super::registered::{Attempt, Registered};
use super::resolve::{ToSocketAddrs, no_address, resolve};
use super::system;
use super::tcp_stream::TcpStream;

/// A socket that waits for TCP connections.
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
pub struct TcpListener {
    inner: Registered<mio::net::TcpListener>,
}

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
    /// The default is 4096; the system has a bound of its own.
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
        let mut last = no_address();
        for address in resolve(address).await? {
            match self.bind_to(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn bind_to(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        system::reuse_address(&socket)?;
        if self.port == Sharing::Shared {
            system::share_port(&socket)?;
        }
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        TcpListener::new(mio::net::TcpListener::from_std(socket.into()))
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
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        ListenOptions::new().bind(address).await
    }

    fn new(listener: mio::net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener {
            inner: Registered::new(listener, Interest::READABLE)?,
        })
    }

    /// Waits for a connection: the stream, and the peer's address. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The system's. Most are about one connection, which was gone before it was accepted, or about
    /// descriptors and memory that have run out: the listener goes on to listen.
    ///
    /// # Cancellation
    ///
    /// No connection is lost.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.inner.wait(Direction::Read, accept).await?;
        Ok((TcpStream::new(stream)?, peer))
    }

    /// Accepts a connection, or leaves the task's waker until there is one. Of several tasks the
    /// one that polled last is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.inner.poll(cx, Direction::Read, accept);
        accepted.map(|accepted| {
            let (stream, peer) = accepted?;
            Ok((TcpStream::new(stream)?, peer))
        })
    }

    /// The address at which it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get().local_addr()
    }
}

fn accept(
    listener: &mio::net::TcpListener,
) -> io::Result<Attempt<(mio::net::TcpStream, SocketAddr)>> {
    listener.accept().map(Attempt::More)
}

/// Takes over a listener of the standard library's, which does not block from then on.
impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        TcpListener::new(mio::net::TcpListener::from_std(listener))
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
