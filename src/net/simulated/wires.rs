//! The bytes under way in a simulated network, and the effects of their arrival.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::doorway::Doorway;
use super::end::{ConnectionPhase, End, EndId, Segment, Sending};
use super::udp_port::{UdpPacket, UdpPort};
use super::weather::{RETRANSMISSION, Weather};
use crate::net::readiness::Readiness;

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
    pub(super) ends: Slab<End>,
    pub(super) doors: BTreeMap<SocketAddr, Doorway>,
    pub(super) udp_ports: BTreeMap<SocketAddr, UdpPort>,
    /// The messages that are under way, by their times. Of one time, the first sent is first.
    flights: BTreeMap<(Instant, u64), Flight>,
    /// How many messages have been sent: the number of the next one.
    sent: u64,
    /// How many connections have been opened: the number of the last one.
    pub(super) connections: u64,
    /// The port that is tried first when the network is to choose one.
    next_port: u16,
    /// How many listeners and sockets for datagrams have each port, at different addresses.
    taken_ports: BTreeMap<u16, usize>,
}

/// A message that arrives at a moment.
#[derive(Debug)]
pub(super) enum Flight {
    /// The first of what is under way to an end.
    Segment(EndId),
    Datagram(UdpPacket),
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
            taken_ports: BTreeMap::new(),
        }
    }

    /// The next port that no listener and no socket for datagrams has, if there is one.
    pub(super) fn free_port(&mut self) -> Option<u16> {
        (FIRST_PORT..=u16::MAX).find_map(|_| {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            (!self.taken_ports.contains_key(&port)).then_some(port)
        })
    }

    pub(super) fn take_port(&mut self, port: u16) {
        *self.taken_ports.entry(port).or_default() += 1;
    }

    pub(super) fn leave_port(&mut self, port: u16) {
        let takers = self.taken_ports.get_mut(&port).expect("it was taken");
        *takers -= 1;
        if *takers == 0 {
            self.taken_ports.remove(&port);
        }
    }

    /// Sends to an end.
    pub(super) fn send(&mut self, to: EndId, segment: Segment) {
        let time = self.now + self.weather.delay();
        self.send_for(time, to, segment);
    }

    /// Answers what an end sends now to one that is gone. It takes the way there and back.
    pub(super) fn answer(&mut self, to: EndId, segment: Segment) {
        let time = self.now + self.weather.delay() + self.weather.delay();
        self.send_for(time, to, segment);
    }

    /// Sends what is to arrive at this time, or behind what is under way already.
    fn send_for(&mut self, time: Instant, to: EndId, segment: Segment) {
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

    /// Takes something out that does not arrive any more, since its end is gone.
    pub(super) fn call_off(&mut self, place: (Instant, u64)) {
        self.flights.remove(&place);
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
        let Some((_, segment)) = end.incoming.pop_front() else {
            return;
        };
        // A listener may have no room for a call, which is in vain then.
        if !matches!(segment, Segment::Call) {
            end.vain = 0;
        }
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
    pub(super) fn try_again(&mut self, to: EndId) {
        let end = &mut self.ends[to];
        end.vain += 1;
        if end.vain <= TRIES {
            let pause = RETRANSMISSION * 2_u32.pow(end.vain - 1);
            return self.fly(to, self.now + pause);
        }
        end.incoming.clear();
        // The sender gives up. A call is sent by this end itself, and so is what has no answer.
        let sender = match (end.phase, end.sending) {
            (ConnectionPhase::Connecting, _) | (_, Sending::InVain { .. }) => Some(to),
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
            Segment::Reset => self.reset(id),
        }
    }

    /// The peer is not there any more. An end that has been told of its end goes on to read that,
    /// and writes fail.
    fn reset(&mut self, id: EndId) {
        let end = &mut self.ends[id];
        if end.phase != ConnectionPhase::Ended {
            return self.fail(id, io::ErrorKind::ConnectionReset);
        }
        end.sending = Sending::Shut;
        self.tell(id, Readiness::WRITE | Readiness::WRITE_CLOSED);
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

    pub(super) fn tell(&mut self, id: EndId, readiness: Readiness) {
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
