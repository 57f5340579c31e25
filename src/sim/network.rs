//! The simulation's network. Without the feature `net`, `no_network.rs` stands in for it.

use std::sync::Arc;

pub(super) use crate::net::NetworkConditions as Conditions;
pub(super) use crate::net::simulated::Entered;
use crate::net::simulated::{self, Fabric};
use crate::time::timer::Timer;

/// The network of one simulation.
pub(super) struct Network(Arc<Fabric>);

impl Network {
    pub(super) fn new(conditions: Conditions, rng: fastrand::Rng, timer: Arc<Timer>) -> Network {
        Network(Fabric::new(conditions, rng, timer))
    }

    pub(super) fn enter(&self) -> Entered {
        simulated::enter(self.0.clone())
    }

    /// Ends the waits of sockets that outlive the simulation.
    pub(super) fn close(&self) {
        self.0.close();
    }
}
