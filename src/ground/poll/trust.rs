//! The wakers that are known not to panic.
//!
//! async-task wakes an awaiter where a panic aborts the process, so a foreign waker is called
//! through a shield, which costs an allocation. Wakers of our own do not panic and need none. This
//! file never wakes a task.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use super::budget::with_own_budget;
use super::this_poll::{POLL, with};
use crate::ground::shield::ShieldedWaker;

/// Runs `poll` with `waker` known to be one of ours.
pub(crate) fn trusting<R>(waker: &Waker, poll: impl FnOnce() -> R) -> R {
    let vtable: *const RawWakerVTable = waker.vtable();
    with(|poll| &poll.trusted, vtable, poll)
}

/// Runs a poll that is no task's, with a waker of ours.
pub(crate) fn own_poll<R>(waker: &Waker, poll: impl FnOnce() -> R) -> R {
    with_own_budget(|| trusting(waker, poll))
}

/// As [`trusting`], for the waker of a task. The trust outlasts the poll, which does no harm. The
/// store is left out where it would change nothing (T12).
#[inline]
pub(crate) fn trust_task(waker: &Waker) {
    let vtable: *const RawWakerVTable = waker.vtable();
    POLL.with(|poll| {
        if poll.trusted.get() != vtable {
            poll.trusted.set(vtable);
        }
    });
}

/// Polls one of async-task's futures, which keeps the waker: the waker itself where it is one of
/// ours, or a shield around it.
#[inline]
pub(crate) fn poll_shielded<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    let trusted = POLL.with(|poll| poll.trusted.get());
    if ptr::eq(trusted, cx.waker().vtable()) {
        return future.poll(cx);
    }
    poll_with_shield(future, cx)
}

#[cold]
fn poll_with_shield<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let shielded = ShieldedWaker::around(cx.waker());
    future.poll(&mut Context::from_waker(&shielded))
}
