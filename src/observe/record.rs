//! One event of a recording, with its time.

use crate::ids::WorkerId;
use crate::telemetry::Event;

/// One event and its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// In nanoseconds since the recorder's first event.
    pub(super) at: u64,
    pub(super) event: Event,
}

impl Record {
    /// The worker on whose thread the event was told.
    pub(super) fn worker(&self) -> Option<WorkerId> {
        match self.event {
            Event::Spawned { by, .. }
            | Event::Scheduled { by, .. }
            | Event::Cancelled { by, .. }
            | Event::Escalated { by, .. }
            | Event::TimerArmed { by, .. } => by,
            Event::Taken { worker, .. }
            | Event::PollStarted { worker, .. }
            | Event::PollEnded { worker, .. }
            | Event::Parked { worker }
            | Event::Unparked { worker }
            | Event::Replaced { worker } => Some(worker),
            Event::TimerFired { .. } => None,
        }
    }
}
