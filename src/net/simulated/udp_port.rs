//! A simulated UDP socket, as the network knows it.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::weather::Link;
use crate::net::source::Source;

/// How many datagrams of one socket may be under way, and how many may wait at one to be received.
pub(super) const ROOM: usize = 256;

/// The most bytes that a datagram holds.
const LONGEST: usize = 65_507;

/// A place where datagrams arrive, and from which they are sent.
#[derive(Debug, Default)]
pub(super) struct UdpPort {
    pub(super) source: Arc<Source>,
    /// The one socket that it sends to and receives from, if it was connected to one.
    pub(super) peer: Option<SocketAddr>,
    /// How many of its datagrams are under way.
    pub(super) under_way: usize,
    inbox: VecDeque<(SocketAddr, Vec<u8>)>,
    /// The failure of an earlier datagram. The next attempt to send or receive takes it.
    error: Option<io::ErrorKind>,
}

/// A datagram that is under way.
#[derive(Debug)]
pub(super) struct UdpPacket {
    /// Where it seems to come from.
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// The address that its sender was bound to, and by which it is told from a later socket there.
    pub(super) sender: (SocketAddr, Arc<Source>),
}

impl UdpPort {
    /// The address of a socket that was bound to `bound`, as its peer sees it.
    pub(super) fn seen_from(bound: SocketAddr, peer: SocketAddr) -> SocketAddr {
        match bound.ip().is_unspecified() {
            true => SocketAddr::new(peer.ip(), bound.port()),
            false => bound,
        }
    }

    /// Takes what befell an earlier datagram.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take().map(io::Error::from)
    }

    /// Checks that one more datagram may be sent.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what befell an earlier one.
    pub(super) fn check_sending(&mut self) -> io::Result<()> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        match self.under_way < ROOM {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Notes that there is no socket where a datagram of this one has come.
    pub(super) fn refused(&mut self) {
        self.error = Some(io::ErrorKind::ConnectionRefused);
    }

    /// Takes a datagram in, and tells whether it did: one of a stranger is lost, and so is one that
    /// there is no room for.
    pub(super) fn take(&mut self, packet: UdpPacket) -> bool {
        let is_stranger = self.peer.is_some_and(|peer| peer != packet.from);
        let is_taken = !is_stranger && self.inbox.len() < ROOM;
        if is_taken {
            self.inbox.push_back((packet.from, packet.bytes));
        }
        is_taken
    }

    /// Copies the first datagram.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what befell an earlier one.
    pub(super) fn peek(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        let (from, bytes) = self.inbox.front().ok_or(io::ErrorKind::WouldBlock)?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok((length, *from))
    }

    /// As [`peek`](UdpPort::peek), and takes it. The rest of a longer one is lost.
    pub(super) fn recv(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.peek(buffer)?;
        self.inbox.pop_front();
        Ok(received)
    }
}

impl UdpPacket {
    /// The way between two sockets, the same in both directions.
    pub(super) fn link(&self) -> Link {
        Link {
            number: number(self.from).wrapping_add(number(self.to)),
            between: [self.from.ip(), self.to.ip()],
        }
    }
}

/// A number that follows from the address alone, so that a seed gives the same in each process.
fn number(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    ip.rotate_left(16) ^ u64::from(address.port())
}

/// Checks that these bytes fit into a datagram.
///
/// # Errors
///
/// They are too many.
pub(super) fn check_length(bytes: &[u8]) -> io::Result<()> {
    match bytes.len() <= LONGEST {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a datagram has room for 65,507 bytes",
        )),
    }
}

/// Checks that a datagram can go there at all.
///
/// # Errors
///
/// The reason why it cannot.
pub(super) fn check_way(bound: SocketAddr, to: SocketAddr) -> io::Result<()> {
    let why = match (bound.is_ipv4() == to.is_ipv4(), to.ip()) {
        (false, _) => "the address is of another family than the socket's",
        (_, ip) if ip.is_multicast() => "the simulated network has no groups",
        (_, IpAddr::V4(ip)) if ip.is_broadcast() => "the simulated network has no broadcasts",
        _ if to.port() == 0 => "port 0 is none that a datagram can go to",
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
