//! The number of ready futures that a task may await in one poll.
//!
//! A task gives its thread to others only where it is pending. One that never has to wait, such as
//! a loop over ticks that are late, would keep the thread for ever. So those of our futures that
//! are ready without having been pending are counted, and after 64 of them in one poll the next one
//! is put off: pending once, and woken at once. The task goes to the back of its queue, and comes
//! back with a full budget.
//!
//! A future that has been pending is never put off. The one exception is a task's handle, which is
//! put off once. So beside a branch that uses up every poll's budget, all other branches of a
//! `select!` come to their turn within two polls. A socket that is polled by hand has no future,
//! and notes in its source that it was put off.
//!
//! Budgets belong to polls, and not every poll is ours. Another executor may poll within one of our
//! polls, and code may make a future anew instead of awaiting the one that was put off. So that
//! such a poll goes on as well, the budget is full again after 64 futures have been put off. On a
//! thread of another executor no poll begins that is known here: one future in 1,024 is put off
//! there.
//!
//! This file never wakes a task but the one that it puts off.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::this_poll::{POLL, with};
use super::used::Used;

#[inline]
fn used() -> Used {
    POLL.with(|poll| poll.budget.get())
}

#[inline]
fn note(used: Used) {
    POLL.with(|poll| poll.budget.set(used));
}

/// Gives a full budget to the poll of a task that begins on this thread. Where it lies within
/// another poll, [`InnerLevel`](super::InnerLevel) puts back the budget of that one.
#[inline]
pub(crate) fn begin_poll() {
    note(Used::NOTHING);
}

/// Gives `poll` a budget of its own.
pub(super) fn with_own_budget<R>(poll: impl FnOnce() -> R) -> R {
    with(|poll| &poll.budget, Used::NOTHING, poll)
}

/// Whether a future that is ready and has not been pending is to be [put off](put_off).
#[inline]
#[must_use]
pub(crate) fn is_used_up() -> bool {
    used().is_used_up()
}

/// Counts a future that is ready.
#[inline]
pub(crate) fn count_ready() {
    note(used().after_ready());
}

/// Leaves an awaiter pending, and wakes it.
#[cold]
pub(crate) fn put_off<T>(cx: &Context<'_>) -> Poll<T> {
    note(used().after_put_off());
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Counts an `async fn` that is ready without having been pending, or puts it off once.
pub(crate) async fn spend() {
    let mut waited = Waited::No;
    poll_fn(|cx| waited.poll(cx, |_| Poll::Ready(()))).await;
}

/// Whether a future has left its awaiter pending since it was last ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waited {
    Yes,
    #[default]
    No,
}

impl Waited {
    /// Polls, unless that is to be put off.
    #[inline]
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let polled = match *self == Waited::No && is_used_up() {
            true => put_off(cx),
            false => poll(cx),
        };
        *self = match polled.is_ready() {
            true => Waited::No,
            false => Waited::Yes,
        };
        if polled.is_ready() {
            count_ready();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_waited_is_ready_also_where_the_budget_is_used_up() {
        with_own_budget(|| {
            let cx = &mut Context::from_waker(std::task::Waker::noop());
            let mut ready = |waited: &mut Waited| waited.poll(cx, |_| Poll::Ready(()));
            let (mut one, mut other) = (Waited::No, Waited::No);
            assert!((0..64).all(|_| ready(&mut one).is_ready()));
            assert!(ready(&mut one).is_pending());
            assert!(ready(&mut other).is_pending());
            assert!(ready(&mut one).is_ready());
            assert!(
                ready(&mut one).is_pending(),
                "the budget is used up as before"
            );
        });
        assert!(!is_used_up(), "the budget outside is another");
    }
}
