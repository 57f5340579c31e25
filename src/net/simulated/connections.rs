//! The ends of simulated connections, as their owners open, read, write and close them.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;

use super::end::{ConnectionPhase, End, EndId, Farewell, Segment, Sending, WINDOW, first_of};
use super::wires::{Wires, reachable};
use crate::net::readiness::Readiness;
use crate::net::source::Source;

/// The most bytes that one packet holds.
const SEGMENT: usize = 16 * 1024;

impl Wires {
    pub(super) fn connect(&mut self, address: SocketAddr) -> io::Result<(EndId, Arc<Source>)> {
        let remote = SocketAddr::new(reachable(address.ip()), address.port());
        let port = self.free_port().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let local = SocketAddr::new(remote.ip(), port);
        self.connections += 1;
        let end = End::new(local, remote, self.connections, ConnectionPhase::Connecting);
        let source = end.source.clone();
        let id = self.ends.insert(end);
        self.send(id, Segment::Call);
        Ok((id, source))
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
        end.check_sending()?;
        let Some(peer) = end.peer else {
            return self.write_in_vain(id, buffers);
        };
        let bytes = what_fits(buffers, self.ends[peer].unread)?;
        let length = bytes.len();
        self.ends[peer].unread += length;
        for segment in bytes.chunks(SEGMENT) {
            self.send(peer, Segment::Bytes(segment.to_vec()));
        }
        Ok(length)
    }

    /// Takes bytes for an end that is gone: they are answered by a reset once they have come there.
    fn write_in_vain(&mut self, id: EndId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let before = match self.ends[id].sending {
            Sending::InVain { bytes } => bytes,
            Sending::Open | Sending::Shut => 0,
        };
        let length = what_fits(buffers, before)?.len();
        let bytes = before + length;
        if bytes > 0 {
            self.ends[id].sending = Sending::InVain { bytes };
        }
        if before == 0 && bytes > 0 {
            self.answer(id, Segment::Reset);
        }
        Ok(length)
    }

    pub(super) fn shut_sending(&mut self, id: EndId) -> io::Result<()> {
        let end = &mut self.ends[id];
        match end.check_sending() {
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
        let end = self.ends.remove(id);
        if let Some(flight) = end.flight {
            self.call_off(flight);
        }
        let Some(peer) = end.peer else { return };
        self.ends[peer].peer = None;
        // The bytes that were not read are lost, and the peer is to know.
        if end.unread > 0 || end.farewell == Farewell::Reset {
            self.send(peer, Segment::Reset);
        } else if end.sending == Sending::Open {
            self.send(peer, Segment::Fin);
        }
    }
}

/// As much as there is room for, where so many bytes are under way or unread: fewer than were given
/// mean that the room is used up.
///
/// # Errors
///
/// `WouldBlock`, if there is none.
fn what_fits(buffers: &[IoSlice<'_>], unread: usize) -> io::Result<Vec<u8>> {
    let bytes = first_of(buffers, WINDOW.saturating_sub(unread));
    match bytes.is_empty() && buffers.iter().any(|buffer| !buffer.is_empty()) {
        true => Err(io::ErrorKind::WouldBlock.into()),
        false => Ok(bytes),
    }
}
