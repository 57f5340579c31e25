//! One event of a recording, with its time.

use crate::ground::ids::{TaskId, WorkerId};
use crate::ground::telemetry::Event;

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

    /// The task that the event is about.
    pub(super) fn task(&self) -> Option<TaskId> {
        match self.event {
            Event::Spawned { task, .. }
            | Event::Scheduled { task, .. }
            | Event::Taken { task, .. }
            | Event::PollStarted { task, .. }
            | Event::PollEnded { task, .. }
            | Event::Cancelled { task, .. }
            | Event::Escalated { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::TimerFired { task } => Some(task),
            Event::Parked { .. } | Event::Unparked { .. } | Event::Replaced { .. } => None,
        }
    }
}
