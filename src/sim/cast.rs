//! The parts of one simulation: made here, and brought together.

use std::sync::Arc;

use super::chronicle::Chronicle;
use super::host::SimulatedHost;
use super::network::{self, Conditions, Network};
use super::relay::{Relay, Requests};
use crate::blocking::{self, Pool};
use crate::executor::{Executor, seat};
use crate::ground::shield::{drop_shielded, shielded};
use crate::runtime::{BuildError, Builder};
use crate::time::clock;
use crate::time::timer::Timer;

/// Everyone but the future that is simulated.
pub(super) struct Cast {
    pub(super) executor: Arc<Executor>,
    pub(super) host: Arc<SimulatedHost>,
    pub(super) timer: Arc<Timer>,
    pub(super) pool: Arc<Pool>,
    pub(super) chronicle: Arc<Chronicle>,
    pub(super) network: Network,
    pub(super) rng: fastrand::Rng,
}

impl Cast {
    /// Makes them as `builder` says. `rng` decides all that is left to chance.
    pub(super) fn new(
        builder: &Builder,
        conditions: Conditions,
        mut rng: fastrand::Rng,
        timer: Arc<Timer>,
        chronicle: Arc<Chronicle>,
    ) -> Result<(Cast, Requests), BuildError> {
        let (relay, requests) = Relay::new();
        // A copy: how a program joins changes nothing of what is decided elsewhere.
        let host = Arc::new(SimulatedHost::new(relay, timer.clone(), rng.clone()));
        // Drawn apart, too: what a program sends changes nothing of its schedule.
        let chance = fastrand::Rng::with_seed(!rng.clone().u64(..));
        let network = Network::new(conditions, chance, timer.clone());
        let builder = builder.clone().with_observer(chronicle.clone());
        let (executor, workers) = builder.without_threads(host.clone(), rng.fork())?;
        host.enter(workers);
        let cast = Cast {
            executor,
            host,
            timer,
            pool: Pool::without_threads(),
            chronicle,
            network,
            rng,
        };
        Ok((cast, requests))
    }

    /// Makes the current thread one of the simulation's until the guard is dropped.
    pub(super) fn enter(&self) -> Entered {
        Entered {
            _runtime: seat::enter(self.executor.clone()),
            _clock: clock::enter(self.timer.clone()),
            _pool: blocking::enter(self.pool.clone()),
            _network: self.network.enter(),
        }
    }

    /// Ends the simulation's runtime when the guard is dropped, and drops what is left in it: a
    /// simulation may have come to no end, or not even begun.
    pub(super) fn until_dropped(&self) -> Ends<'_> {
        Ends(self)
    }

    fn end(&self) {
        self.executor.close();
        self.host.dismiss(&self.executor);
        // Those that a destructor hands over are not waited for.
        for _ in 0..self.pool.waiting() {
            drop_shielded(self.pool.take_next());
        }
    }
}

/// The end of a simulation's runtime.
#[must_use]
pub(super) struct Ends<'c>(&'c Cast);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        // The simulator itself may have panicked.
        shielded("the end of a simulation", || self.0.end());
        self.0.executor.unregister();
        self.0.network.close();
    }
}

/// Leaves the simulation's runtime, clock and pool.
#[must_use]
pub(super) struct Entered {
    _runtime: seat::Entered,
    _clock: clock::Entered,
    _pool: blocking::Entered,
    _network: network::Entered,
}
