//! The state of a simulated listener.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::fabric::Fabric;
use crate::net::source::Source;

/// A place where simulated connections come in.
pub(in crate::net) struct SimulatedDoor {
    network: Arc<Fabric>,
    address: SocketAddr,
}

impl SimulatedDoor {
    pub(in crate::net) fn listen(
        network: Arc<Fabric>,
        address: SocketAddr,
        backlog: usize,
    ) -> io::Result<(SimulatedDoor, Arc<Source>)> {
        let (address, source) = network.with(|wires| wires.listen(address, backlog))?;
        Ok((SimulatedDoor { network, address }, source))
    }

    /// A connection with its source, and the peer's address.
    pub(in crate::net) fn accept(&self) -> io::Result<((Endpoint, Arc<Source>), SocketAddr)> {
        let (id, source, peer) = self.network.with(|wires| wires.accept(self.address))?;
        Ok(((Endpoint::new(self.network.clone(), id), source), peer))
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SimulatedDoor {
    fn drop(&mut self) {
        self.network.with(|wires| wires.shut_door(self.address));
    }
}

impl fmt::Debug for SimulatedDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDoor")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
