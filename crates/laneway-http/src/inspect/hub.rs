//! The viewers of one runtime. While there is one, the runtime is recorded; otherwise nothing is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway::time::{MissedTickBehavior, interval};
use laneway::{Handle, Priority, spawn_task};

use super::batch::Session;
use super::viewer::Viewer;

/// The time between two batches.
const EVERY: Duration = Duration::from_millis(50);

/// The most viewers at a time.
pub(super) const MOST: usize = 256;

/// The viewers of a runtime, and the task that serves them.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) runtime: Handle,
    served: Mutex<Served>,
}

#[derive(Debug, Default)]
struct Served {
    viewers: Vec<Arc<Viewer>>,
    pump: Pump,
}

/// The task that makes batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pump {
    #[default]
    Rests,
    Runs,
}

/// One viewer's place in a hub. Dropped, the viewer is gone.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    pub(super) viewer: Arc<Viewer>,
}

impl Hub {
    pub(super) fn new(runtime: Handle) -> Hub {
        Hub {
            runtime,
            served: Mutex::default(),
        }
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a viewer, and begins to record if it is the first. None: there are too many.
    pub(super) fn join(self: &Arc<Hub>) -> Option<Seat> {
        let viewer = Arc::new(Viewer::default());
        let mut served = self.served();
        if served.viewers.len() == MOST {
            return None;
        }
        served.viewers.push(viewer.clone());
        let before = std::mem::replace(&mut served.pump, Pump::Runs);
        drop(served);
        if before == Pump::Rests {
            let pump = Pumping(Some(self.clone())).run();
            spawn_task!(name = "inspect", pump, Priority::High).detach();
        }
        Some(Seat {
            hub: self.clone(),
            viewer,
        })
    }

    pub(super) fn viewers(&self) -> usize {
        self.served().viewers.len()
    }

    /// The viewers, or none if the task that serves them may rest: a viewer that comes later
    /// starts the next one.
    fn viewers_or_rest(&self) -> Vec<Arc<Viewer>> {
        let mut served = self.served();
        if served.viewers.is_empty() {
            served.pump = Pump::Rests;
        }
        served.viewers.clone()
    }

    /// Lets all streams end.
    fn abandon(&self) {
        let mut served = self.served();
        served.pump = Pump::Rests;
        let viewers = std::mem::take(&mut served.viewers);
        drop(served);
        viewers.iter().for_each(|viewer| viewer.end());
    }
}

/// The hub while it is served, and none once it may rest. Dropped before, as the end of a runtime
/// does, it ends all streams.
struct Pumping(Option<Arc<Hub>>);

impl Pumping {
    async fn run(mut self) {
        let hub = self.0.clone().expect("it is served from now on");
        let mut session = Session::start(&hub.runtime);
        let mut ticks = interval(EVERY);
        ticks.set_missed_ticks(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let viewers = hub.viewers_or_rest();
            if viewers.is_empty() {
                self.0 = None;
                return;
            }
            let batch = session.batch(viewers.len());
            viewers.iter().for_each(|viewer| viewer.push(batch.clone()));
        }
    }
}

impl Drop for Pumping {
    fn drop(&mut self) {
        self.0.iter().for_each(|hub| hub.abandon());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut served = self.hub.served();
        served
            .viewers
            .retain(|viewer| !Arc::ptr_eq(viewer, &self.viewer));
    }
}
