//! The way of datagrams through a simulated network: each by itself, whole or not at all.

use std::collections::btree_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::udp_port::{ROOM, UdpPacket, UdpPort, check_length, check_way};
use super::wires::{Flight, Wires, reachable};
use crate::net::readiness::Readiness;
use crate::net::source::Source;

impl Wires {
    pub(super) fn bind_udp(
        &mut self,
        mut address: SocketAddr,
    ) -> io::Result<(SocketAddr, Arc<Source>)> {
        if address.port() == 0 {
            address.set_port(self.free_port().ok_or(io::ErrorKind::AddrInUse)?);
        }
        let Entry::Vacant(place) = self.udp_ports.entry(address) else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        let source = place.insert(UdpPort::default()).source.clone();
        source.set(Readiness::WRITE, &mut self.ready);
        self.take_port(address.port());
        Ok((address, source))
    }

    pub(super) fn unbind_udp(&mut self, bound: SocketAddr) {
        self.udp_ports.remove(&bound);
        self.leave_port(bound.port());
    }

    pub(super) fn udp_port(&mut self, bound: SocketAddr) -> &mut UdpPort {
        let port = self.udp_ports.get_mut(&bound);
        port.expect("the socket is held")
    }

    pub(super) fn connect_udp(&mut self, bound: SocketAddr, to: SocketAddr) -> io::Result<()> {
        check_way(bound, to)?;
        self.udp_port(bound).peer = Some(SocketAddr::new(reachable(to.ip()), to.port()));
        Ok(())
    }

    /// Sends a datagram, which the network may lose.
    pub(super) fn send_udp(
        &mut self,
        bound: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<usize> {
        check_way(bound, to)?;
        check_length(bytes)?;
        let port = self.udp_port(bound);
        port.check_sending()?;
        let to = SocketAddr::new(reachable(to.ip()), to.port());
        let packet = UdpPacket {
            from: UdpPort::seen_from(bound, to),
            to,
            bytes: bytes.to_vec(),
            sender: (bound, port.source.clone()),
        };
        if !self.weather.cuts(packet.link(), self.now) && !self.weather.loses() {
            self.udp_port(bound).under_way += 1;
            let time = self.now + self.weather.delay_once();
            self.take_off(time, Flight::Datagram(packet));
        }
        Ok(bytes.len())
    }

    pub(super) fn udp_arrives(&mut self, packet: UdpPacket) {
        self.make_room(&packet);
        if self.weather.cuts(packet.link(), self.now) {
            return;
        }
        let at = Wires::listening_at(packet.to);
        match at.into_iter().find(|at| self.udp_ports.contains_key(at)) {
            None => self.udp_refused(&packet),
            Some(at) => {
                let port = self.udp_port(at);
                let source = port.source.clone();
                if port.take(packet) {
                    source.set(Readiness::READ, &mut self.ready);
                }
            }
        }
    }

    /// The sender may send one more.
    fn make_room(&mut self, packet: &UdpPacket) {
        let Some(port) = self.udp_sender(packet) else {
            return;
        };
        let was_full = port.under_way >= ROOM;
        port.under_way -= 1;
        if was_full {
            let source = port.source.clone();
            source.set(Readiness::WRITE, &mut self.ready);
        }
    }

    /// No socket is where the datagram has come. A sender that is connected there learns it.
    fn udp_refused(&mut self, packet: &UdpPacket) {
        let to = packet.to;
        let port = self.udp_sender(packet);
        let told = port.filter(|port| port.peer == Some(to));
        if let Some(port) = told {
            port.refused();
            let source = port.source.clone();
            source.set(Readiness::READ | Readiness::WRITE, &mut self.ready);
        }
    }

    /// The socket that sent it, if it is still held.
    fn udp_sender(&mut self, packet: &UdpPacket) -> Option<&mut UdpPort> {
        let (bound, source) = &packet.sender;
        let port = self.udp_ports.get_mut(bound);
        port.filter(|port| Arc::ptr_eq(&port.source, source))
    }
}
