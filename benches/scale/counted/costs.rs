//! How long each thing takes on one machine.

/// The time that the modelled machine's cores take for each thing, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A load or a store of a line that is at hand.
    pub look: f64,
    /// An atomic change of a line that is at hand.
    pub change: f64,
    /// A lock that no other thread wants, taken and given back.
    pub lock: f64,
    /// A line that has to come from another core.
    pub transfer: f64,
    /// To unpark a thread, for the thread that does it.
    pub unpark: f64,
    /// From there until the unparked thread runs.
    pub wake: f64,
    /// The pause between two looks of a worker that searches.
    pub pause: f64,
    /// How long a thread in `block_on` looks before it parks.
    pub alert: f64,
    /// To make a task, besides the above.
    pub spawn: f64,
    /// To poll a task, besides the above.
    pub poll: f64,
}

impl Costs {
    /// The names of the costs, in the order of [`values`](Costs::values).
    pub const NAMES: [&str; 10] = [
        "look", "change", "lock", "transfer", "unpark", "wake", "pause", "alert", "spawn", "poll",
    ];

    /// All of them, in nanoseconds.
    pub fn values(&self) -> [f64; 10] {
        [
            self.look,
            self.change,
            self.lock,
            self.transfer,
            self.unpark,
            self.wake,
            self.pause,
            self.alert,
            self.spawn,
            self.poll,
        ]
    }

    /// Costs of these values.
    pub fn of(values: [f64; 10]) -> Costs {
        let [
            look,
            change,
            lock,
            transfer,
            unpark,
            wake,
            pause,
            alert,
            spawn,
            poll,
        ] = values;
        Costs {
            look,
            change,
            lock,
            transfer,
            unpark,
            wake,
            pause,
            alert,
            spawn,
            poll,
        }
    }
}
