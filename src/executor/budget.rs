//! How many futures that are ready at once a task may await in one poll.
//!
//! A task gives its thread to others only where it is pending. One that never has to wait, such as
//! a loop over ticks that are late, would keep the thread for ever. So those of our futures that
//! are ready without having been pending are counted, and after [`PER_POLL`] of them in one poll
//! the next one is put off: pending once, and woken at once. The task goes to the back of its
//! queue, and comes back with a full budget.
//!
//! A future that has been pending is never put off, but for a task's handle, which is put off once.
//! So beside a branch that uses up every poll's budget, all other branches of a `select!` come to
//! their turn within two polls.
//!
//! Budgets belong to polls, and not every poll is ours. Where another executor polls within one of
//! our polls, or code makes a future anew instead of awaiting the one that was put off, the poll
//! goes on: after as many have been put off, the budget is full again. On a thread of another
//! executor no poll begins that is known here; one in [`OUTSIDE`] is put off there.
//!
//! This file never wakes a task but the one that it puts off. Read `cancel.rs` next.

use std::task::{Context, Poll};

use super::thread_locals::BUDGET;

/// How many may be ready at once in one poll.
const PER_POLL: u16 = 64;

/// How many may be ready at once before one is put off, where polls are not known. More, since code
/// that polls by hand has no use for it.
const OUTSIDE: u16 = 1024;

/// The part of a budget that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// In a poll: how many were ready, and from [`PER_POLL`] on, how many were put off.
    InPoll(u16),
    /// On a thread that polls none of our tasks.
    Outside(u16),
}

impl Budget {
    /// Of a poll that begins.
    const FULL: Budget = Budget::InPoll(0);

    fn is_used_up(self) -> bool {
        match self {
            Budget::InPoll(used) => used >= PER_POLL,
            Budget::Outside(used) => used >= OUTSIDE,
        }
    }

    /// The budget after one more future that was ready.
    fn after_ready(self) -> Budget {
        match self {
            _ if self.is_used_up() => self,
            Budget::InPoll(used) => Budget::InPoll(used + 1),
            Budget::Outside(used) => Budget::Outside(used + 1),
        }
    }

    /// The budget after one more future that was put off.
    fn after_put_off(self) -> Budget {
        match self {
            Budget::InPoll(used) => Budget::InPoll((used + 1) % (2 * PER_POLL)),
            Budget::Outside(_) => Budget::Outside(0),
        }
    }
}

/// Gives the poll of a task that begins on this thread a budget. Where it lies within another poll,
/// `InnerPolls` puts back the budget of that one.
#[inline]
pub(super) fn begin_poll() {
    BUDGET.set(Budget::FULL);
}

/// Gives `poll` a budget of its own.
pub(crate) fn with_own_budget<R>(poll: impl FnOnce() -> R) -> R {
    let _outer = OuterBudget::save();
    BUDGET.set(Budget::FULL);
    poll()
}

/// Puts back the budget of a poll when dropped, after a panic too.
pub(super) struct OuterBudget(Budget);

impl OuterBudget {
    #[must_use]
    pub(super) fn save() -> OuterBudget {
        OuterBudget(BUDGET.get())
    }
}

impl Drop for OuterBudget {
    fn drop(&mut self) {
        BUDGET.set(self.0);
    }
}

/// Whether a future that is ready and has not been pending is to be [put off](put_off).
#[inline]
#[must_use]
pub(crate) fn is_used_up() -> bool {
    BUDGET.get().is_used_up()
}

/// Counts a future that is ready.
#[inline]
pub(crate) fn count_ready() {
    BUDGET.set(BUDGET.get().after_ready());
}

/// Leaves an awaiter pending, and wakes it.
#[cold]
pub(crate) fn put_off<T>(cx: &Context<'_>) -> Poll<T> {
    BUDGET.set(BUDGET.get().after_put_off());
    cx.waker().wake_by_ref();
    Poll::Pending
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

    /// How many in a row are ready, how many are put off, and so on.
    fn runs(mut budget: Budget) -> [u32; 4] {
        let mut lengths = [0; 4];
        for (place, length) in lengths.iter_mut().enumerate() {
            let is_put_off = place % 2 == 1;
            while budget.is_used_up() == is_put_off {
                *length += 1;
                budget = match is_put_off {
                    true => budget.after_put_off(),
                    false => budget.after_ready(),
                };
            }
        }
        lengths
    }

    #[test]
    fn in_a_poll_as_many_are_put_off_as_were_ready() {
        assert_eq!(runs(Budget::FULL), [64, 64, 64, 64]);
    }

    #[test]
    fn outside_of_polls_one_is_put_off_once_in_a_while() {
        assert_eq!(runs(Budget::Outside(0)), [1024, 1, 1024, 1]);
    }

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
