//! Why a call has no reply, or was not sent.

use std::error::Error;
use std::fmt;

/// Why a call has no reply. Carries no request, so that `?` works whatever is sent;
/// [`ServiceHandle::try_call`](super::ServiceHandle::try_call) gives requests back.
///
/// ```
/// use laneway::background::{self, CallError};
///
/// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
/// drop(background);
/// assert_eq!(laneway::block_on(echo.call(1)), Err(CallError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallError {
    /// The background has ended, panicked, or been closed or dropped. Further calls fail as well.
    Closed,
    /// A handler panicked while the request was in flight, and the background is one that
    /// restarts, unless its policy gives up now. The request may have been carried out in part:
    /// call again if it may be repeated.
    Panicked,
    /// The time of [`ServiceHandle::call_timeout`](super::ServiceHandle::call_timeout) has passed.
    /// A request that the handler has taken is still being carried out.
    TimedOut,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallError::Closed => "the background has ended and takes no more requests",
            CallError::Panicked => {
                "the background panicked with the request in hand: \
                 call again if the request may be repeated"
            }
            CallError::TimedOut => "the background did not reply in time",
        })
    }
}

impl Error for CallError {}

/// Why a request was not sent, and the request.
///
/// ```
/// use laneway::background::{self, TryCallError};
///
/// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
/// drop(background);
/// let error = echo.try_call(7).unwrap_err();
/// assert_eq!(error, TryCallError::Closed(7));
/// assert_eq!(error.into_request(), 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum TryCallError<Req> {
    /// As many requests as the bound wait already. Try again later, or wait with
    /// [`ServiceHandle::call`](super::ServiceHandle::call).
    Busy(Req),
    /// The background has ended, panicked, or been closed or dropped.
    Closed(Req),
}

impl<Req> TryCallError<Req> {
    /// The request. [`TryCallError`] has an example.
    pub fn into_request(self) -> Req {
        match self {
            TryCallError::Busy(request) | TryCallError::Closed(request) => request,
        }
    }
}

impl<Req> fmt::Display for TryCallError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryCallError::Busy(_) => {
                f.write_str("the background has no room for another request at the moment")
            }
            TryCallError::Closed(_) => fmt::Display::fmt(&CallError::Closed, f),
        }
    }
}

// Without the request, which need not be `Debug` for an `unwrap`.
impl<Req> fmt::Debug for TryCallError<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryCallError::Busy(_) => "Busy(..)",
            TryCallError::Closed(_) => "Closed(..)",
        })
    }
}

impl<Req> Error for TryCallError<Req> {}
