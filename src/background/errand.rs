//! A request in the hands of the handler, from its beginning to its end.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::abandoned::Abandoned;
use super::call_error::CallError;
use super::call_order::Urgency;
use super::caller_gone::{Absence, answering};
use super::close_reason::{CloseReason, panic_message};
use super::exchange::{Exchange, SharedExchange};
use super::mailbox::{Inbox, Mailbox, count};

/// The payload of a panic.
pub(super) type Payload = Box<dyn Any + Send>;

/// The consequence of a panic for the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterPanic {
    Ends,
    Restarts,
}

/// Polls a future and gives its panic as a value.
#[inline]
pub(super) fn poll_caught<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Payload>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(payload)),
    }
}

pin_project! {
    /// A future whose panic is a value. Not an async fn, which would hold its future twice.
    pub(super) struct Caught<F> {
        #[pin]
        future: F,
    }
}

/// Gives a future's panic as a value.
pub(super) fn caught<F: Future>(future: F) -> Caught<F> {
    Caught { future }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_caught(self.project().future, cx)
    }
}

/// From the making of a state to its end.
pub(super) struct Session<Req, Res> {
    mailbox: Arc<Mailbox<Req, Res>>,
    after_panic: AfterPanic,
    abandoned: Abandoned,
    /// Its message when a handler panics, before the rest of what is in flight is dropped.
    panic: OnceLock<Arc<str>>,
}

impl<Req, Res> Session<Req, Res> {
    pub(super) fn new(inbox: &Inbox<Req, Res>, after_panic: AfterPanic) -> Session<Req, Res> {
        Session {
            mailbox: inbox.mailbox(),
            after_panic,
            abandoned: inbox.abandoned(),
            panic: OnceLock::new(),
        }
    }

    /// The error for callers whose request is dropped.
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
pub(super) struct Errand<'s, Req, Res> {
    urgency: Urgency,
    /// None once the caller has been told.
    exchange: Option<SharedExchange<Req, Res>>,
    session: &'s Session<Req, Res>,
    /// There if the handler has asked for its caller.
    absence: Option<Arc<Absence>>,
}

/// How a request ends unless the handler panics.
enum HandlerEnd<Res> {
    Replied(Res),
    /// With its caller.
    Abandoned,
}

impl<'s, Req, Res> Errand<'s, Req, Res> {
    pub(super) fn new(
        exchange: SharedExchange<Req, Res>,
        session: &'s Session<Req, Res>,
    ) -> Errand<'s, Req, Res> {
        Errand {
            urgency: exchange.urgency,
            exchange: Some(exchange),
            session,
            absence: None,
        }
    }

    /// Runs the handler and replies.
    ///
    /// # Errors
    ///
    /// The payload of the handler's panic.
    pub(super) fn run<H: Future<Output = Res>>(self, handler: H) -> AtWork<'s, Req, Res, H> {
        AtWork {
            handler: Some(handler),
            errand: self,
        }
    }

    #[inline]
    fn poll_handler(
        &mut self,
        handler: Pin<&mut impl Future<Output = Res>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HandlerEnd<Res>, Payload>> {
        if self.session.abandoned == Abandoned::Dropped && self.caller_has_left(cx) {
            return Poll::Ready(Ok(HandlerEnd::Abandoned));
        }
        self.tell_absence(cx);
        let polled = answering(&mut self.absence, || poll_caught(handler, cx));
        if polled.is_pending() {
            self.tell_absence(cx);
        }
        polled.map_ok(HandlerEnd::Replied)
    }

    /// Tells the handler, if it has asked, whether its caller has left.
    #[inline]
    fn tell_absence(&self, cx: &mut Context<'_>) {
        if let Some(absence) = &self.absence
            && self.caller_has_left(cx)
        {
            absence.tell();
        }
    }

    /// Whether the caller has given up. If not, it wakes this when it does.
    fn caller_has_left(&self, cx: &mut Context<'_>) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(|exchange| exchange.poll_given_up(cx).is_ready())
    }

    /// Replies, or notes that the handler panicked.
    #[inline]
    fn end(&mut self, ended: Result<HandlerEnd<Res>, Payload>) -> Result<(), Payload> {
        let counts = &self.session.mailbox.counts;
        match ended {
            Ok(HandlerEnd::Replied(reply)) => {
                // Counted first: a caller that has the reply sees the count.
                count(&counts.completed);
                if let Some(exchange) = self.exchange.take() {
                    Exchange::reply(exchange, Ok(reply));
                }
                Ok(())
            }
            Ok(HandlerEnd::Abandoned) => {
                count(&counts.abandoned);
                self.exchange = None;
                Ok(())
            }
            Err(payload) => {
                self.session.panic.get_or_init(|| panic_message(&*payload));
                Err(payload)
            }
        }
    }
}

pin_project! {
    /// A handler with its errand. Not an async fn, as above.
    pub(super) struct AtWork<'s, Req, Res, H> {
        // Dropped before the errand, which tells the caller.
        #[pin]
        handler: Option<H>,
        errand: Errand<'s, Req, Res>,
    }
}

impl<Req, Res, H: Future<Output = Res>> Future for AtWork<'_, Req, Res, H> {
    type Output = Result<(), Payload>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let handler = this.handler.as_mut().as_pin_mut();
        let handler = handler.expect("it is not polled after its end");
        let ended = ready!(this.errand.poll_handler(handler, cx));
        // Before the reply: what the handler held is free then.
        let dropped = catch_unwind(AssertUnwindSafe(|| this.handler.set(None)));
        Poll::Ready(this.errand.end(match dropped {
            Ok(()) => ended,
            Err(payload) => ended.and(Err(payload)),
        }))
    }
}

impl<Req, Res> Drop for Errand<'_, Req, Res> {
    #[inline]
    fn drop(&mut self) {
        self.session.mailbox.replied(self.urgency);
        if let Some(exchange) = self.exchange.take() {
            count(&self.session.mailbox.counts.lost);
            Exchange::reply(exchange, Err(self.session.loss()));
        }
    }
}
