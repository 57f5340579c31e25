//! A connection through which bytes go both ways, of whatever kind.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::readiness::Direction;
use super::registered::{Attempt, Registered, Socket};
use super::urgent;

/// A connection through which bytes go both ways: a [`TcpStream`](super::TcpStream), or on Unix a
/// [`UnixStream`](crate::net#unix-sockets).
///
/// It reads and writes by the traits of `futures_io`, whose combinators `futures_lite` has, also by
/// reference and from a clone: all clones are one connection, which closes when the last is gone.
/// A read or write of no bytes waits for nothing.
///
/// Of several tasks that read through the traits at once, the one that polled last is woken; the
/// same goes for writing. [`readable`](ByteStream::readable) and
/// [`writable`](ByteStream::writable) may be awaited by any number of tasks.
pub struct ByteStream<S: Bytes> {
    pub(super) inner: Arc<Registered<S>>,
}

/// The kind of socket within a [`ByteStream`]. Kept from the outside.
pub trait Bytes: Socket {
    /// The address of an end.
    type Address;
    /// Whether a read that fills a part of its buffer alone has taken all that there was.
    const READS_TAKE_ALL: bool;

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn write(&self, buffer: &[u8]) -> io::Result<usize>;
    fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    fn local_addr(&self) -> io::Result<Self::Address>;
    fn peer_addr(&self) -> io::Result<Self::Address>;
}

/// How many buffers every system moves at once: POSIX asks for no more. Of a larger number the
/// system may have left the last ones alone although there was more to move.
const MOVED_AT_ONCE: usize = 16;

impl<S: Bytes> ByteStream<S> {
    pub(super) fn new(socket: S) -> io::Result<ByteStream<S>> {
        Ok(ByteStream::of(Registered::new(socket, urgent::CONNECTION)?))
    }

    pub(super) fn of(socket: Registered<S>) -> ByteStream<S> {
        ByteStream {
            inner: Arc::new(socket),
        }
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.inner.get().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The system's: the connection may be closed.
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.inner.get().peer_addr()
    }

    /// Closes a direction, or both.
    ///
    /// After [`Write`](Shutdown::Write), the peer finds the end when it has read what was sent. Of
    /// [`Read`](Shutdown::Read) alone, a peer over TCP is not told, and on Linux its bytes still
    /// come; after [`Both`](Shutdown::Both), they are answered with a reset. Over a Unix socket the
    /// peer's writes fail in either case.
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

    /// Waits until a read may succeed: there are bytes, or the peer has closed, or an error is to
    /// be learned. Now and then there is nothing after all.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    ///
    /// ```
    /// use futures_lite::AsyncWriteExt;
    /// use laneway::net::{TcpListener, TcpStream};
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (mut server, _) = listener.accept().await?;
    ///     let mut buffer = [0; 4];
    ///     assert_eq!(client.try_read(&mut buffer).unwrap_err().kind(), WouldBlock);
    ///     server.write_all(b"ping").await?;
    ///     client.readable().await;
    ///     assert_eq!(client.try_read(&mut buffer)?, 4);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn readable(&self) {
        self.inner.wait_counted(Direction::Read).await;
    }

    /// Waits until a write may succeed, as [`readable`](ByteStream::readable) does for reads.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn writable(&self) {
        self.inner.wait_counted(Direction::Write).await;
    }

    /// Polls for bytes to read, as [`readable`](ByteStream::readable) waits for them. Of several
    /// tasks the one that polled last is woken.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_counted(cx, Direction::Read)
    }

    /// Polls for room to write, as [`writable`](ByteStream::writable) waits for it. Of several
    /// tasks the one that polled last is woken.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_counted(cx, Direction::Write)
    }

    /// Reads what there is, without waiting. No bytes mean that the peer has closed its direction.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, or the system's.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner
            .attempt(Direction::Read, |socket| read(socket, buffer))
    }

    /// Writes what can be written without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if that is nothing, or the system's.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.inner
            .attempt(Direction::Write, |socket| write(socket, buffer))
    }

    /// The socket, taken out of the connection.
    ///
    /// # Errors
    ///
    /// If there are clones of the connection.
    pub(super) fn into_socket(self) -> io::Result<S> {
        let Some(socket) = Arc::into_inner(self.inner) else {
            return Err(io::Error::other(
                "a clone or a half of this connection is in use: drop it, or reunite the halves",
            ));
        };
        Ok(socket.into_socket())
    }
}

fn read<S: Bytes>(socket: &S, buffer: &mut [u8]) -> io::Result<Attempt<usize>> {
    let bytes = socket.read(buffer)?;
    Ok(of_read::<S>(bytes, buffer.len()))
}

fn of_read<S: Bytes>(bytes: usize, size: usize) -> Attempt<usize> {
    match S::READS_TAKE_ALL {
        true => Attempt::of_stream(bytes, size),
        false => Attempt::More(bytes),
    }
}

fn write(socket: &impl Bytes, buffer: &[u8]) -> io::Result<Attempt<usize>> {
    let bytes = socket.write(buffer)?;
    Ok(Attempt::of_stream(bytes, buffer.len()))
}

impl<S: Bytes> AsyncRead for &ByteStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.inner
            .poll(cx, Direction::Read, |socket| read(socket, buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let size = buffers.iter().map(|buffer| buffer.len()).sum();
        if size == 0 {
            return Poll::Ready(Ok(0));
        }
        self.inner.poll(cx, Direction::Read, |socket| {
            let bytes = socket.read_vectored(buffers)?;
            match buffers.len() <= MOVED_AT_ONCE {
                true => Ok(of_read::<S>(bytes, size)),
                false => Ok(Attempt::More(bytes)),
            }
        })
    }
}

impl<S: Bytes> AsyncWrite for &ByteStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.inner
            .poll(cx, Direction::Write, |socket| write(socket, buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let size = buffers.iter().map(|buffer| buffer.len()).sum();
        if size == 0 {
            return Poll::Ready(Ok(0));
        }
        self.inner.poll(cx, Direction::Write, |socket| {
            let bytes = socket.write_vectored(buffers)?;
            match buffers.len() <= MOVED_AT_ONCE {
                true => Ok(Attempt::of_stream(bytes, size)),
                false => Ok(Attempt::More(bytes)),
            }
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shutdown(Shutdown::Write) {
            // The peer has closed the connection before.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            closed => Poll::Ready(closed),
        }
    }
}

impl<S: Bytes> AsyncRead for ByteStream<S> {
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

impl<S: Bytes> AsyncWrite for ByteStream<S> {
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

impl<S: Bytes> Clone for ByteStream<S> {
    fn clone(&self) -> ByteStream<S> {
        ByteStream {
            inner: self.inner.clone(),
        }
    }
}

impl<S: Bytes> fmt::Debug for ByteStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
