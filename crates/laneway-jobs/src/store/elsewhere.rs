//! Whether other processes write to a store.

/// Whether another process may have written to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// No other process can: a look at intervals is not needed.
    Never,
    /// Nothing was written since the last look.
    Unchanged,
    /// Something was; a claim may find jobs.
    Changed,
    /// A claim alone can tell: a worker makes one at intervals.
    Untold,
}
