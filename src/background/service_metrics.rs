//! The work of a background, in numbers.

/// The present state and the counts of a background. Made by
/// [`ServiceHandle::metrics`](super::ServiceHandle::metrics); a snapshot, in which counters may
/// differ by what happens meanwhile.
///
/// ```
/// use laneway::background::Service;
///
/// let (echo, _background) = Service::new().bounded(2).build((), async |_: &mut (), n: u8| n);
/// let _replies = [1, 2].map(|n| echo.try_call(n));
/// let metrics = echo.metrics();
/// assert_eq!((metrics.queued, metrics.waiting_for_room, metrics.in_flight), (2, 0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceMetrics {
    /// Requests that wait for the handler: as many as the bound at most.
    pub queued: usize,
    /// Requests whose callers wait for room.
    pub waiting_for_room: usize,
    /// Requests that the handler has taken and not finished.
    pub in_flight: usize,
    /// Requests that the handler has finished.
    pub completed: u64,
    /// Requests that the handler had taken when it panicked or was dropped.
    pub lost: u64,
    /// Requests that the handler had taken and that were dropped with their callers, where
    /// [`Service::abandoned`](super::Service::abandoned) says so.
    pub abandoned: u64,
    /// Requests whose callers gave up before the handler took them.
    pub skipped: u64,
    /// How often the state was made anew after a panic.
    pub restarts: u64,
}
