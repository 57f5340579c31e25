//! The counters that the pool of blocking threads shows.

/// The state of the pool of blocking threads at one moment. Made by [`metrics`](super::metrics()).
///
/// ```
/// let metrics = laneway::blocking::metrics();
/// assert!(metrics.idle <= metrics.threads);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingMetrics {
    /// How many threads there may be, but for those of closures that wait for closures.
    pub max_threads: usize,
    /// How many there are. More than `max_threads` while closures wait for closures.
    pub threads: usize,
    /// How many of these have nothing to do.
    pub idle: usize,
    /// Closures that wait for a thread.
    pub queued: usize,
}
