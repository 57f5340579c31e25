//! A socket that waits for connections, of whatever kind.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;
use mio::Interest;

use super::byte_stream::{ByteStream, Bytes};
use super::readiness::Direction;
use super::registered::{Attempt, Registered, Socket};

/// A socket that waits for connections: a [`TcpListener`](super::TcpListener), or on Unix a
/// [`UnixListener`](crate::net#unix-sockets).
///
/// It may be shared by any number of tasks, by reference or in an `Arc`. A task that is never out
/// of connections gives its thread to others after 64 in one poll.
pub struct Listener<L: Accepts> {
    pub(super) inner: Registered<L>,
}

/// The kind of socket within a [`Listener`]. Kept from the outside.
pub trait Accepts: Socket {
    /// The kind of socket within a connection.
    type Stream: Bytes<Address = Self::Address>;
    /// The address of an end.
    type Address: Send;
    /// A connection that the reactor does not know yet.
    type Unentered: Send;

    fn accept(&self) -> io::Result<(Self::Unentered, Self::Address)>;
    fn enter(connection: Self::Unentered) -> io::Result<ByteStream<Self::Stream>>;
    fn local_addr(&self) -> io::Result<Self::Address>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

/// A connection, and the peer's address.
type Accepted<L> = (ByteStream<<L as Accepts>::Stream>, <L as Accepts>::Address);

impl<L: Accepts> Listener<L> {
    pub(super) fn new(listener: L) -> io::Result<Listener<L>> {
        Ok(Listener {
            inner: Registered::new(listener, Interest::READABLE)?,
        })
    }

    /// Waits for a connection: the stream, and the peer's address. Any number of tasks may wait.
    ///
    /// The stream belongs to the runtime of the task that accepts.
    ///
    /// # Errors
    ///
    /// The system's. Most are about one connection, which was gone before it was accepted, or about
    /// descriptors and memory that have run out. The listener goes on to listen: accept again, in
    /// the second case after a pause or after some connections were closed.
    ///
    /// # Cancellation
    ///
    /// No connection is lost.
    pub async fn accept(&self) -> io::Result<Accepted<L>> {
        entered::<L>(self.inner.wait(Direction::Read, accept).await)
    }

    /// Accepts a connection, or leaves the task's waker until there is one. Of several tasks the
    /// one that polled last is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](Listener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<L>>> {
        self.inner
            .poll(cx, Direction::Read, accept)
            .map(entered::<L>)
    }

    /// Accepts a connection without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, or as
    /// [`accept`](Listener::accept).
    pub fn try_accept(&self) -> io::Result<Accepted<L>> {
        entered::<L>(self.inner.attempt(Direction::Read, accept))
    }

    /// All connections, one after another: a stream without an end. After an error it goes on.
    ///
    /// One task at a time waits in it; others may [`accept`](Listener::accept) beside.
    ///
    /// ```
    /// use futures_lite::StreamExt;
    /// use laneway::net::{TcpListener, TcpStream};
    ///
    /// laneway::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let server = listener.incoming().next().await.expect("it has no end")?;
    ///     assert_eq!(server.peer_addr()?, client.local_addr()?);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_, L> {
        Incoming { listener: self }
    }

    /// The address at which it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<L::Address> {
        self.inner.get().local_addr()
    }

    /// The error that the listener has had since this was last asked, if any.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get().take_error()
    }
}

fn accept<L: Accepts>(listener: &L) -> io::Result<Attempt<(L::Unentered, L::Address)>> {
    listener.accept().map(Attempt::More)
}

fn entered<L: Accepts>(came: io::Result<(L::Unentered, L::Address)>) -> io::Result<Accepted<L>> {
    let (connection, peer) = came?;
    Ok((L::enter(connection)?, peer))
}

impl<L: Accepts> fmt::Debug for Listener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The connections of a listener. Made by [`Listener::incoming`], which has an example.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Incoming<'a, L: Accepts> {
    listener: &'a Listener<L>,
}

impl<L: Accepts> Stream for Incoming<'_, L> {
    type Item = io::Result<ByteStream<L::Stream>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = self.listener.poll_accept(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _peer)| stream)))
    }
}
