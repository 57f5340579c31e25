//! The reasons why a background takes no more requests.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::ground::shield::message;

/// Why a background takes no more requests. [`CallError::Closed`](super::CallError::Closed) and
/// [`TryCallError::Closed`](super::TryCallError::Closed) carry it.
///
/// ```
/// use laneway::background::{self, CallError, CloseReason};
/// use laneway::{block_on, spawn_task};
///
/// let (shares, background) = background::service(100, async |sum: &mut u64, n: u64| *sum / n);
/// spawn_task!(background).detach();
/// let error = block_on(shares.call(0)).unwrap_err();
/// let CallError::Closed(CloseReason::Panicked(message)) = error else { panic!("{error}") };
/// assert_eq!(&*message, "attempt to divide by zero");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`ServiceHandle::close`](super::ServiceHandle::close) was called.
    ByHandle,
    /// The background was dropped: its task was cancelled, or its runtime came to its end.
    Dropped,
    /// The runtime that it ran on has begun to shut down. See
    /// [`Service::at_shutdown`](super::Service::at_shutdown).
    ShutDown,
    /// The handler panicked with this message, of which a long one is cut after 1 kB.
    Panicked(Arc<str>),
}

/// Longer messages are cut: every caller gets one.
const MOST_BYTES: usize = 1024;

impl CloseReason {
    pub(super) fn panicked(payload: &(dyn Any + Send)) -> CloseReason {
        CloseReason::Panicked(panic_message(payload))
    }
}

/// The message of a panic, cut if it is long.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> Arc<str> {
    let message = message(payload);
    if message.len() <= MOST_BYTES {
        return message.into();
    }
    let ends = message.char_indices().map(|(start, _)| start);
    let end = ends.take_while(|start| *start <= MOST_BYTES).last();
    format!("{}…", &message[..end.unwrap_or(0)]).into()
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::ByHandle => f.write_str("it was closed through a handle"),
            CloseReason::Dropped => f.write_str("it was dropped or its runtime has ended"),
            CloseReason::ShutDown => f.write_str("its runtime shuts down"),
            CloseReason::Panicked(message) => write!(f, "it panicked: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(message: String) -> String {
        let payload: Box<dyn Any + Send> = Box::new(message);
        panic_message(&*payload).to_string()
    }

    #[test]
    fn a_message_of_a_kilobyte_is_kept_and_a_longer_one_cut_between_two_characters() {
        assert_eq!(cut("x".repeat(1024)), "x".repeat(1024));
        assert_eq!(cut("x".repeat(1025)), "x".repeat(1024) + "…");
        // Three bytes each.
        assert_eq!(cut("€".repeat(1_000)), "€".repeat(341) + "…");
    }
}
