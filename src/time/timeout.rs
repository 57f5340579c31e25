//! A future that has a limited time to end.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::sleep::{Sleep, sleep, sleep_until};

/// Limits the time of a future. If the future is not ready by then, it is dropped and the result
/// is [`Elapsed`].
///
/// The future is polled first: one that is ready at once is never too late, even with
/// [`Duration::ZERO`].
///
/// # Errors
///
/// [`Elapsed`] if the time has passed.
///
/// # Cancellation
///
/// Dropping the timeout drops the future.
///
/// ```
/// use laneway::time::{Elapsed, timeout};
/// use std::future::{pending, ready};
/// use std::time::{Duration, Instant};
///
/// let late = timeout(Duration::from_millis(1), pending::<()>());
/// assert_eq!(laneway::block_on(late), Err(Elapsed));
///
/// let in_time = timeout(Duration::ZERO, ready(7));
/// assert_eq!(laneway::block_on(in_time), Ok(7));
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    // No constructor: each function that a large future is handed through takes room on the stack.
    Timeout {
        future: Some(future),
        deadline: sleep(duration),
    }
}

/// Gives a future time until an instant, which may have passed. Otherwise as [`timeout`].
///
/// Several futures, one after the other, can be given one deadline together.
///
/// # Errors
///
/// [`Elapsed`] if the time has passed.
///
/// # Cancellation
///
/// Dropping the timeout drops the future.
///
/// ```
/// use laneway::time::{Elapsed, sleep, timeout_at};
/// use std::future::pending;
/// use std::time::{Duration, Instant};
///
/// laneway::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(5);
///     let _in_time_or_not = timeout_at(deadline, sleep(Duration::from_millis(1))).await;
///     assert_eq!(timeout_at(deadline, pending::<()>()).await, Err(Elapsed));
///     assert!(Instant::now() >= deadline);
/// });
/// ```
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        deadline: sleep_until(deadline),
    }
}

pin_project! {
    /// A future with a deadline. Made by [`timeout`] and [`timeout_at`].
    ///
    /// ```
    /// use laneway::time::{Timeout, timeout};
    /// use std::future::{Ready, ready};
    /// use std::time::{Duration, Instant};
    ///
    /// let limited: Timeout<Ready<u8>> = timeout(Duration::from_secs(1), ready(1));
    /// assert_eq!(laneway::block_on(limited), Ok(1));
    /// ```
    #[derive(Debug)]
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        // None once it has ended or its time has passed.
        #[pin]
        future: Option<F>,
        #[pin]
        deadline: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a timeout is not polled after it has ended");
        let result = match future.poll(cx) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending if this.deadline.poll(cx).is_ready() => Err(Elapsed),
            Poll::Pending => return Poll::Pending,
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

/// The time of a [`timeout`] or a [`timeout_at`] has passed.
///
/// Where errors are [`io::Error`]s, `?` makes one of kind [`TimedOut`](io::ErrorKind::TimedOut) of
/// it.
///
/// ```
/// use laneway::time::{Elapsed, timeout};
/// use std::future::pending;
/// use std::io;
/// use std::time::Duration;
///
/// assert_eq!(Elapsed.to_string(), "the deadline has passed");
///
/// async fn read() -> io::Result<u8> {
///     timeout(Duration::from_millis(1), pending::<io::Result<u8>>()).await?
/// }
/// assert_eq!(laneway::block_on(read()).unwrap_err().kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
