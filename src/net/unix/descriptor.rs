//! The descriptors of sockets.
//!
//! A user may read and write by a descriptor: the runtime does not see it, and need not, since
//! every attempt of its own finds out for itself whether the socket is ready.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::{Datagram, Door, Stream};
use crate::net::byte_stream::{ByteStream, Bytes};
use crate::net::datagram_socket::{DatagramSocket, Datagrams};
use crate::net::either::Either;
use crate::net::listener::{Accepts, Listener};
use crate::net::tcp_listener::TcpDoor;
use crate::net::tcp_stream::Tcp;
use crate::net::udp_socket::Udp;

/// # Panics
///
/// In a simulation, whose connections have no descriptor.
impl<S: Bytes + AsFd> AsFd for ByteStream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.get().as_fd()
    }
}

/// # Panics
///
/// In a simulation, whose connections have no descriptor.
impl<S: Bytes + AsFd> AsRawFd for ByteStream<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// # Panics
///
/// In a simulation, whose listeners have no descriptor.
impl<L: Accepts + AsFd> AsFd for Listener<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.get().as_fd()
    }
}

/// # Panics
///
/// In a simulation, whose listeners have no descriptor.
impl<L: Accepts + AsFd> AsRawFd for Listener<L> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// # Panics
///
/// In a simulation, whose sockets have no descriptor.
impl<D: Datagrams + AsFd> AsFd for DatagramSocket<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.get().as_fd()
    }
}

/// # Panics
///
/// In a simulation, whose sockets have no descriptor.
impl<D: Datagrams + AsFd> AsRawFd for DatagramSocket<D> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<S: AsFd, V> AsFd for Either<S, V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let socket = self.system();
        socket
            .expect("a simulated socket has no descriptor")
            .as_fd()
    }
}

macro_rules! made_of {
    ($($socket:ty),*) => {$(
        impl AsFd for $socket {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }
    )*};
}

made_of!(Tcp, TcpDoor, Udp, Stream, Door, Datagram);
