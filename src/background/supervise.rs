//! The life of a background: once, or again and again.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::task::Poll;

use futures_lite::future::{or, yield_now};

use super::close_reason::CloseReason;
use super::errand::{Payload, caught};
use super::lodging::Lodging;
use super::mailbox::{Inbox, count};
use super::restart::{Decision, Restarts};
use crate::ground::shield::{drop_shielded, log_error, message};
use crate::time::{now, sleep};

/// Serves with one state, and ends with it. A panic of the handler goes on from here, after every
/// caller has been told.
pub(super) async fn once<S, Req, Res>(
    mut state: S,
    mut inbox: Inbox<Req, Res>,
    mut serve: impl AsyncFnMut(&mut S, &mut Inbox<Req, Res>) -> Result<(), Payload>,
) {
    if let Err(payload) = serve(&mut state, &mut inbox).await {
        inbox.end(CloseReason::panicked(&*payload));
        // A second panic while the first one unwinds would abort the process.
        drop_shielded(state);
        resume_unwind(payload);
    }
}

/// Serves with one state after the other, until no caller is left or the policy gives up.
pub(super) async fn restarting<L: Lodging, S, Req, Res>(
    mut make: impl AsyncFnMut() -> S,
    mut inbox: Inbox<Req, Res>,
    mut serve: impl AsyncFnMut(&mut S, &mut Inbox<Req, Res>) -> Result<(), Payload>,
    mut restarts: Restarts,
    name: &str,
) {
    while let Err(payload) = one_life::<L, _, _, _>(&mut make, &mut inbox, &mut serve).await {
        match restarts.after_panic(now(), fastrand::f64()) {
            Decision::RestartAfter(pause) => {
                log_error(format_args!(
                    "the background {name:?} panicked and restarts in {pause:?}: {}",
                    message(&*payload)
                ));
                drop_shielded(payload);
                count(&inbox.mailbox().counts.restarts);
                let pause = or(sleep(pause), shutdown(&inbox));
                if unless_over(&mut inbox, pause).await.is_none() {
                    return;
                }
                // Without a pause, a state that panics at once would never let go of the thread.
                yield_now().await;
            }
            Decision::GiveUp => {
                inbox.end(CloseReason::panicked(&*payload));
                resume_unwind(payload);
            }
        }
    }
}

/// Makes a state and serves with it.
async fn one_life<L: Lodging, S, Req, Res>(
    make: &mut impl AsyncFnMut() -> S,
    inbox: &mut Inbox<Req, Res>,
    serve: &mut impl AsyncFnMut(&mut S, &mut Inbox<Req, Res>) -> Result<(), Payload>,
) -> Result<(), Payload> {
    let made = caught(unless_over(inbox, async { L::lodge(make()).await })).await?;
    let Some(mut state) = made else {
        return Ok(());
    };
    let served = caught(serve(&mut state, inbox)).await;
    let ended = served.and_then(|ended| ended);
    if ended.is_err() {
        drop_shielded(state);
    }
    ended
}

/// Waits for shutdown to begin, where it has not: what is queued is to be served before the
/// deadline. A pause that begins later is a whole one.
fn shutdown<Req, Res>(inbox: &Inbox<Req, Res>) -> impl Future<Output = ()> + use<Req, Res> {
    let mailbox = inbox.mailbox();
    let has_begun = mailbox.shuts_down();
    // The background is polled when it begins.
    poll_fn(move |_| match !has_begun && mailbox.shuts_down() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
}

/// Waits for a future, or until no caller is left and none can come, which gives `None`.
async fn unless_over<F: Future, Req, Res>(
    inbox: &mut Inbox<Req, Res>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if inbox.poll_over(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
