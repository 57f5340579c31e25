//! The half of a task that waits in queues, with its priority and the orders to end.
//!
//! It owns a task's priority and the bits that tell it to end. It never queues or polls a task.
//! Read `queue.rs` next.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::thread_locals::Life;
use crate::ending::abort_orders;
use crate::ground::ids::{ExecutorId, QueueId, TaskId};
use crate::ground::loans::Borrower;
use crate::ground::telemetry::names;

/// How urgent a task is: whether it waits in the high or in the low queue. A task in a further
/// queue has no priority, and counts as a low one.
///
/// A task's priority is read each time it is scheduled, so a change counts from the next
/// scheduling on. A low task that is raised while it is queued is looked for and scheduled anew.
///
/// ```
/// use laneway::{Priority, spawn_task};
///
/// let task = spawn_task!(async { 42 }, Priority::High);
/// assert_eq!(task.priority(), Priority::High);
/// assert_eq!(Priority::default(), Priority::Low);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// For work that a person or another program waits for.
    High,
    /// For everything else. The default.
    #[default]
    Low,
}

impl Priority {
    pub(crate) fn queue(self) -> QueueId {
        match self {
            Priority::High => QueueId::HIGH,
            Priority::Low => QueueId::LOW,
        }
    }
}

/// The half of a task that waits in queues and is polled.
pub(super) type Runnable = async_task::Runnable<Meta>;

/// The part of a task besides its future. It lies in the task's one allocation.
pub(crate) struct Meta {
    birth: Birth,
    /// The bits [`ABORTED`] to [`WAITED`].
    state: AtomicU8,
}

/// The part of [`Meta`] that never changes.
// Packed, so that `Meta` and async-task's own part fill seven words (T39).
#[derive(Clone, Copy, Debug)]
#[repr(packed)]
pub(crate) struct Birth {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) id: TaskId,
    pub(crate) executor: ExecutorId,
    /// The queue that it was spawned on, under which it is counted.
    pub(super) spawned_on: QueueId,
}

impl Deref for Meta {
    type Target = Birth;

    #[inline]
    fn deref(&self) -> &Birth {
        &self.birth
    }
}

/// Set when the task was told to end: instead of its next poll its future is dropped.
const ABORTED: u8 = 1 << 7;

/// Set when the task may be told to end through `ending/abort_orders.rs`, until the end of its
/// memory.
const ABORTABLE: u8 = 1 << 6;

/// Set while a low task goes to the high queue because priority is lent to it (`ground/loans.rs`).
const LENT: u8 = 1 << 5;

/// Set once a low task was raised by [`raise`](Meta::raise): it goes to the high queue. Never set
/// together with [`LENT`].
const RAISED: u8 = 1 << 4;

/// Set if its name is entered in `ground/telemetry/names.rs`, from before its first scheduling
/// to the end of its memory.
const NAMED: u8 = 1 << 3;

/// Set once the awaiter of this task was sent back pending although the task had ended, since the
/// budget of the awaiter's poll was used up (`ground/poll/budget.rs`).
const SENT_BACK: u8 = 1 << 2;

/// Set once an awaiter has had the outcome of this task.
const SERVED: u8 = 1 << 1;

/// Set when the task is first scheduled anew. A poll has left it waiting by then, so its waker is
/// among the pending.
const WAITED: u8 = 1;

/// The most queues of a runtime. A queue's number has room for more.
pub(crate) const MAX_QUEUES: usize = 1 << 13;

// With the 33 bytes of async-task's own part (T39).
const _: () = assert!(size_of::<Meta>() <= 23 && align_of::<Meta>() == 1);

impl Meta {
    pub(super) fn new(
        id: TaskId,
        executor: ExecutorId,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> Meta {
        Meta {
            birth: Birth {
                spawned_at: origin.spawned_at,
                id,
                executor,
                spawned_on: queue,
            },
            state: AtomicU8::new(match origin.name {
                Some(_) => NAMED,
                None => 0,
            }),
        }
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        // Relaxed: set before the task had a second thread.
        let is_named = self.state.load(Ordering::Relaxed) & NAMED != 0;
        is_named.then(|| names::get(self.key())).flatten()
    }

    /// The books of the task, for the thread that is about to run it.
    #[inline]
    pub(super) fn life(&self) -> Life {
        // Relaxed: what was set before the last scheduling came with the runnable.
        let state = self.state.load(Ordering::Relaxed);
        Life {
            birth: self.birth,
            is_named: state & NAMED != 0,
            is_entered: state & WAITED != 0,
        }
    }

    /// The queue as the last raise, or the last look at the loans, has left it.
    #[inline]
    pub(super) fn queue(&self) -> QueueId {
        // Relaxed: a hint to the next scheduling; no other data hangs on it.
        match self.state.load(Ordering::Relaxed) & (RAISED | LENT) {
            0 => self.spawned_on,
            _ => QueueId::HIGH,
        }
    }

    /// Moves a low task to the high queue from its next scheduling on, and says whether it was one.
    /// A further queue was chosen for its threads, not its urgency: such a task stays there.
    pub(crate) fn raise(&self) -> bool {
        self.change(|state| match state & RAISED {
            // A priority that was lent is the task's own from now on.
            0 => Some(state & !LENT | RAISED),
            _ => None,
        })
    }

    /// The queue of a task that is scheduled anew, by the loans of the moment.
    #[inline]
    pub(super) fn schedule_anew(&self) -> QueueId {
        // Relaxed: the runnable, which is handed on next, brings it to the worker that reads it.
        if self.state.load(Ordering::Relaxed) & WAITED == 0 {
            self.state.fetch_or(WAITED, Ordering::Relaxed);
        }
        self.queue_by_loans()
    }

    /// The queue that the task goes to by the loans of the moment: a low task to which priority is
    /// lent goes to the high queue, and one from which it was taken back goes to the low one. A
    /// change is written down here, for [`queue`](Meta::queue).
    #[inline]
    pub(crate) fn queue_by_loans(&self) -> QueueId {
        let state = self.state.load(Ordering::Relaxed);
        // One comparison for most tasks: the bits below `RAISED` have nothing to do with queues.
        match state >= RAISED || Borrower::may_have_loans(self.id) {
            false => self.spawned_on,
            true => self.settle_loan(),
        }
    }

    #[cold]
    fn settle_loan(&self) -> QueueId {
        let borrower = Borrower {
            executor: self.executor,
            task: self.id,
        };
        let is_lent = Borrower::may_have_loans(self.id) && borrower.meets_loans();
        self.change(|state| match (is_lent, state & (LENT | RAISED)) {
            (true, 0) => Some(state | LENT),
            (false, LENT) => Some(state ^ LENT),
            _ => None,
        });
        self.queue()
    }

    /// Changes the bits of a task that was spawned on the low queue, and says whether there was a
    /// change.
    fn change(&self, change: impl Fn(u8) -> Option<u8>) -> bool {
        if { self.spawned_on } != QueueId::LOW {
            return false;
        }
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.state.fetch_update(set, fetch, change).is_ok()
    }

    /// Tells the task to end, which it does when it is run next.
    pub(crate) fn abort(&self) {
        // Release: pairs with the Acquire in `is_aborted`; the future's destructor sees what this
        // thread did before.
        self.state.fetch_or(ABORTED, Ordering::Release);
    }

    /// Enters the task among those that may be told to end by their number.
    pub(crate) fn make_abortable(&self) {
        if self.state.fetch_or(ABORTABLE, Ordering::Relaxed) & ABORTABLE == 0 {
            abort_orders::enter(self.key());
        }
    }

    /// Notes that the task, which has ended, sends its awaiter back pending. `false`: it has sent
    /// one back before, and does so once only.
    #[cold]
    pub(crate) fn send_awaiter_back(&self) -> bool {
        // Relaxed: handles are handed over safely from one awaiter to the next.
        self.state.fetch_or(SENT_BACK, Ordering::Relaxed) & SENT_BACK == 0
    }

    /// Whether an awaiter has had the outcome.
    #[inline]
    pub(crate) fn has_served(&self) -> bool {
        self.state.load(Ordering::Relaxed) & SERVED != 0
    }

    #[inline]
    pub(crate) fn note_served(&self) {
        // A plain store: the task has ended, so no bit is set any more but through its one handle.
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(state | SERVED, Ordering::Relaxed);
    }

    /// Whether the task was told to end.
    #[inline]
    pub(super) fn is_aborted(&self) -> bool {
        let state = self.state.load(Ordering::Acquire);
        // One comparison for most tasks: the two bits are the highest.
        state >= ABORTABLE && (state & ABORTED != 0 || abort_orders::is_ordered(self.key()))
    }

    fn key(&self) -> (ExecutorId, TaskId) {
        (self.executor, self.id)
    }
}

impl Drop for Meta {
    #[inline]
    fn drop(&mut self) {
        let state = *self.state.get_mut();
        if state & NAMED != 0 {
            names::leave(self.key());
        }
        if state & ABORTABLE != 0 {
            abort_orders::leave(self.key());
        }
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meta").field(&self.life()).finish()
    }
}

/// Where a task comes from, and what its spawner calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) spawned_at: &'static Location<'static>,
    // One pointer: a task without a name hands on no more than a null.
    pub(crate) name: Option<&'a Arc<str>>,
}

impl Origin<'static> {
    #[inline]
    pub(crate) fn unnamed(spawned_at: &'static Location<'static>) -> Origin<'static> {
        Origin {
            spawned_at,
            name: None,
        }
    }
}
