//! What a simulated listener holds.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::fabric::Fabric;
use crate::net::source::Source;

/// A place where simulated connections come in.
pub(in crate::net) struct Door {
    network: Arc<Fabric>,
    address: SocketAddr,
}

/// A connection, and the peer's address.
type Accepted = ((Endpoint, Arc<Source>), SocketAddr);

impl Door {
    pub(in crate::net) fn listen(
        network: Arc<Fabric>,
        address: SocketAddr,
        backlog: usize,
    ) -> io::Result<(Door, Arc<Source>)> {
        let (address, source) = network.with(|wires| wires.listen(address, backlog))?;
        Ok((Door { network, address }, source))
    }

    pub(in crate::net) fn accept(&self) -> io::Result<Accepted> {
        let (id, source, peer) = self.network.with(|wires| wires.accept(self.address))?;
        Ok(((Endpoint::new(self.network.clone(), id), source), peer))
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.network.with(|wires| wires.shut_door(self.address));
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
