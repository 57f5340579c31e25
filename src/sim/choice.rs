//! The choices that the simulator has at each step.

/// Something that can go on.
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
