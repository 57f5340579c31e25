//! The reasons why a call has no reply, or was not sent.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::close_reason::CloseReason;

/// Why a call has no reply. Carries no request, so that `?` works whatever is sent;
/// [`ServiceHandle::try_call`](super::ServiceHandle::try_call) gives requests back.
///
/// ```
/// use laneway::background::{self, CallError, CloseReason};
///
/// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
/// drop(background);
/// let error = laneway::block_on(echo.call(1)).unwrap_err();
/// assert_eq!(error, CallError::Closed(CloseReason::Dropped));
/// assert!(error.to_string().ends_with("it was dropped or its runtime has ended"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallError {
    /// The background takes no more requests, for this reason. Further calls fail as well.
    Closed(CloseReason),
    /// A handler panicked with this message while the request was in flight, and the background is
    /// one that restarts, unless its policy gives up now. The request may have been carried out in
    /// part: call again if it may be repeated. A message of more than 1 kB is cut.
    Panicked(Arc<str>),
    /// The time of [`ServiceHandle::call_timeout`](super::ServiceHandle::call_timeout) has passed.
    /// A request that the handler has taken is still being carried out, unless
    /// [`Service::abandoned`](super::Service::abandoned) says otherwise.
    TimedOut,
}

impl CallError {
    /// Why the background takes no more requests, where that is the error.
    ///
    /// ```
    /// use laneway::background::{self, CloseReason};
    ///
    /// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    /// echo.close();
    /// let error = laneway::block_on(echo.call(1)).unwrap_err();
    /// assert_eq!(error.close_reason(), Some(&CloseReason::ByHandle));
    /// # drop(background);
    /// ```
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        match self {
            CallError::Closed(reason) => Some(reason),
            CallError::Panicked(_) | CallError::TimedOut => None,
        }
    }

    /// The message of the handler's panic, whether or not the background restarts.
    ///
    /// ```
    /// use laneway::background;
    /// use laneway::{block_on, spawn_task};
    ///
    /// let (shares, background) = background::service(100, async |sum: &mut u64, n: u64| *sum / n);
    /// spawn_task!(background).detach();
    /// let error = block_on(shares.call(0)).unwrap_err();
    /// assert_eq!(error.panic_message(), Some("attempt to divide by zero"));
    /// ```
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        match self {
            CallError::Closed(CloseReason::Panicked(message)) | CallError::Panicked(message) => {
                Some(message)
            }
            CallError::Closed(_) | CallError::TimedOut => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Closed(reason) => display_closed(reason, f),
            CallError::Panicked(message) => write!(
                f,
                "the background panicked with the request in hand (call again if the request may \
                 be repeated): {message}"
            ),
            CallError::TimedOut => f.write_str("the background did not reply in time"),
        }
    }
}

fn display_closed(reason: &CloseReason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the background takes no more requests: {reason}")
}

impl Error for CallError {}

/// Why a request was not sent, and the request.
///
/// ```
/// use laneway::background::{self, CloseReason, TryCallError};
///
/// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
/// drop(background);
/// let error = echo.try_call(7).unwrap_err();
/// assert_eq!(error, TryCallError::Closed(7, CloseReason::Dropped));
/// assert_eq!(error.into_request(), 7);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum TryCallError<Req> {
    /// As many requests as the bound wait already. Try again later, or wait with
    /// [`ServiceHandle::call`](super::ServiceHandle::call).
    Busy(Req),
    /// The background takes no more requests, for this reason.
    Closed(Req, CloseReason),
}

impl<Req> TryCallError<Req> {
    /// The request. [`TryCallError`] has an example.
    pub fn into_request(self) -> Req {
        match self {
            TryCallError::Busy(request) | TryCallError::Closed(request, _) => request,
        }
    }
}

impl<Req> fmt::Display for TryCallError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryCallError::Busy(_) => f.write_str(
                "the background has no room for the request: try again later, or wait by `call`",
            ),
            TryCallError::Closed(_, reason) => display_closed(reason, f),
        }
    }
}

// Without the request, which need not be `Debug` for an `unwrap`.
impl<Req> fmt::Debug for TryCallError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryCallError::Busy(_) => f.write_str("Busy(..)"),
            TryCallError::Closed(_, reason) => write!(f, "Closed(.., {reason:?})"),
        }
    }
}

impl<Req> Error for TryCallError<Req> {}
