//! A socket through which datagrams go, of whatever kind.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use mio::Interest;

use super::readiness::Direction;
use super::registered::{Attempt, Registered, Socket};

/// A socket through which datagrams go, each whole or not at all: a
/// [`UdpSocket`](super::UdpSocket), or on Unix a [`UnixDatagram`](crate::net#unix-sockets).
///
/// It may be shared by any number of tasks, by reference or in an `Arc`. Each datagram goes to one
/// of those that receive. Of one that is longer than the buffer the rest is lost.
pub struct DatagramSocket<D: Datagrams> {
    pub(super) inner: Registered<D>,
}

/// The kind of socket within a [`DatagramSocket`]. Kept from the outside.
pub trait Datagrams: Socket {
    /// The address of an end.
    type Address: Send;

    fn send(&self, bytes: &[u8]) -> io::Result<usize>;
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, Self::Address)>;
    fn local_addr(&self) -> io::Result<Self::Address>;
    fn peer_addr(&self) -> io::Result<Self::Address>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

impl<D: Datagrams> DatagramSocket<D> {
    pub(super) fn new(socket: D) -> io::Result<DatagramSocket<D>> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        Ok(DatagramSocket {
            inner: Registered::new(socket, interest)?,
        })
    }

    /// Sends to the peer that the socket is connected to.
    ///
    /// # Errors
    ///
    /// The system's: it is not connected, the datagram is too long, or an earlier one has not
    /// found its way.
    ///
    /// # Cancellation
    ///
    /// It is sent whole or not at all.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(|socket| socket.send(bytes)).await
    }

    /// Waits for a datagram. Its length.
    ///
    /// # Errors
    ///
    /// The system's. The socket goes on.
    ///
    /// # Cancellation
    ///
    /// No datagram is lost.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(|socket| socket.recv(buffer)).await
    }

    /// Waits for a datagram. Its length, and where it comes from.
    ///
    /// # Errors
    ///
    /// The system's. The socket goes on.
    ///
    /// # Cancellation
    ///
    /// No datagram is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, D::Address)> {
        self.read(|socket| socket.recv_from(buffer)).await
    }

    /// Sends a datagram as [`send`](DatagramSocket::send) does, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, or the system's.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(|socket| socket.send(bytes))
    }

    /// Receives a datagram as [`recv`](DatagramSocket::recv) does, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, or the system's.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_read(|socket| socket.recv(buffer))
    }

    /// Receives a datagram as [`recv_from`](DatagramSocket::recv_from) does, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, or the system's.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, D::Address)> {
        self.try_read(|socket| socket.recv_from(buffer))
    }

    /// Waits until a datagram may be received.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn readable(&self) {
        self.inner.wait_counted(Direction::Read).await;
    }

    /// Waits until a datagram may be sent.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost.
    pub async fn writable(&self) {
        self.inner.wait_counted(Direction::Write).await;
    }

    /// Polls for a datagram, as [`readable`](DatagramSocket::readable) waits for one. Of several
    /// tasks the one that polled last is woken.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_counted(cx, Direction::Read)
    }

    /// Polls for room for a datagram, as [`writable`](DatagramSocket::writable) waits for it. Of
    /// several tasks the one that polled last is woken.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_counted(cx, Direction::Write)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<D::Address> {
        self.inner.get().local_addr()
    }

    /// The address of the peer that it is connected to.
    ///
    /// # Errors
    ///
    /// The system's: it is not connected.
    pub fn peer_addr(&self) -> io::Result<D::Address> {
        self.inner.get().peer_addr()
    }

    /// The error that the socket has had since this was last asked, if any.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get().take_error()
    }

    pub(super) async fn read<T>(&self, attempt: impl FnMut(&D) -> io::Result<T>) -> io::Result<T> {
        self.inner.wait(Direction::Read, of_datagram(attempt)).await
    }

    pub(super) async fn write<T>(&self, attempt: impl FnMut(&D) -> io::Result<T>) -> io::Result<T> {
        let attempt = of_datagram(attempt);
        self.inner.wait(Direction::Write, attempt).await
    }

    fn try_read<T>(&self, attempt: impl FnMut(&D) -> io::Result<T>) -> io::Result<T> {
        self.inner.attempt(Direction::Read, of_datagram(attempt))
    }

    pub(super) fn try_write<T>(&self, attempt: impl FnMut(&D) -> io::Result<T>) -> io::Result<T> {
        self.inner.attempt(Direction::Write, of_datagram(attempt))
    }
}

/// An attempt with one datagram, which tells nothing of the next.
fn of_datagram<D, T>(
    mut attempt: impl FnMut(&D) -> io::Result<T>,
) -> impl FnMut(&D) -> io::Result<Attempt<T>> {
    move |socket| attempt(socket).map(Attempt::More)
}

impl<D: Datagrams> fmt::Debug for DatagramSocket<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
