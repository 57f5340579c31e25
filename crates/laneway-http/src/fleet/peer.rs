//! The address of a client, in as little memory as most of them need.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

#[derive(Debug)]
pub(crate) enum Peer {
    V4(SocketAddrV4),
    /// Four times as long as the other.
    V6(Box<SocketAddrV6>),
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        match address {
            SocketAddr::V4(address) => Peer::V4(address),
            SocketAddr::V6(address) => Peer::V6(Box::new(address)),
        }
    }
}

impl From<&Peer> for SocketAddr {
    fn from(peer: &Peer) -> SocketAddr {
        match peer {
            Peer::V4(address) => SocketAddr::V4(*address),
            Peer::V6(address) => SocketAddr::V6(**address),
        }
    }
}
