//! The setting of a simulation's network.

use super::Sim;
use crate::net::NetworkConditions;

impl Sim {
    /// How the network between simulated sockets behaves. Default: without faults.
    /// [`NetworkConditions`] has an example.
    pub fn network(mut self, conditions: NetworkConditions) -> Sim {
        self.network = conditions;
        self
    }
}
