//! The fate of work whose caller has given up.

/// The fate of a request that the handler has taken when its caller gives up. Set by
/// [`Service::abandoned`](super::Service::abandoned).
///
/// ```
/// use laneway::background::Abandoned;
///
/// assert_eq!(Abandoned::default(), Abandoned::Finished);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Abandoned {
    /// It is handled to its end, and the reply is dropped: a handler is never cut off between two
    /// changes of the state. The default. It can learn by [`caller_gone`](super::caller_gone())
    /// that no caller waits for it any more.
    #[default]
    Finished,
    /// The handler's future is dropped at the await that it has come to, and its place is free. For
    /// handlers that may be cut off at each of their awaits, such as a wait for a connection.
    Dropped,
}
