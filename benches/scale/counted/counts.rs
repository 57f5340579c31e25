//! The sums of a run on the modelled machine.

/// Everything that was counted in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Writes to lines that more than one core wrote.
    pub shared_writes: u64,
    /// Lines that had to come from another core, to be read or written.
    pub transfers: u64,
    /// How often the lock of a channel was taken.
    pub channel_locks: u64,
    /// How often any other lock was taken.
    pub other_locks: u64,
    /// How often a thread was unparked.
    pub unparks: u64,
    /// Looks at a place where tasks of other threads lie.
    pub looks: u64,
    /// Steals that found nothing.
    pub vain_steals: u64,
    /// Tasks that ran elsewhere than where they were queued.
    pub moves: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// How long the run took by the clock that was the last to stop, in nanoseconds.
    pub nanoseconds: f64,
    /// Where in the source the shared writes and the looks were made, the most frequent first.
    pub places: Vec<Place>,
}

/// A line of the source, and how often it did something that counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The file, and the number of the line in it.
    pub source: String,
    /// Writes to lines that more than one core wrote.
    pub shared_writes: u64,
    /// Looks at a place where tasks of other threads lie.
    pub looks: u64,
}
