//! What is under way in a simulated network, and what its arrival does.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::end::{ConnectionPhase, End, EndId, Farewell, Segment, Sending, WINDOW, first_of};
use super::udp_port::{UdpPacket, UdpPort};
use super::weather::{RETRANSMISSION, Weather};
use crate::net::readiness::Readiness;
use crate::net::source::Source;

/// The most bytes that one packet holds.
const SEGMENT: usize = 16 * 1024;

/// How often a packet is sent again before its connection is given up: for some 50 s.
const TRIES: u32 = 8;

/// The first of the ports that the network chooses.
const FIRST_PORT: u16 = 49_152;

/// All ends, and what is under way between them. Wakers of tasks are added to `ready`, for the
/// caller to wake when it holds no lock.
#[derive(Debug)]
pub(super) struct Wires {
    pub(super) weather: Weather,
    pub(super) now: Instant,
    pub(super) ready: Vec<Waker>,
    /// The times at which something arrives that the timer does not know yet.
    pub(super) arrivals: Vec<Instant>,
    ends: Slab<End>,
    doors: BTreeMap<SocketAddr, Doorway>,
    pub(super) udp_ports: BTreeMap<SocketAddr, UdpPort>,
    /// The messages that are under way, by their times. Of one time, the first sent is first.
    flights: BTreeMap<(Instant, u64), Flight>,
    sent: u64,
    connections: u64,
    next_port: u16,
}

/// A message that arrives at a moment.
#[derive(Debug)]
pub(super) enum Flight {
    /// The first of what is under way to an end.
    Segment(EndId),
    Datagram(UdpPacket),
}

/// Where connections wait to be accepted.
#[derive(Debug)]
struct Doorway {
    source: Arc<Source>,
    backlog: usize,
    waiting: VecDeque<EndId>,
}

impl Wires {
    pub(super) fn new(weather: Weather, now: Instant) -> Wires {
        Wires {
            weather,
            now,
            ready: Vec::new(),
            arrivals: Vec::new(),
            ends: Slab::new(),
            doors: BTreeMap::new(),
            udp_ports: BTreeMap::new(),
            flights: BTreeMap::new(),
            sent: 0,
            connections: 0,
            next_port: FIRST_PORT,
        }
    }

    // Listeners.

    pub(super) fn listen(
        &mut self,
        mut address: SocketAddr,
        backlog: usize,
    ) -> io::Result<(SocketAddr, Arc<Source>)> {
        if address.port() == 0 {
            address.set_port(self.free_port());
        }
        if self.doors.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let doorway = Doorway {
            source: Arc::default(),
            backlog: backlog.max(1),
            waiting: VecDeque::new(),
        };
        let source = doorway.source.clone();
        self.doors.insert(address, doorway);
        Ok((address, source))
    }

    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            let mut taken = self.doors.keys().chain(self.udp_ports.keys());
            if taken.all(|taken| taken.port() != port) {
                return port;
            }
        }
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

    // Connections.

    pub(super) fn connect(&mut self, address: SocketAddr) -> (EndId, Arc<Source>) {
        let remote = SocketAddr::new(reachable(address.ip()), address.port());
        let local = SocketAddr::new(remote.ip(), self.free_port());
        self.connections += 1;
        let end = End::new(local, remote, self.connections, ConnectionPhase::Connecting);
        let source = end.source.clone();
        let id = self.ends.insert(end);
        self.send(id, Segment::Call);
        (id, source)
    }

    pub(super) fn end(&mut self, id: EndId) -> &mut End {
        &mut self.ends[id]
    }

    pub(super) fn read(&mut self, id: EndId, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let end = &mut self.ends[id];
        let bytes = end.peek(buffers)?;
        end.inbox.drain(..bytes);
        let was_full = end.unread >= WINDOW;
        end.unread -= bytes;
        if let (true, Some(peer)) = (was_full && bytes > 0, end.peer) {
            self.tell(peer, Readiness::WRITE);
        }
        Ok(bytes)
    }

    pub(super) fn write(&mut self, id: EndId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let end = &self.ends[id];
        end.may_send()?;
        let peer = end.peer.ok_or(io::ErrorKind::BrokenPipe)?;
        // As much as there is room for: fewer bytes than were given mean that it is used up.
        let room = WINDOW.saturating_sub(self.ends[peer].unread);
        let bytes = first_of(buffers, room);
        if bytes.is_empty() && buffers.iter().any(|buffer| !buffer.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = bytes.len();
        self.ends[peer].unread += length;
        for segment in bytes.chunks(SEGMENT) {
            self.send(peer, Segment::Bytes(segment.to_vec()));
        }
        Ok(length)
    }

    pub(super) fn shut_sending(&mut self, id: EndId) -> io::Result<()> {
        let end = &mut self.ends[id];
        match end.may_send() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(_) => return Err(io::ErrorKind::NotConnected.into()),
            Ok(()) => end.sending = Sending::Shut,
        }
        if let Some(peer) = end.peer {
            self.send(peer, Segment::Fin);
        }
        self.tell(id, Readiness::WRITE | Readiness::WRITE_CLOSED);
        Ok(())
    }

    /// Reads end at once from now on.
    pub(super) fn shut_receiving(&mut self, id: EndId) -> io::Result<()> {
        self.ends[id].phase = match self.ends[id].phase {
            ConnectionPhase::Open | ConnectionPhase::Ended => ConnectionPhase::Ended,
            ConnectionPhase::Connecting | ConnectionPhase::Failed(_) => {
                return Err(io::ErrorKind::NotConnected.into());
            }
        };
        self.tell(id, Readiness::READ | Readiness::READ_CLOSED);
        Ok(())
    }

    pub(super) fn drop_end(&mut self, id: EndId) {
        let mut end = self.ends.remove(id);
        if let Some(flight) = end.flight.take() {
            self.flights.remove(&flight);
        }
        let Some(peer) = end.peer else { return };
        self.ends[peer].peer = None;
        // What was not read is lost, and the peer is to know.
        if end.unread > 0 || end.farewell == Farewell::Reset {
            self.send(peer, Segment::Reset);
        } else if end.sending == Sending::Open {
            self.send(peer, Segment::Fin);
        }
    }

    // Moving.

    /// Sends to an end.
    fn send(&mut self, to: EndId, segment: Segment) {
        let time = self.now + self.weather.delay();
        let end = &mut self.ends[to];
        let last = end.incoming.back().map_or(time, |(last, _)| *last);
        end.incoming.push_back((time.max(last), segment));
        if end.flight.is_none() {
            self.fly(to, time);
        }
    }

    /// Enters the first of what is under way to an end.
    fn fly(&mut self, to: EndId, time: Instant) {
        let place = self.take_off(time, Flight::Segment(to));
        self.ends[to].flight = Some(place);
    }

    /// Enters something that is to arrive. Its place among all that is under way.
    pub(super) fn take_off(&mut self, time: Instant, flight: Flight) -> (Instant, u64) {
        let place = (time, self.sent);
        self.sent += 1;
        self.flights.insert(place, flight);
        self.arrivals.push(time);
        place
    }

    /// Lets arrive what is due.
    pub(super) fn deliver(&mut self) {
        while let Some(first) = self.flights.first_entry() {
            if first.key().0 > self.now {
                return;
            }
            match first.remove() {
                Flight::Segment(to) => {
                    self.ends[to].flight = None;
                    self.arrive(to);
                }
                Flight::Datagram(packet) => self.udp_arrives(packet),
            }
        }
    }

    fn arrive(&mut self, to: EndId) {
        if self.weather.cuts(self.ends[to].link(), self.now) {
            return self.try_again(to);
        }
        let end = &mut self.ends[to];
        end.vain = 0;
        let Some((_, segment)) = end.incoming.pop_front() else {
            return;
        };
        let next = end.incoming.front().map(|(time, _)| *time);
        match segment {
            Segment::Bytes(_) | Segment::Fin if self.weather.resets() => self.break_link(to),
            segment => self.receive(to, segment),
        }
        // Unless its arrival has entered something itself.
        if let Some(time) = next.filter(|_| self.ends[to].flight.is_none()) {
            self.fly(to, time.max(self.now));
        }
    }

    /// Sends segments that have met a cut again, with longer and longer pauses.
    fn try_again(&mut self, to: EndId) {
        let end = &mut self.ends[to];
        end.vain += 1;
        if end.vain <= TRIES {
            let pause = RETRANSMISSION * 2_u32.pow(end.vain - 1);
            return self.fly(to, self.now + pause);
        }
        end.incoming.clear();
        // The sender gives up. A call is sent by this end itself.
        let sender = match end.phase {
            ConnectionPhase::Connecting => Some(to),
            _ => end.peer,
        };
        if let Some(sender) = sender {
            self.fail(sender, io::ErrorKind::TimedOut);
        }
    }

    fn receive(&mut self, id: EndId, segment: Segment) {
        match segment {
            Segment::Call => self.call(id),
            Segment::Answer(Ok(())) => {
                self.ends[id].phase = ConnectionPhase::Open;
                self.tell(id, Readiness::WRITE);
            }
            Segment::Answer(Err(kind)) => self.fail(id, kind),
            Segment::Bytes(bytes) => {
                self.ends[id].inbox.extend(bytes);
                self.tell(id, Readiness::READ);
            }
            Segment::Fin => {
                let end = &mut self.ends[id];
                if end.phase == ConnectionPhase::Open {
                    end.phase = ConnectionPhase::Ended;
                }
                self.tell(id, Readiness::READ | Readiness::READ_CLOSED);
            }
            Segment::Reset => self.fail(id, io::ErrorKind::ConnectionReset),
        }
    }

    /// A call has come to the listener.
    fn call(&mut self, client: EndId) {
        let end = &self.ends[client];
        let (local, remote, link) = (end.local, end.remote, end.link);
        let Some(address) = self.door_at(remote) else {
            let refused = io::ErrorKind::ConnectionRefused;
            return self.send(client, Segment::Answer(Err(refused)));
        };
        let doorway = self.doors.get_mut(&address).expect("it was found");
        if doorway.waiting.len() >= doorway.backlog {
            // The listener does not answer, and the client calls again.
            self.ends[client]
                .incoming
                .push_front((self.now, Segment::Call));
            return self.try_again(client);
        }
        let mut server = End::new(remote, local, link, ConnectionPhase::Open);
        server.peer = Some(client);
        server.source.set(Readiness::WRITE, &mut self.ready);
        let server = self.ends.insert(server);
        doorway.waiting.push_back(server);
        doorway.source.set(Readiness::READ, &mut self.ready);
        self.ends[client].peer = Some(server);
        self.send(client, Segment::Answer(Ok(())));
    }

    /// Breaks a connection: both ends find it reset.
    fn break_link(&mut self, id: EndId) {
        let peer = self.ends[id].peer;
        for id in [Some(id), peer].into_iter().flatten() {
            self.fail(id, io::ErrorKind::ConnectionReset);
        }
    }

    fn fail(&mut self, id: EndId, kind: io::ErrorKind) {
        let end = &mut self.ends[id];
        end.phase = ConnectionPhase::Failed(kind);
        end.inbox.clear();
        let closed = Readiness::READ_CLOSED | Readiness::WRITE_CLOSED;
        self.tell(id, Readiness::READ | Readiness::WRITE | closed);
    }

    fn tell(&mut self, id: EndId, readiness: Readiness) {
        self.ends[id].source.set(readiness, &mut self.ready);
    }

    /// Tells all that nothing will happen any more.
    pub(super) fn close(&mut self) {
        let ends = self.ends.iter().map(|(_, end)| &end.source);
        let doors = self.doors.values().map(|door| &door.source);
        let ports = self.udp_ports.values().map(|port| &port.source);
        for source in ends.chain(doors).chain(ports) {
            source.close(&mut self.ready);
        }
    }
}

/// Where what is sent to an address leads: to all addresses, to this machine.
pub(super) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
