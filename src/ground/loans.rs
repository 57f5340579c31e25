//! Priority that is lent: a low task counts as a high one for as long as a high one waits for it.
//!
//! The holder of a task's handle raises it for good. A high caller of a service has no handle of
//! the task that the service runs in, and wants it raised for the time of one call. So the task is
//! lent the priority, by its number: it is compared with the loans each time that it is scheduled
//! and taken, and goes to the high queue while there is one.
//!
//! Most tasks never have a loan. While there is none at all they pay one load, and otherwise little
//! more: a word holds a bit for each number, modulo 64, to which something is lent. This file knows
//! no task but by its number, and queues none. Read `executor/queue/extract.rs` next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::ids::{ExecutorId, TaskId};
use super::sync::unpoisoned;

/// A low task that priority can be lent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrower {
    pub(crate) executor: ExecutorId,
    pub(crate) task: TaskId,
}

struct Loan {
    to: Borrower,
    /// Whether the task has met it: whether it was scheduled, taken or sifted since.
    is_met: bool,
}

/// The loans of all runtimes at the moment. A task to which several callers lend has one from each.
static LOANS: Mutex<Vec<Loan>> = Mutex::new(Vec::new());

/// A bit for each loan. Written under the lock of [`LOANS`].
static LOAN_BITS: AtomicU64 = AtomicU64::new(0);

impl Borrower {
    /// Lends the task priority, from its next scheduling on. Each loan is to be taken back once.
    pub(crate) fn lend(self) {
        let mut loans = loans();
        let (to, is_met) = (self, false);
        loans.push(Loan { to, is_met });
        write_bits(&loans);
    }

    /// Takes a loan back, from the next scheduling on.
    pub(crate) fn take_back(self) {
        let mut loans = loans();
        let place = loans.iter().position(|loan| loan.to == self);
        loans.swap_remove(place.expect("each loan is taken back once"));
        write_bits(&loans);
    }

    /// Whether the task has a loan that it has not met.
    pub(crate) fn has_news(self) -> bool {
        loans().iter().any(|loan| loan.to == self && !loan.is_met)
    }

    /// Whether something may be lent to the task.
    #[inline]
    pub(crate) fn may_have_loans(task: TaskId) -> bool {
        // Acquire; pairs with the Release in `write_bits`. The task that borrows is woken after its
        // loan was entered, so its waker's thread sees the bit.
        LOAN_BITS.load(Ordering::Acquire) & bit(task) != 0
    }

    /// Whether something is lent to the task, which meets its loans by this.
    #[cold]
    pub(crate) fn meets_loans(self) -> bool {
        let mut loans = loans();
        let to_it = loans.iter_mut().filter(|loan| loan.to == self);
        to_it.map(|loan| loan.is_met = true).count() > 0
    }
}

fn write_bits(loans: &[Loan]) {
    let bits = loans.iter().fold(0, |bits, loan| bits | bit(loan.to.task));
    LOAN_BITS.store(bits, Ordering::Release);
}

fn bit(task: TaskId) -> u64 {
    1 << (task.0 % u64::from(u64::BITS))
}

fn loans() -> MutexGuard<'static, Vec<Loan>> {
    unpoisoned(LOANS.lock())
}
