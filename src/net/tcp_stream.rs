//! A TCP connection.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use mio::Interest;

use super::readiness::Direction;
use super::registered::{Attempt, Registered};
use super::resolve::{ToSocketAddrs, no_address, resolve};

/// A TCP connection.
///
/// It reads and writes by the traits of `futures_io`, whose combinators `futures_lite` has, also by
/// reference and from a clone: all clones are one connection, which closes when the last is gone.
///
/// Of several tasks that read through the traits at once, the one that polled last is woken; the
/// same goes for writing. [`readable`](TcpStream::readable), [`peek`](TcpStream::peek) and the like
/// may be awaited by any number of tasks.
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
#[derive(Clone)]
pub struct TcpStream {
    inner: Arc<Registered<mio::net::TcpStream>>,
}

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
        let stream = TcpStream::new(mio::net::TcpStream::connect(address)?)?;
        poll_fn(|cx| stream.poll_connected(cx)).await?;
        Ok(stream)
    }

    fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll(cx, Direction::Write, |stream| {
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            match stream.peer_addr() {
                Ok(_) => Ok(Attempt::More(())),
                // An event that was no answer.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(error) => Err(error),
            }
        })
    }

    pub(super) fn new(stream: mio::net::TcpStream) -> io::Result<TcpStream> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        Ok(TcpStream {
            inner: Arc::new(Registered::new(stream, interest)?),
        })
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The system's: the connection may be closed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get().peer_addr()
    }

    /// Whether small writes are sent at once and not gathered for a moment.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner.get().nodelay()
    }

    /// Sends small writes at once, or gathers them for a moment, which is what new connections do.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner.get().set_nodelay(nodelay)
    }

    /// How long the system goes on to send what was written after the connection is dropped.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        socket2::SockRef::from(self.inner.get()).set_linger(time)
    }

    /// Closes a direction, or both. The peer learns of it when it has read what was sent.
    ///
    /// # Errors
    ///
    /// The system's: the peer may have closed the connection before.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get().shutdown(how)
    }

    /// The error that the connection has had since this was last asked, if any.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get().take_error()
    }

    /// Waits for bytes and copies them, without taking them: a read gets the same again.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let peek = |stream: &mio::net::TcpStream| stream.peek(buffer).map(Attempt::More);
        self.inner.wait(Direction::Read, peek).await
    }

    /// Waits until a read may succeed: there are bytes, or the peer has closed, or an error is to
    /// be learned. Now and then there is nothing after all.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.inner.ready(Direction::Read).await;
    }

    /// Waits until a write may succeed, as [`readable`](TcpStream::readable) does for reads.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn writable(&self) {
        self.inner.ready(Direction::Write).await;
    }

    /// Reads what there is, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, or the system's.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner
            .attempt(Direction::Read, |stream| read(stream, buffer))
    }

    /// Writes what can be written without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if that is nothing, or the system's.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.inner
            .attempt(Direction::Write, |stream| write(stream, buffer))
    }
}

fn read(mut stream: &mio::net::TcpStream, buffer: &mut [u8]) -> io::Result<Attempt<usize>> {
    let bytes = stream.read(buffer)?;
    Ok(Attempt::of_stream(bytes, buffer.len()))
}

fn write(mut stream: &mio::net::TcpStream, buffer: &[u8]) -> io::Result<Attempt<usize>> {
    let bytes = stream.write(buffer)?;
    Ok(Attempt::of_stream(bytes, buffer.len()))
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.inner
            .poll(cx, Direction::Read, |stream| read(stream, buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let size = buffers.iter().map(|buffer| buffer.len()).sum();
        self.inner.poll(cx, Direction::Read, |mut stream| {
            let bytes = stream.read_vectored(buffers)?;
            Ok(Attempt::of_stream(bytes, size))
        })
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner
            .poll(cx, Direction::Write, |stream| write(stream, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let size = buffers.iter().map(|buffer| buffer.len()).sum();
        self.inner.poll(cx, Direction::Write, |mut stream| {
            let bytes = stream.write_vectored(buffers)?;
            Ok(Attempt::of_stream(bytes, size))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            closed => Poll::Ready(closed),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, buffers)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

/// Takes over a connection of the standard library's, which does not block from then on.
///
/// # Errors
///
/// The system's.
impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        TcpStream::new(mio::net::TcpStream::from_std(stream))
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
