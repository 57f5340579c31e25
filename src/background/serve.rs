//! Requests meet the handler: one after the other, or many beside each other.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use super::errand::{AfterPanic, Errand, Payload, Session};
use super::exchange::SharedExchange;
use super::in_flight::{Advance, InFlight};
use super::lodging::Lodging;
use super::mailbox::Inbox;

/// Serves one request at a time until no caller is left.
///
/// # Errors
///
/// The payload of the handler's panic.
pub(super) async fn in_order<L: Lodging, S, Req, Res, H>(
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
        let mut errand = pin!(errand.run(async { L::lodge(handler(&mut *state, request)).await }));
        let ended = poll_fn(|cx| {
            let polled = errand.as_mut().poll(cx);
            if polled.is_pending() {
                inbox.suspend();
            }
            polled
        });
        ended.await?;
    }
    Ok(())
}

/// Serves up to `limit` requests beside each other, until no caller is left.
///
/// # Errors
///
/// The payload of the handler's panic. The other requests in flight are dropped.
pub(super) async fn concurrently<L: Lodging, S, Req, Res, H>(
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
                in_flight.push(errand.run(async { L::lodge(handler(state, request)).await }));
            }
            Next::Ended(ended) => ended?,
            Next::Over => return Ok(()),
        }
    }
}

/// The next event where many requests are in flight.
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
    // The requests under way go first: that makes room.
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
