//! The listeners of a simulated network, to which connections come in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::doorway::Doorway;
use super::end::{ConnectionPhase, End, EndId, Farewell, Segment};
use super::wires::Wires;
use crate::net::readiness::Readiness;
use crate::net::source::Source;

impl Wires {
    pub(super) fn listen(
        &mut self,
        mut address: SocketAddr,
        backlog: usize,
    ) -> io::Result<(SocketAddr, Arc<Source>)> {
        if address.port() == 0 {
            address.set_port(self.free_port().ok_or(io::ErrorKind::AddrInUse)?);
        }
        if self.doors.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let doorway = Doorway::new(backlog);
        let source = doorway.source.clone();
        self.doors.insert(address, doorway);
        self.take_port(address.port());
        Ok((address, source))
    }

    pub(super) fn accept(
        &mut self,
        door: SocketAddr,
    ) -> io::Result<(EndId, Arc<Source>, SocketAddr)> {
        let doorway = self.doors.get_mut(&door).expect("the listener is held");
        let id = doorway.waiting.pop_front();
        let id = id.ok_or(io::ErrorKind::WouldBlock)?;
        let end = &self.ends[id];
        Ok((id, end.source.clone(), end.remote))
    }

    pub(super) fn shut_door(&mut self, door: SocketAddr) {
        let doorway = self.doors.remove(&door).expect("the listener is held");
        self.leave_port(door.port());
        for id in doorway.waiting {
            self.ends[id].farewell = Farewell::Reset;
            self.drop_end(id);
        }
    }

    /// Where a listener for an address may be: at it, or at all addresses of its family.
    pub(super) fn listening_at(address: SocketAddr) -> [SocketAddr; 2] {
        let all: IpAddr = match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        [address, SocketAddr::new(all, address.port())]
    }

    fn door_at(&self, address: SocketAddr) -> Option<SocketAddr> {
        let mut doors = Wires::listening_at(address).into_iter();
        doors.find(|door| self.doors.contains_key(door))
    }

    /// A call has come to the listener.
    pub(super) fn call(&mut self, client: EndId) {
        let end = &self.ends[client];
        let (local, remote, connection) = (end.local, end.remote, end.connection);
        let Some(address) = self.door_at(remote) else {
            self.ends[client].vain = 0;
            let refused = io::ErrorKind::ConnectionRefused;
            return self.send(client, Segment::Answer(Err(refused)));
        };
        let doorway = self.doors.get_mut(&address).expect("it was found");
        if doorway.is_full() {
            // The listener does not answer, and the client calls again.
            self.ends[client]
                .incoming
                .push_front((self.now, Segment::Call));
            return self.try_again(client);
        }
        self.ends[client].vain = 0;
        let mut server = End::new(remote, local, connection, ConnectionPhase::Open);
        server.peer = Some(client);
        server.source.set(Readiness::WRITE, &mut self.ready);
        let server = self.ends.insert(server);
        doorway.waiting.push_back(server);
        doorway.source.set(Readiness::READ, &mut self.ready);
        self.ends[client].peer = Some(server);
        self.send(client, Segment::Answer(Ok(())));
    }
}
