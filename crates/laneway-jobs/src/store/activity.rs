//! The activity of lanes in the last minutes or hours, in slots of time.

use std::time::{Duration, SystemTime};

use laneway::Priority;

/// The most slots of an activity.
pub const SLOT_LIMIT: usize = 120;

/// Which activity is to be shown.
#[derive(Clone, Debug)]
pub struct ActivityWanted {
    /// Of these queues.
    pub queues: Vec<String>,
    /// How long a slot is: at least a millisecond. Slots begin at multiples of it since 1970.
    pub slot: Duration,
    /// How many there are, the last one being that of T: at most [`SLOT_LIMIT`].
    pub slots: usize,
    /// How many jobs of a queue are counted in a slot, at most.
    pub at_most: u64,
}

/// The activity of lanes.
#[derive(Clone, Debug)]
pub struct Activity {
    /// T, within the last slot.
    pub now: SystemTime,
    /// When the first slot began.
    pub from: SystemTime,
    /// How long a slot is.
    pub slot: Duration,
    /// Both lanes of each queue, in the order of the question; high first.
    pub lanes: Vec<LaneActivity>,
}

/// The activity of one lane.
#[derive(Clone, Debug)]
pub struct LaneActivity {
    /// The queue.
    pub queue: String,
    /// The lane.
    pub lane: Priority,
    /// Its slots, in the order of time.
    pub slots: Vec<ActivitySlot>,
}

/// The activity of a lane in one slot of time. Jobs that have been deleted since are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivitySlot {
    /// The jobs that were done.
    pub done: u64,
    /// The part of the slot that `done` was counted in: less than the whole where the queue had
    /// more jobs than were to be counted, and in the slot of T.
    pub counted: Duration,
    /// The jobs that failed for good or were quarantined; as many as were to be counted at most
    /// may mean more.
    pub failed: u64,
    /// The attempts that did not complete, among the newest of all queues.
    pub errors: u64,
    /// How long jobs waited from the time at which they might run, the mean of some that were done.
    pub wait_mean: Option<Duration>,
    /// The longest of these waits.
    pub wait_max: Option<Duration>,
}

impl ActivitySlot {
    /// How many jobs were done in a second, as far as was counted.
    ///
    /// ```
    /// use laneway_jobs::store::ActivitySlot;
    /// use std::time::Duration;
    ///
    /// let counted = Duration::from_secs(4);
    /// let slot = ActivitySlot { done: 10, counted, ..ActivitySlot::default() };
    /// assert_eq!(slot.done_per_second(), 2.5);
    /// assert_eq!(ActivitySlot::default().done_per_second(), 0.0);
    /// ```
    #[must_use]
    pub fn done_per_second(&self) -> f64 {
        match self.counted.is_zero() {
            true => 0.0,
            false => self.done as f64 / self.counted.as_secs_f64(),
        }
    }
}
