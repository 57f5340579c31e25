//! The callers' side: the handle, a call on its way, and what can become of it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::call_error::{CallError, TryCallError};
use super::close_reason::CloseReason;
use super::exchange::{Exchange, GivenUp, SharedExchange};
use super::mailbox::{Awaited, Mailbox, Patience, Refused};
use super::service_metrics::ServiceMetrics;
use crate::ground::poll::budget::Waited;
use crate::time::{Elapsed, Timeout, timeout};

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
    mailbox: AnyMailbox<Req, Res>,
}

/// The mailbox of a service.
pub(super) enum AnyMailbox<Req, Res> {
    Plain(Arc<Mailbox<Req, Res>>),
    /// Requests and replies lie in boxes, since either, or the state, is large.
    OfBoxes(Arc<Mailbox<Box<Req>, Box<Res>>>),
}

impl<Req, Res> ServiceHandle<Req, Res> {
    /// The first handle; the mailbox counts it already.
    pub(super) fn first(mailbox: AnyMailbox<Req, Res>) -> ServiceHandle<Req, Res> {
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
    /// Nothing is sent before the first poll. A drop of the call after that is no error: a request
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
        let sending = match &self.mailbox {
            AnyMailbox::Plain(mailbox) => Sending::Plain(PlainCall::new(mailbox, request)),
            AnyMailbox::OfBoxes(mailbox) => {
                Sending::InBox(PlainCall::new(mailbox, Box::new(request)))
            }
        };
        Call { sending }
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
    /// // No background serves it yet.
    /// assert_eq!(handle.try_call(22).unwrap_err(), TryCallError::Busy(22));
    ///
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(reply), Ok(42));
    /// ```
    pub fn try_call(&self, request: Req) -> Result<Reply<Req, Res>, TryCallError<Req>> {
        match &self.mailbox {
            AnyMailbox::Plain(mailbox) => try_plain_call(mailbox, request),
            AnyMailbox::OfBoxes(mailbox) => try_boxed_call(mailbox, Box::new(request)),
        }
    }

    /// Calls the service as [`call`](ServiceHandle::call) does, and gives up after `limit`. The
    /// time runs from this call, and includes the wait for room and for the handler.
    ///
    /// # Errors
    ///
    /// Those of [`call`](ServiceHandle::call), and [`CallError::TimedOut`]. The request has
    /// the fate then that it has when a call is dropped.
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
        let mut limited = match self.call(request).sending {
            Sending::Plain(call) => LimitedCall::Plain(timeout(limit, call)),
            Sending::InBox(call) => LimitedCall::InBox(timeout(limit, call)),
        };
        poll_fn(move |cx| match &mut limited {
            LimitedCall::Plain(call) => Pin::new(call).poll(cx).map(in_time),
            LimitedCall::InBox(call) => Pin::new(call).poll(cx).map(in_time).map(unboxed),
        })
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
        match &self.mailbox {
            AnyMailbox::Plain(mailbox) => mailbox.close_admission(CloseReason::ByHandle),
            AnyMailbox::OfBoxes(mailbox) => mailbox.close_admission(CloseReason::ByHandle),
        }
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
        match &self.mailbox {
            AnyMailbox::Plain(mailbox) => mailbox.is_closed(),
            AnyMailbox::OfBoxes(mailbox) => mailbox.is_closed(),
        }
    }

    /// The counts of the background so far. See [`ServiceMetrics`].
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
        match &self.mailbox {
            AnyMailbox::Plain(mailbox) => mailbox.metrics(),
            AnyMailbox::OfBoxes(mailbox) => mailbox.metrics(),
        }
    }
}

impl<Req, Res> Clone for ServiceHandle<Req, Res> {
    fn clone(&self) -> ServiceHandle<Req, Res> {
        let mailbox = match &self.mailbox {
            AnyMailbox::Plain(mailbox) => {
                mailbox.add_handle();
                AnyMailbox::Plain(mailbox.clone())
            }
            AnyMailbox::OfBoxes(mailbox) => {
                mailbox.add_handle();
                AnyMailbox::OfBoxes(mailbox.clone())
            }
        };
        ServiceHandle { mailbox }
    }
}

impl<Req, Res> Drop for ServiceHandle<Req, Res> {
    fn drop(&mut self) {
        match &self.mailbox {
            AnyMailbox::Plain(mailbox) => mailbox.remove_handle(),
            AnyMailbox::OfBoxes(mailbox) => mailbox.remove_handle(),
        }
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
    sending: Sending<'h, Req, Res>,
}

/// A call on the way that its service has for requests and replies.
enum Sending<'h, Req, Res> {
    Plain(PlainCall<'h, Req, Res>),
    InBox(PlainCall<'h, Box<Req>, Box<Res>>),
}

/// The same with a deadline.
enum LimitedCall<'h, Req, Res> {
    Plain(Timeout<PlainCall<'h, Req, Res>>),
    InBox(Timeout<PlainCall<'h, Box<Req>, Box<Res>>>),
}

impl<Req, Res> Future for Call<'_, Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.sending {
            Sending::Plain(call) => Pin::new(call).poll(cx),
            Sending::InBox(call) => poll_unboxed(call, cx),
        }
    }
}

/// Polls for a reply in a box, and takes it out.
fn poll_unboxed<Res>(
    mut reply: impl Future<Output = Result<Box<Res>, CallError>> + Unpin,
    cx: &mut Context<'_>,
) -> Poll<Result<Res, CallError>> {
    Poll::Ready(unboxed(ready!(Pin::new(&mut reply).poll(cx))))
}

fn unboxed<Res>(reply: Result<Box<Res>, CallError>) -> Result<Res, CallError> {
    match reply {
        Ok(reply) => Ok(*reply),
        Err(error) => Err(error),
    }
}

fn in_time<Res>(reply: Result<Result<Res, CallError>, Elapsed>) -> Result<Res, CallError> {
    reply.unwrap_or(Err(CallError::TimedOut))
}

// Functions of their own, since in a build without optimisations a frame has room for all values
// that any of its branches has.

fn try_plain_call<Req, Res>(
    mailbox: &Arc<Mailbox<Req, Res>>,
    request: Req,
) -> Result<Reply<Req, Res>, TryCallError<Req>> {
    match PlainReply::try_call(mailbox, request) {
        Ok(reply) => Ok(Reply(AnyReply::Plain(reply))),
        Err((request, Refused::Busy)) => Err(TryCallError::Busy(request)),
        Err((request, Refused::Closed(reason))) => Err(TryCallError::Closed(request, reason)),
    }
}

fn try_boxed_call<Req, Res>(
    mailbox: &Arc<Mailbox<Box<Req>, Box<Res>>>,
    request: Box<Req>,
) -> Result<Reply<Req, Res>, TryCallError<Req>> {
    match PlainReply::try_call(mailbox, request) {
        Ok(reply) => Ok(Reply(AnyReply::InBox(reply))),
        Err((request, Refused::Busy)) => Err(TryCallError::Busy(*request)),
        Err((request, Refused::Closed(reason))) => Err(TryCallError::Closed(*request, reason)),
    }
}

/// A call whose request and reply go as they are.
struct PlainCall<'h, Req, Res> {
    mailbox: &'h Mailbox<Req, Res>,
    stage: CallStage<Req, Res>,
    waited: Waited,
    awaited: Awaited,
}

enum CallStage<Req, Res> {
    NotSent(SharedExchange<Req, Res>),
    Sent(SharedExchange<Req, Res>),
    Over,
}

// Nothing in it is pinned.
impl<Req, Res> Unpin for PlainCall<'_, Req, Res> {}

impl<'h, Req, Res> PlainCall<'h, Req, Res> {
    fn new(mailbox: &'h Mailbox<Req, Res>, request: Req) -> PlainCall<'h, Req, Res> {
        PlainCall {
            mailbox,
            stage: CallStage::NotSent(Exchange::new(request)),
            waited: Waited::No,
            awaited: Awaited::AsMade,
        }
    }

    fn send(
        &mut self,
        mut exchange: SharedExchange<Req, Res>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Res, CallError>> {
        let caller = Some(cx.waker());
        let entered = self
            .mailbox
            .enter(&mut exchange, caller, Patience::WaitsForRoom);
        match entered {
            Ok(()) => {
                self.stage = CallStage::Sent(exchange);
                Poll::Pending
            }
            Err(Refused::Closed(reason)) => {
                let refused = CallError::Closed(reason);
                let refused = self.waited.poll(cx, |_| Poll::Ready(refused));
                if refused.is_pending() {
                    self.stage = CallStage::NotSent(exchange);
                }
                refused.map(Err)
            }
            Err(Refused::Busy) => unreachable!("a call waits for room"),
        }
    }
}

impl<Req, Res> Future for PlainCall<'_, Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match mem::replace(&mut self.stage, CallStage::Over) {
            CallStage::NotSent(exchange) => self.send(exchange, cx),
            CallStage::Sent(exchange) => match Exchange::poll_reply(exchange, cx) {
                Ok(reply) => {
                    self.mailbox.is_awaited_no_more(&mut self.awaited);
                    Poll::Ready(reply)
                }
                Err(exchange) => {
                    let urgency = exchange.urgency;
                    self.stage = CallStage::Sent(exchange);
                    self.mailbox.note_awaiter(urgency, &mut self.awaited);
                    Poll::Pending
                }
            },
            CallStage::Over => panic!("a call is not polled again after its reply"),
        }
    }
}

impl<Req, Res> Drop for PlainCall<'_, Req, Res> {
    fn drop(&mut self) {
        if let CallStage::Sent(exchange) = &self.stage {
            give_up(exchange, self.mailbox);
            self.mailbox.is_awaited_no_more(&mut self.awaited);
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
pub struct Reply<Req, Res>(AnyReply<Req, Res>);

enum AnyReply<Req, Res> {
    Plain(PlainReply<Req, Res>),
    InBox(PlainReply<Box<Req>, Box<Res>>),
}

impl<Req, Res> Reply<Req, Res> {
    /// Has the request handled without a reader for the reply.
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
    pub fn detach(self) {
        match self.0 {
            AnyReply::Plain(reply) => reply.detach(),
            AnyReply::InBox(reply) => reply.detach(),
        }
    }
}

impl<Req, Res> Future for Reply<Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            AnyReply::Plain(reply) => Pin::new(reply).poll(cx),
            AnyReply::InBox(reply) => poll_unboxed(reply, cx),
        }
    }
}

/// A reply that comes as it is.
struct PlainReply<Req, Res> {
    /// None once the reply has been given out, or is left alone.
    exchange: Option<SharedExchange<Req, Res>>,
    mailbox: Arc<Mailbox<Req, Res>>,
    waited: Waited,
    awaited: Awaited,
}

impl<Req, Res> PlainReply<Req, Res> {
    /// Sends a request if there is room for it, and gives it back otherwise.
    fn try_call(
        mailbox: &Arc<Mailbox<Req, Res>>,
        request: Req,
    ) -> Result<PlainReply<Req, Res>, (Req, Refused)> {
        let mut exchange = Exchange::new(request);
        match mailbox.enter(&mut exchange, None, Patience::NeedsRoom) {
            Ok(()) => Ok(PlainReply {
                exchange: Some(exchange),
                mailbox: mailbox.clone(),
                waited: Waited::No,
                awaited: Awaited::AsMade,
            }),
            Err(refused) => {
                let request = exchange.take();
                let request = request.expect("a call that has not entered has its request");
                Err((request, refused))
            }
        }
    }

    fn detach(mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.forget_caller();
            self.mailbox.is_awaited_no_more(&mut self.awaited);
        }
    }
}

// Nothing in it is pinned.
impl<Req, Res> Unpin for PlainReply<Req, Res> {}

impl<Req, Res> Future for PlainReply<Req, Res> {
    type Output = Result<Res, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let PlainReply {
            exchange,
            mailbox,
            waited,
            awaited,
        } = &mut *self;
        waited.poll(cx, |cx| {
            let asked = exchange.take();
            let asked = asked.expect("a reply is not polled again after its end");
            match Exchange::poll_reply(asked, cx) {
                Ok(reply) => {
                    mailbox.is_awaited_no_more(awaited);
                    Poll::Ready(reply)
                }
                Err(asked) => {
                    let urgency = asked.urgency;
                    *exchange = Some(asked);
                    mailbox.note_awaiter(urgency, awaited);
                    Poll::Pending
                }
            }
        })
    }
}

impl<Req, Res> Drop for PlainReply<Req, Res> {
    fn drop(&mut self) {
        if let Some(exchange) = &self.exchange {
            give_up(exchange, &self.mailbox);
            self.mailbox.is_awaited_no_more(&mut self.awaited);
        }
    }
}

impl<Req, Res> fmt::Debug for Reply<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
