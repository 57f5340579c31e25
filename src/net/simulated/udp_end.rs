//! The state of a simulated UDP socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::fabric::Fabric;
use super::udp_port::UdpPort;
use crate::net::source::Source;

/// A simulated UDP socket, by which its owner holds it.
pub(in crate::net) struct UdpEnd {
    network: Arc<Fabric>,
    bound: SocketAddr,
}

impl UdpEnd {
    pub(in crate::net) fn bind(
        network: Arc<Fabric>,
        address: SocketAddr,
    ) -> io::Result<(UdpEnd, Arc<Source>)> {
        let (bound, source) = network.with(|wires| wires.bind_udp(address))?;
        Ok((UdpEnd { network, bound }, source))
    }

    pub(in crate::net) fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.network.with(|wires| wires.connect_udp(self.bound, to))
    }

    pub(in crate::net) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_to(bytes, self.peer_addr()?)
    }

    pub(in crate::net) fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let network = &self.network;
        network.with(|wires| wires.send_udp(self.bound, to, bytes))
    }

    pub(in crate::net) fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.of_port(|port| port.peek(buffer))
    }

    pub(in crate::net) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.of_port(|port| port.recv(buffer))
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        let peer = self.of_port(|port| port.peer);
        peer.map_or(self.bound, |peer| UdpPort::seen_from(self.bound, peer))
    }

    pub(in crate::net) fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = self.of_port(|port| port.peer);
        peer.ok_or(io::ErrorKind::NotConnected.into())
    }

    pub(in crate::net) fn take_error(&self) -> Option<io::Error> {
        self.of_port(UdpPort::take_error)
    }

    fn of_port<R>(&self, ask: impl FnOnce(&mut UdpPort) -> R) -> R {
        self.network.with(|wires| ask(wires.udp_port(self.bound)))
    }
}

impl Drop for UdpEnd {
    fn drop(&mut self) {
        self.network.with(|wires| wires.unbind_udp(self.bound));
    }
}

impl fmt::Debug for UdpEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpEnd")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
