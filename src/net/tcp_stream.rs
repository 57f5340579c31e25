//! A TCP connection.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::byte_stream::{ByteStream, Bytes};
use super::either::Either;
use super::readiness::Direction;
use super::registered::{Attempt, Registered, Socket};
use super::resolve::{ToSocketAddrs, no_address, resolve};
use super::simulated::{self, Endpoint};
use super::source::Source;

/// A TCP connection. [`ByteStream`] has what it shares with other connections: reading, writing,
/// [`into_split`](ByteStream::into_split), [`readable`](ByteStream::readable) and the like.
///
/// In a [simulation](crate::sim) it is a connection of the simulated network, whose delays and
/// faults follow from the seed. Options have no effect there, but for a
/// [linger](TcpStream::set_linger) of zero; and [`take_error`](ByteStream::take_error) tells the
/// failure of a connection each time that it is asked.
///
/// ```
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use laneway::net::{TcpListener, TcpStream};
/// use laneway::spawn_task;
///
/// let echoed = laneway::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let echo = spawn_task!(async move {
///         let (stream, _peer) = listener.accept().await?;
///         futures_lite::io::copy(&stream, &stream).await
///     });
///     let mut stream = TcpStream::connect(address).await?;
///     stream.write_all(b"hello").await?;
///     stream.shutdown(std::net::Shutdown::Write)?;
///     let mut echoed = String::new();
///     stream.read_to_string(&mut echoed).await?;
///     echo.await?;
///     std::io::Result::Ok(echoed)
/// })?;
/// assert_eq!(echoed, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub type TcpStream = ByteStream<Tcp>;

/// The socket within a [`TcpStream`].
#[derive(Debug)]
pub struct Tcp(pub(super) Either<mio::net::TcpStream, Endpoint>);

impl TcpStream {
    /// Opens a connection. Where a name has several addresses, they are tried in their order.
    ///
    /// # Errors
    ///
    /// Those of the last address that was tried: it refused, it cannot be reached, and the like;
    /// or the name has no address. There is no timeout but the system's of some minutes:
    /// [`timeout`](crate::time::timeout) gives it one.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, the attempt ends.
    ///
    /// ```
    /// use laneway::net::{TcpListener, TcpStream};
    ///
    /// laneway::block_on(async {
    ///     let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let addresses = [gone, listener.local_addr()?];
    ///     let stream = TcpStream::connect(&addresses[..]).await?;
    ///     assert_eq!(stream.peer_addr()?, addresses[1], "the first refused");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let mut last = no_address();
        for address in resolve(address).await? {
            match TcpStream::connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = match simulated::current() {
            Some(network) => TcpStream::simulated(Endpoint::connect(network, address)?),
            None => TcpStream::of_system(mio::net::TcpStream::connect(address)?)?,
        };
        poll_fn(|cx| stream.poll_connected(cx)).await?;
        Ok(stream)
    }

    fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll(cx, Direction::Write, |socket| {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Ok(_) => Ok(Attempt::More(())),
                // An event that was no answer.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(error) => Err(error),
            }
        })
    }

    pub(super) fn of_system(stream: mio::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::new(Tcp(Either::System(stream)))
    }

    pub(super) fn simulated((endpoint, source): (Endpoint, Arc<Source>)) -> TcpStream {
        TcpStream::of(Registered::simulated(
            Tcp(Either::Simulated(endpoint)),
            source,
        ))
    }

    /// Waits for bytes and copies them, without taking them: a read gets the same again. No bytes
    /// mean that the peer has closed its direction.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let peek = |socket: &Tcp| socket.peek(buffer).map(Attempt::More);
        self.inner.wait(Direction::Read, peek).await
    }

    /// Ready when the connection is over in both directions: the peer has reset it, say. A peer
    /// that has closed its own direction may still read, and this waits on. Ready as well when the
    /// runtime of the connection has ended, which could tell of nothing any more.
    ///
    /// This is for code that waits for something else than this connection, and has no reason to go
    /// on without it: a handler at work, say. Nothing is read. Of several tasks that poll this, or
    /// poll for reading, the last one is woken.
    ///
    /// ```
    /// use laneway::net::{TcpListener, TcpStream};
    /// use std::future::poll_fn;
    /// use std::time::Duration;
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     client.set_linger(Some(Duration::ZERO))?;
    ///     drop(client);
    ///     poll_fn(|cx| server.poll_over(cx)).await;
    ///     let error = server.try_read(&mut [0]).unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.inner.poll_over(cx));
        match &self.inner.get().0 {
            // The event was another socket's: the system has a peer for this one still. That is no
            // reason to wait where no event will ever come.
            Either::System(stream) if stream.peer_addr().is_ok() && !self.inner.is_gone() => {
                Poll::Pending
            }
            _ => self.inner.count(cx, Direction::Read),
        }
    }

    /// Whether small writes are sent at once and not gathered for some milliseconds.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.option(true, |socket| socket.tcp_nodelay())
    }

    /// Sends small writes at once, or gathers them for some milliseconds, as new connections do.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// use laneway::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     client.set_nodelay(true)?;
    ///     client.set_ttl(32)?;
    ///     client.set_keepalive(Some(Duration::from_secs(60)))?;
    ///     assert!(client.nodelay()? && client.keepalive()?);
    ///     assert_eq!(client.ttl()?, 32);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.option((), |socket| socket.set_tcp_nodelay(nodelay))
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner
            .get()
            .0
            .system()
            .map_or(Ok(64), |stream| stream.ttl())
    }

    /// Sets how many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, routers: u32) -> io::Result<()> {
        let system = self.inner.get().0.system();
        system.map_or(Ok(()), |stream| stream.set_ttl(routers))
    }

    /// Whether the system asks a silent peer from time to time whether it is still there.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.option(false, |socket| socket.keepalive())
    }

    /// Has the system ask a peer whether it is still there when it has been silent for this time.
    /// `None`, the default of new connections: never. If the peer does not answer, the connection
    /// fails some minutes later. The system counts whole seconds, up to nine hours: a second that
    /// has begun counts, and a longer time is as nine hours.
    ///
    /// # Errors
    ///
    /// The system's. A silence of zero is none that it takes.
    pub fn set_keepalive(&self, silence: Option<Duration>) -> io::Result<()> {
        self.option((), |socket| match silence.map(whole_seconds) {
            Some(time) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time)),
            None => socket.set_keepalive(false),
        })
    }

    /// How long the system goes on to send what was written after the connection is dropped.
    /// `None`: as long as it takes. Zero: not at all, and the peer finds the connection reset.
    ///
    /// With any other time, the thread that drops the connection waits until all is sent or the
    /// time is over, and no other task has its turn there. The system counts whole seconds, up to
    /// nine hours: a second that has begun counts, and a longer time is as nine hours.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        if let Either::Simulated(endpoint) = &self.inner.get().0 {
            endpoint.set_linger(time);
        }
        let time = time.map(whole_seconds);
        self.option((), |socket| socket.set_linger(time))
    }

    /// Applies `option` to the system's socket. In a simulation it gives `simulated`.
    fn option<T>(
        &self,
        simulated: T,
        option: impl FnOnce(SockRef<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let system = self.inner.get().0.system();
        system.map_or(Ok(simulated), |stream| option(SockRef::from(stream)))
    }

    /// The standard library's connection of it, which does not block; it may be set to. The runtime
    /// forgets it.
    ///
    /// # Errors
    ///
    /// If a clone or a half of it is in use: those keep the connection. If it is simulated: it is
    /// closed then.
    ///
    /// ```
    /// use laneway::net::{TcpListener, TcpStream};
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let clone = client.clone();
    ///     assert!(client.into_std().is_err(), "a clone is in use");
    ///     let client = clone.into_std()?;
    ///     client.set_nonblocking(false)?;
    ///     assert_eq!(client.peer_addr()?, listener.local_addr()?);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        Ok(self.into_socket()?.0.into_system()?.into())
    }
}

/// The longest time in seconds that systems take for the options of a connection.
const MOST_SECONDS: u64 = 9 * 60 * 60;

/// The same time in whole seconds. A second that has begun counts: a short time is not none.
fn whole_seconds(time: Duration) -> Duration {
    let begun = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(begun).min(MOST_SECONDS))
}

impl Tcp {
    fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Either::System(stream) => stream.peek(buffer),
            Either::Simulated(endpoint) => endpoint.peek(buffer),
        }
    }
}

impl Socket for Tcp {
    fn system(&mut self) -> Option<&mut dyn mio::event::Source> {
        self.0.source()
    }
}

impl Bytes for Tcp {
    type Address = SocketAddr;
    /// But before an urgent byte, of which an event tells.
    const READS_TAKE_ALL: bool = true;

    #[inline]
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Either::System(stream) => (&*stream).read(buffer),
            Either::Simulated(endpoint) => endpoint.read(&mut [IoSliceMut::new(buffer)]),
        }
    }

    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match &self.0 {
            Either::System(stream) => (&*stream).read_vectored(buffers),
            Either::Simulated(endpoint) => endpoint.read(buffers),
        }
    }

    #[inline]
    fn write(&self, buffer: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Either::System(stream) => (&*stream).write(buffer),
            Either::Simulated(endpoint) => endpoint.write(&[IoSlice::new(buffer)]),
        }
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.0 {
            Either::System(stream) => (&*stream).write_vectored(buffers),
            Either::Simulated(endpoint) => endpoint.write(buffers),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.with(|it| it.shutdown(how), |it| it.shutdown(how))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.with(|it| it.take_error(), |it| Ok(it.take_error()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|it| it.local_addr(), |it| Ok(it.local_addr()))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.with(|it| it.peer_addr(), |it| it.peer_addr())
    }
}

/// Takes over a connection of the standard library's, which does not block from then on.
///
/// # Errors
///
/// The system's; and in a simulation, which has a network of its own.
impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        TcpStream::of_system(mio::net::TcpStream::from_std(stream))
    }
}

/// Takes the socket out, as [`TcpStream::into_std`] does.
impl TryFrom<TcpStream> for std::net::TcpStream {
    type Error = io::Error;

    fn try_from(stream: TcpStream) -> io::Result<std::net::TcpStream> {
        stream.into_std()
    }
}
