//! Who takes part in one simulation: made here, and brought together.

use std::sync::Arc;

use super::Sim;
use super::chronicle::Chronicle;
use super::stage::Stage;
use super::turns::{Requests, Turns};
use crate::blocking::{self, Pool};
use crate::builder::BuildError;
use crate::executor::{Executor, seat};
use crate::time::clock;
use crate::time::timer::Timer;

/// Everyone but the future that is simulated.
pub(super) struct Cast {
    pub(super) executor: Arc<Executor>,
    pub(super) stage: Arc<Stage>,
    pub(super) timer: Arc<Timer>,
    pub(super) pool: Arc<Pool>,
    pub(super) chronicle: Arc<Chronicle>,
    pub(super) rng: fastrand::Rng,
}

impl Cast {
    pub(super) fn new(sim: &Sim) -> Result<(Cast, Requests), BuildError> {
        let mut rng = fastrand::Rng::with_seed(sim.seed);
        let timer = Arc::new(Timer::simulated());
        let observer = sim.observer.clone();
        let chronicle = Arc::new(Chronicle::new(timer.clone(), observer, sim.keep_events));
        let (turns, requests) = Turns::new();
        let stage = Arc::new(Stage::new(turns, timer.clone()));
        let builder = sim.builder.clone().with_observer(chronicle.clone());
        let (executor, workers) = builder.without_threads(stage.clone(), rng.fork())?;
        stage.enter(workers);
        let cast = Cast {
            executor,
            stage,
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
