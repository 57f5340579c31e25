//! The priority that urgent callers lend to the task of their service.
//!
//! A low service would let its high callers wait behind the low queue. While one of them waits, the
//! task that the service runs in counts as high (`ground/loans.rs`); afterwards it is low again.

use crate::executor::seat;
use crate::ground::loans::Borrower;

/// The state of a mailbox's loan.
#[derive(Debug, Default)]
pub(super) enum Loan {
    /// The service is not in a low task.
    #[default]
    NoBorrower,
    NotLent(Borrower),
    Stands(Borrower),
}

/// The next action after the loan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterLending {
    /// The task is to see what has changed.
    Wake(Borrower),
    Nothing,
}

impl AfterLending {
    /// Wakes the task, where no waker of the service is at hand. Once it is polled, it raises in
    /// turn the tasks that it awaits.
    pub(super) fn wake(self) {
        if let AfterLending::Wake(Borrower { executor, task }) = self {
            seat::wake_pending(executor, task);
        }
    }

    /// Has the task looked for in the low queue, unless it has met its loan since: it may lie there
    /// for another reason than the wake-up that came with the loan.
    pub(super) fn find(self) {
        if let AfterLending::Wake(borrower) = self
            && borrower.has_news()
        {
            seat::find_raised(borrower.executor);
        }
    }
}

impl Loan {
    /// Lends, unless it stands already.
    pub(super) fn lend(&mut self) -> AfterLending {
        let Loan::NotLent(borrower) = *self else {
            return AfterLending::Nothing;
        };
        borrower.lend();
        *self = Loan::Stands(borrower);
        AfterLending::Wake(borrower)
    }

    /// Takes back what was lent.
    pub(super) fn take_back(&mut self) {
        if let Loan::Stands(borrower) = *self {
            borrower.take_back();
            *self = Loan::NotLent(borrower);
        }
    }

    /// Notes in which task the service is, where nothing is lent.
    pub(super) fn is_in(&mut self, borrower: Option<Borrower>) {
        self.take_back();
        *self = borrower.map_or(Loan::NoBorrower, Loan::NotLent);
    }

    pub(super) fn stands(&self) -> bool {
        matches!(self, Loan::Stands(_))
    }
}
