//! Priority that is lent: a low task counts as a high one for as long as a high one waits for it.
//!
//! The holder of a task's handle raises it for good. A high caller of a service has no handle of
//! the task that the service runs in, and wants it raised for the time of one call. So the task is
//! lent the priority, by its number: it is compared with the loans each time that it is scheduled
//! and taken, and goes to the high queue while there is one.
//!
//! Most tasks never have a loan. While there is none at all they pay one load, and otherwise little
//! more: a word holds a bit for each number, modulo 64, to which something is lent. This file never
//! queues a task. Read `queue/extract.rs` next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::seat;
use crate::ground::ids::{ExecutorId, QueueId, TaskId};
use crate::ground::sync::unpoisoned;

/// A low task that priority can be lent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrower {
    executor: ExecutorId,
    task: TaskId,
}

/// The loans of all runtimes at the moment, and whether the task has met each of them: whether it
/// was scheduled, taken or sifted since. A task to which several callers lend is here once for each
/// of them.
static LOANS: Mutex<Vec<(Borrower, Met)>> = Mutex::new(Vec::new());

type Met = bool;

/// A bit for each loan. Written under the lock of [`LOANS`].
static LOAN_BITS: AtomicU64 = AtomicU64::new(0);

impl Borrower {
    /// The task that is being polled on this thread, if it is a low one.
    pub(crate) fn polled_here() -> Option<Borrower> {
        seat::with_worker(|worker| {
            let polled = worker.tally().polling.get()?;
            let low = polled.queue == QueueId::LOW && !worker.current.is_high;
            low.then_some(Borrower {
                executor: worker.executor_id,
                task: polled.task,
            })
        })
        .flatten()
    }

    /// Lends the task priority, from its next scheduling on. Each loan is to be taken back once.
    pub(crate) fn lend(self) {
        let mut loans = loans();
        loans.push((self, false));
        write_bits(&loans);
    }

    /// Takes a loan back, from the next scheduling on.
    pub(crate) fn take_back(self) {
        let mut loans = loans();
        let place = loans.iter().position(|loan| loan.0 == self);
        loans.swap_remove(place.expect("each loan is taken back once"));
        write_bits(&loans);
    }

    /// Wakes the task if it waits, so that it raises in turn the tasks that it awaits.
    pub(crate) fn wake(self) {
        seat::wake_pending(self.executor, self.task);
    }

    /// Has workers look for the task in the low queue, unless it has met its loan since: it may lie
    /// there for another reason than the wake-up that came with the loan.
    pub(crate) fn find(self) {
        if loans().contains(&(self, false)) {
            seat::find_raised(self.executor);
        }
    }
}

/// Whether something may be lent to the task.
#[inline]
pub(super) fn may_exist(task: TaskId) -> bool {
    // Acquire; pairs with the Release in `write_bits`. The task that borrows is woken after its
    // loan was entered, so its waker's thread sees the bit.
    LOAN_BITS.load(Ordering::Acquire) & bit(task) != 0
}

/// Whether something is lent to the task, which meets its loans by this.
#[cold]
pub(super) fn exists(executor: ExecutorId, task: TaskId) -> bool {
    let borrower = Borrower { executor, task };
    let mut loans = loans();
    let to_it = loans.iter_mut().filter(|loan| loan.0 == borrower);
    to_it.map(|loan| loan.1 = true).count() > 0
}

fn write_bits(loans: &[(Borrower, Met)]) {
    let bits = loans.iter().fold(0, |bits, loan| bits | bit(loan.0.task));
    LOAN_BITS.store(bits, Ordering::Release);
}

fn bit(task: TaskId) -> u64 {
    1 << (task.0 % u64::from(u64::BITS))
}

fn loans() -> MutexGuard<'static, Vec<(Borrower, Met)>> {
    unpoisoned(LOANS.lock())
}
