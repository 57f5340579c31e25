//! What the simulator chooses from at each step.

/// What can go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    Root,
    /// A worker, by its number.
    Worker(usize),
    /// A thread that was blocked and is woken, by its number among those.
    Woken(usize),
    /// The next closure that was given to `unblock`.
    Job,
}
