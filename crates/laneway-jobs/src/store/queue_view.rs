//! Queues as people see them.

use std::time::SystemTime;

/// Queues, and what time it is.
#[derive(Clone, Debug)]
pub struct QueuesNow {
    /// T, when they were read.
    pub now: SystemTime,
    /// The queues, by name.
    pub queues: Vec<QueueView>,
}

/// A queue as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// Whether workers take jobs of it.
    pub state: QueueState,
    /// When the next job of its high lane may run, or might have run already.
    pub high_due: Option<SystemTime>,
    /// When the next job of its low lane may run, or might have run already.
    pub low_due: Option<SystemTime>,
}

/// Whether workers take jobs of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// They do.
    Open,
    /// Not until it is resumed.
    Paused,
}
