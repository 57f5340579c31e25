//! Who takes part in one simulation: made here, and brought together.

use std::sync::Arc;

use super::chronicle::Chronicle;
use super::host::SimulatedHost;
use super::relay::{Relay, Requests};
use crate::blocking::{self, Pool};
use crate::executor::{Executor, seat};
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
    pub(super) rng: fastrand::Rng,
}

impl Cast {
    /// Makes them as `builder` says. `rng` decides all that is left to chance.
    pub(super) fn new(
        builder: &Builder,
        mut rng: fastrand::Rng,
        timer: Arc<Timer>,
        chronicle: Arc<Chronicle>,
    ) -> Result<(Cast, Requests), BuildError> {
        let (relay, requests) = Relay::new();
        // A copy: how a program joins changes nothing of what is decided elsewhere.
        let host = Arc::new(SimulatedHost::new(relay, timer.clone(), rng.clone()));
        let builder = builder.clone().with_observer(chronicle.clone());
        let (executor, workers) = builder.without_threads(host.clone(), rng.fork())?;
        host.enter(workers);
        let cast = Cast {
            executor,
            host,
            timer,
            pool: Pool::without_threads(),
            chronicle,
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
        }
    }
}

/// Leaves the simulation's runtime, clock and pool.
#[must_use]
pub(super) struct Entered {
    _runtime: seat::Entered,
    _clock: clock::Entered,
    _pool: blocking::Entered,
}
