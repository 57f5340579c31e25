//! The callers' side: the handle, a call on its way, and what can become of it.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::call_error::{CallError, TryCallError};
use super::close_reason::CloseReason;
use super::exchange::{Exchange, GivenUp, SharedExchange};
use super::mailbox::{Mailbox, Patience, Refused};
use super::service_metrics::ServiceMetrics;
use crate::poll::budget::Waited;
use crate::time::timeout;

/// Sends requests to a background and awaits its replies.
///
/// Cheap to clone, and of use everywhere: in tasks of this runtime, on other executors, and on
/// plain threads by [`block_on`](crate::block_on).
///
/// When the last handle is dropped, the background serves the requests that it holds and ends. A
/// handle inside the background's own state therefore keeps it alive;
/// [`close`](ServiceHandle::close) ends it in spite of that. To await one's own background in a
/// handler is to wait for oneself, where it serves one request at a time.
///
/// ```
/// use laneway::{background, block_on, spawn_task};
///
/// let add = async |sum: &mut u64, n: u64| {
///     *sum += n;
///     *sum
/// };
/// let (sum, background) = background::service(0, add);
/// spawn_task!(background).detach();
///
/// let elsewhere = sum.clone();
/// std::thread::spawn(move || block_on(elsewhere.call(20))).join().unwrap()?;
/// assert_eq!(block_on(sum.call(22)), Ok(42));
/// # Ok::<(), background::CallError>(())
/// ```
pub struct ServiceHandle<Req, Res> {
    mailbox: Arc<Mailbox<Req, Res>>,
}

impl<Req, Res> ServiceHandle<Req, Res> {
    /// The first handle; the mailbox counts it already.
    pub(super) fn first(mailbox: Arc<Mailbox<Req, Res>>) -> ServiceHandle<Req, Res> {
        ServiceHandle { mailbox }
    }

    /// Sends a request and awaits the reply. Where the background is
    /// [`bounded`](super::Service::bounded), this includes the wait for room.
    ///
    /// # Errors
    ///
    /// [`CallError::Closed`] at once if the background has ended or been closed, and as soon as it
    /// ends otherwise. [`CallError::Panicked`] from a background that restarts.
    ///
    /// # Cancellation
    ///
    /// Nothing is sent before the first poll. To drop the call after that is no error: a request
    /// that the handler has not taken is dropped at once and never handled; one that it has taken
    /// is handled to the end, and the reply is dropped, unless
    /// [`Service::abandoned`](super::Service::abandoned) says otherwise.
    ///
    /// ```
    /// use laneway::{background, block_on, spawn_task};
    ///
    /// let (words, background) = background::service(
    ///     Vec::new(),
    ///     async |words: &mut Vec<String>, word: &str| {
    ///         words.push(word.to_owned());
    ///         words.len()
    ///     },
    /// );
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(words.call("slow")), Ok(1));
    /// assert_eq!(block_on(words.call("lane")), Ok(2));
    /// ```
    pub fn call(&self, request: Req) -> Call<'_, Req, Res> {
        Call {
            handle: self,
            stage: CallStage::NotSent(request),
            waited: Waited::No,
        }
    }

    /// Sends a request if there is room for it, without waiting. The reply can be awaited, or
    /// left alone.
    ///
    /// An unbounded background always has room.
    ///
    /// # Errors
    ///
    /// Gives the request back: [`TryCallError::Busy`] if as many requests as the bound, or more,
    /// wait for the handler; [`TryCallError::Closed`] if the background has ended or been closed.
    ///
    /// ```
    /// use laneway::background::{Service, TryCallError};
    /// use laneway::{block_on, spawn_task};
    ///
    /// let double = async |_: &mut (), n: u64| 2 * n;
    /// let (handle, background) = Service::new().bounded(1).build((), double);
    /// let reply = handle.try_call(21).unwrap();
    /// // Nobody serves it yet.
    /// assert_eq!(handle.try_call(22).unwrap_err(), TryCallError::Busy(22));
    ///
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(reply), Ok(42));
    /// ```
    pub fn try_call(&self, request: Req) -> Result<Reply<Req, Res>, TryCallError<Req>> {
        let entered = self.mailbox.enter(request, None, Patience::NeedsRoom);
        match entered {
            Ok(exchange) => Ok(Reply {
                exchange: Some(exchange),
                mailbox: self.mailbox.clone(),
                waited: Waited::No,
            }),
            Err((request, Refused::Busy)) => Err(TryCallError::Busy(request)),
            Err((request, Refused::Closed(reason))) => Err(TryCallError::Closed(request, reason)),
        }
    }

    /// As [`call`](ServiceHandle::call), for so long at most. The time runs from this call, and
    /// includes the wait for room and for the handler.
    ///
    /// # Errors
    ///
    /// Those of [`call`](ServiceHandle::call), and [`CallError::TimedOut`]. What has become of the
    /// request then is what becomes of it when a call is dropped.
    ///
    /// ```
    /// use laneway::background::{self, CallError};
    /// use laneway::{block_on, spawn_task};
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let hangs = async |_: &mut (), _: u8| pending::<u8>().await;
    /// let (stuck, background) = background::service((), hangs);
    /// spawn_task!(background).detach();
    /// let reply = block_on(stuck.call_timeout(1, Duration::from_millis(5)));
    /// assert_eq!(reply, Err(CallError::TimedOut));
    /// ```
    pub fn call_timeout(
        &self,
        request: Req,
        limit: Duration,
    ) -> impl Future<Output = Result<Res, CallError>> + use<'_, Req, Res> {
        let call = timeout(limit, self.call(request));
        async { call.await.unwrap_or(Err(CallError::TimedOut)) }
    }

    /// Lets no further requests in, through any handle. The background serves those it holds and
    /// ends.
    ///
    /// ```
    /// use laneway::background::{self, CallError, CloseReason};
    /// use laneway::{block_on, spawn_task};
    ///
    /// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    /// let task = spawn_task!(background);
    /// echo.close();
    /// block_on(task);
    /// let closed = CallError::Closed(CloseReason::ByHandle);
    /// assert_eq!(block_on(echo.call(1)), Err(closed));
    /// ```
    pub fn close(&self) {
        self.mailbox.close_admission(CloseReason::ByHandle);
    }

    /// Whether further requests are refused: the background has ended, or been closed.
    ///
    /// ```
    /// use laneway::background;
    ///
    /// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    /// assert!(!echo.is_closed());
    /// drop(background);
    /// assert!(echo.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.mailbox.is_closed()
    }

    /// What the background has done so far. See [`ServiceMetrics`].
    ///
    /// ```
    /// use laneway::{background, block_on, spawn_task};
    ///
    /// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    /// spawn_task!(background).detach();
    /// block_on(echo.call(1))?;
    /// assert_eq!(echo.metrics().completed, 1);
    /// # Ok::<(), background::CallError>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> ServiceMetrics {
        self.mailbox.metrics()
    }
}

impl<Req, Res> Clone for ServiceHandle<Req, Res> {
    fn clone(&self) -> ServiceHandle<Req, Res> {
        self.mailbox.add_handle();
        ServiceHandle {
            mailbox: self.mailbox.clone(),
        }
    }
}

impl<Req, Res> Drop for ServiceHandle<Req, Res> {
    fn drop(&mut self) {
        self.mailbox.remove_handle();
    }
}

impl<Req, Res> fmt::Debug for ServiceHandle<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandle")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A request and the wait for its reply. Made by [`ServiceHandle::call`], which says what dropping
/// it does.
///
/// # Panics
///
/// If polled again after its reply.
#[must_use = "a call sends nothing unless it is awaited"]
pub struct Call<'h, Req, Res> {
    handle: &'h ServiceHandle<Req, Res>,
    stage: CallStage<Req, Res>,
    waited: Waited,
}

enum CallStage<Req, Res> {
    NotSent(Req),
    Sent(SharedExchange<Req, Res>),
    Over,
}

// Nothing in it is pinned.
impl<Req, Res> Unpin for Call<'_, Req, Res> {}

impl<Req, Res> Future for Call<'_, Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match mem::replace(&mut self.stage, CallStage::Over) {
            CallStage::NotSent(request) => {
                let mailbox = &self.handle.mailbox;
                match mailbox.enter(request, Some(cx.waker()), Patience::WaitsForRoom) {
                    Ok(exchange) => self.stage = CallStage::Sent(exchange),
                    Err((request, Refused::Closed(reason))) => {
                        let refused = CallError::Closed(reason);
                        let refused = self.waited.poll(cx, |_| Poll::Ready(refused));
                        if refused.is_pending() {
                            self.stage = CallStage::NotSent(request);
                        }
                        return refused.map(Err);
                    }
                    Err((_, Refused::Busy)) => unreachable!("a call waits for room"),
                }
                Poll::Pending
            }
            CallStage::Sent(exchange) => match Exchange::poll_reply(exchange, cx) {
                Ok(reply) => Poll::Ready(reply),
                Err(exchange) => {
                    self.stage = CallStage::Sent(exchange);
                    Poll::Pending
                }
            },
            CallStage::Over => panic!("a call is not polled again after its reply"),
        }
    }
}

impl<Req, Res> Drop for Call<'_, Req, Res> {
    fn drop(&mut self) {
        if let CallStage::Sent(exchange) = &self.stage {
            give_up(exchange, &self.handle.mailbox);
        }
    }
}

impl<Req, Res> fmt::Debug for Call<'_, Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

fn give_up<Req, Res>(exchange: &Exchange<Req, Res>, mailbox: &Mailbox<Req, Res>) {
    match exchange.give_up() {
        // Its request is dropped after this.
        Some(GivenUp::InQueue(_request)) => mailbox.given_up_in_queue(exchange.urgency),
        Some(GivenUp::Begun) | None => {}
    }
}

/// The reply to a request that has been sent. Made by [`ServiceHandle::try_call`]; lives without
/// the handle.
///
/// # Cancellation
///
/// Dropping it gives the call up, as dropping a [`Call`] does.
///
/// # Errors
///
/// As [`ServiceHandle::call`].
///
/// # Panics
///
/// If polled again after its end.
///
/// ```
/// use laneway::{background, block_on, spawn_task};
///
/// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
/// let replies = [1, 2, 3].map(|n| echo.try_call(n).expect("unbounded and open"));
/// drop(echo);
/// spawn_task!(background).detach();
/// assert_eq!(replies.map(block_on), [Ok(1), Ok(2), Ok(3)]);
/// ```
#[must_use = "dropping a Reply gives the call up: await it, or let it go with `detach()`"]
pub struct Reply<Req, Res> {
    /// None once the reply has been given out, or is left alone.
    exchange: Option<SharedExchange<Req, Res>>,
    mailbox: Arc<Mailbox<Req, Res>>,
    waited: Waited,
}

impl<Req, Res> Reply<Req, Res> {
    /// Has the request handled without anybody to read the reply.
    ///
    /// ```
    /// use laneway::{background, block_on, spawn_task};
    ///
    /// let add = async |sum: &mut u64, n: u64| {
    ///     *sum += n;
    ///     *sum
    /// };
    /// let (sum, background) = background::service(0, add);
    /// sum.try_call(1).unwrap().detach();
    /// drop(sum.try_call(20).unwrap());
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(sum.call(300)), Ok(301));
    /// ```
    pub fn detach(mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.forget_caller();
        }
    }
}

// Nothing in it is pinned.
impl<Req, Res> Unpin for Reply<Req, Res> {}

impl<Req, Res> Future for Reply<Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Reply {
            exchange, waited, ..
        } = &mut *self;
        waited.poll(cx, |cx| {
            let asked = exchange.take();
            let asked = asked.expect("a reply is not polled again after its end");
            match Exchange::poll_reply(asked, cx) {
                Ok(reply) => Poll::Ready(reply),
                Err(asked) => {
                    *exchange = Some(asked);
                    Poll::Pending
                }
            }
        })
    }
}

impl<Req, Res> Drop for Reply<Req, Res> {
    fn drop(&mut self) {
        if let Some(exchange) = &self.exchange {
            give_up(exchange, &self.mailbox);
        }
    }
}

impl<Req, Res> fmt::Debug for Reply<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
