//! The state of a simulated TCP stream.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::end::{ConnectionPhase, End, EndId, Farewell};
use super::fabric::Fabric;
use crate::net::source::Source;

/// One end of a simulated connection, by which its owner holds it.
pub(in crate::net) struct Endpoint {
    network: Arc<Fabric>,
    id: EndId,
}

impl Endpoint {
    /// Calls a listener. The source tells when it has answered.
    pub(in crate::net) fn connect(
        network: Arc<Fabric>,
        address: SocketAddr,
    ) -> io::Result<(Endpoint, Arc<Source>)> {
        if address.port() == 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (id, source) = network.with(|wires| wires.connect(address))?;
        Ok((Endpoint::new(network, id), source))
    }

    pub(super) fn new(network: Arc<Fabric>, id: EndId) -> Endpoint {
        Endpoint { network, id }
    }

    pub(in crate::net) fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.network.with(|wires| wires.read(self.id, buffers))
    }

    pub(in crate::net) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.of_end(|end| end.peek(&mut [IoSliceMut::new(buffer)]))
    }

    pub(in crate::net) fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.network.with(|wires| wires.write(self.id, buffers))
    }

    pub(in crate::net) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.network.with(|wires| match how {
            Shutdown::Read => wires.shut_receiving(self.id),
            Shutdown::Write => wires.shut_sending(self.id),
            Shutdown::Both => {
                wires.shut_receiving(self.id)?;
                wires.shut_sending(self.id)
            }
        })
    }

    pub(in crate::net) fn take_error(&self) -> Option<io::Error> {
        match self.of_end(|end| end.phase) {
            ConnectionPhase::Failed(kind) => Some(kind.into()),
            ConnectionPhase::Connecting | ConnectionPhase::Open | ConnectionPhase::Ended => None,
        }
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.of_end(|end| end.local)
    }

    pub(in crate::net) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.of_end(|end| match end.phase {
            ConnectionPhase::Open | ConnectionPhase::Ended => Ok(end.remote),
            ConnectionPhase::Connecting | ConnectionPhase::Failed(_) => {
                Err(io::ErrorKind::NotConnected.into())
            }
        })
    }

    pub(in crate::net) fn set_linger(&self, time: Option<Duration>) {
        let farewell = match time {
            Some(Duration::ZERO) => Farewell::Reset,
            _ => Farewell::Orderly,
        };
        self.of_end(|end| end.farewell = farewell);
    }

    fn of_end<R>(&self, ask: impl FnOnce(&mut End) -> R) -> R {
        self.network.with(|wires| ask(wires.end(self.id)))
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.network.with(|wires| wires.drop_end(self.id));
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, remote) = self.of_end(|end| (end.local, end.remote));
        f.debug_struct("Endpoint")
            .field("local", &local)
            .field("remote", &remote)
            .finish_non_exhaustive()
    }
}
