//! Requests meet the handler: one after the other, or many beside each other.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use super::call_error::CallError;
use super::close_reason::{CloseReason, panic_message};
use super::exchange::{Exchange, SharedExchange};
use super::in_flight::{Advance, InFlight};
use super::mailbox::{Inbox, Mailbox, count};

/// What a panic left.
pub(super) type Payload = Box<dyn Any + Send>;

/// What a panic means for the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterPanic {
    Ends,
    Restarts,
}

/// Gives a future's panic as a value.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, Payload> {
    let mut future = pin!(future);
    poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        },
    )
    .await
}

/// Serves one request at a time, in the order in which they came, until nobody is left.
///
/// # Errors
///
/// What the handler panicked with.
pub(super) async fn in_order<S, Req, Res, H>(
    state: &mut S,
    handler: &mut H,
    inbox: &mut Inbox<Req, Res>,
    after_panic: AfterPanic,
) -> Result<(), Payload>
where
    H: AsyncFnMut(&mut S, Req) -> Res,
{
    let session = Session::new(inbox, after_panic);
    while let Some((request, exchange)) = poll_fn(|cx| inbox.poll_next(cx)).await {
        let errand = Errand::new(exchange, &session);
        let mut handled = pin!(caught(async { handler(&mut *state, request).await }));
        let reply = poll_fn(|cx| {
            let polled = handled.as_mut().poll(cx);
            if polled.is_pending() {
                inbox.suspend();
            }
            polled
        });
        errand.end(reply.await)?;
    }
    Ok(())
}

/// Serves up to `limit` requests beside each other, until nobody is left.
///
/// # Errors
///
/// What the handler panicked with. The other requests in flight are dropped.
pub(super) async fn concurrently<S, Req, Res, H>(
    state: &S,
    handler: &H,
    inbox: &mut Inbox<Req, Res>,
    limit: usize,
    after_panic: AfterPanic,
) -> Result<(), Payload>
where
    H: AsyncFn(&S, Req) -> Res,
{
    let session = Session::new(inbox, after_panic);
    let mut in_flight = InFlight::new();
    loop {
        let next = poll_fn(|cx| poll_next(&mut in_flight, inbox, limit, cx)).await;
        match next {
            Next::Request(request, exchange) => {
                let errand = Errand::new(exchange, &session);
                in_flight.push(async move {
                    let reply = caught(async { handler(state, request).await }).await;
                    errand.end(reply)
                });
            }
            Next::Ended(ended) => ended?,
            Next::Over => return Ok(()),
        }
    }
}

/// What comes next where many requests are in flight.
enum Next<Req, Res> {
    Request(Req, SharedExchange<Req, Res>),
    Ended(Result<(), Payload>),
    Over,
}

fn poll_next<F, Req, Res>(
    in_flight: &mut InFlight<F>,
    inbox: &mut Inbox<Req, Res>,
    limit: usize,
    cx: &mut Context<'_>,
) -> Poll<Next<Req, Res>>
where
    F: Future<Output = Result<(), Payload>>,
{
    // What is under way goes first: it makes room.
    match in_flight.advance(cx) {
        Advance::Ended(ended) => return Poll::Ready(Next::Ended(ended)),
        Advance::Enough => {
            inbox.suspend();
            return Poll::Pending;
        }
        Advance::Idle => {}
    }
    if in_flight.len() < limit {
        match inbox.poll_next(cx) {
            Poll::Ready(Some((request, exchange))) => {
                return Poll::Ready(Next::Request(request, exchange));
            }
            Poll::Ready(None) if in_flight.len() == 0 => return Poll::Ready(Next::Over),
            Poll::Ready(None) | Poll::Pending => {}
        }
    }
    if !in_flight.wait(cx.waker()) {
        // Woken since then. Not polled again here: that could go on for long.
        cx.waker().wake_by_ref();
    }
    inbox.suspend();
    Poll::Pending
}

/// From the making of a state to its end.
struct Session<Req, Res> {
    mailbox: Arc<Mailbox<Req, Res>>,
    after_panic: AfterPanic,
    /// Its message when a handler panics, before the rest of what is in flight is dropped.
    panic: OnceLock<Arc<str>>,
}

impl<Req, Res> Session<Req, Res> {
    fn new(inbox: &Inbox<Req, Res>, after_panic: AfterPanic) -> Session<Req, Res> {
        Session {
            mailbox: inbox.mailbox(),
            after_panic,
            panic: OnceLock::new(),
        }
    }

    /// What callers are told whose request is dropped.
    fn loss(&self) -> CallError {
        let Some(message) = self.panic.get().cloned() else {
            return CallError::Closed(CloseReason::Dropped);
        };
        match self.after_panic {
            AfterPanic::Restarts => CallError::Panicked(message),
            AfterPanic::Ends => CallError::Closed(CloseReason::Panicked(message)),
        }
    }
}

/// A request that the handler has taken. Dropped before its end, it tells the caller.
struct Errand<'s, Req, Res> {
    /// None once the caller has been told.
    exchange: Option<SharedExchange<Req, Res>>,
    session: &'s Session<Req, Res>,
}

impl<'s, Req, Res> Errand<'s, Req, Res> {
    fn new(
        exchange: SharedExchange<Req, Res>,
        session: &'s Session<Req, Res>,
    ) -> Errand<'s, Req, Res> {
        Errand {
            exchange: Some(exchange),
            session,
        }
    }

    /// Replies, or notes that the handler panicked.
    fn end(mut self, reply: Result<Res, Payload>) -> Result<(), Payload> {
        match reply {
            Ok(reply) => {
                // Counted first: whoever has the reply sees the count.
                count(&self.session.mailbox.counts.completed);
                if let Some(exchange) = self.exchange.take() {
                    Exchange::reply(exchange, Ok(reply));
                }
                Ok(())
            }
            Err(payload) => {
                self.session.panic.get_or_init(|| panic_message(&*payload));
                Err(payload)
            }
        }
    }
}

impl<Req, Res> Drop for Errand<'_, Req, Res> {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            count(&self.session.mailbox.counts.lost);
            Exchange::reply(exchange, Err(self.session.loss()));
        }
    }
}
