//! The half of a task that waits in queues, with its priority and the orders to end.
//!
//! It owns a task's priority and the bits that tell it to end. It never queues or polls a task.
//! Read `queue.rs` next.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

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

/// Tells the tasks that are to be taken out of a place from those that stay there.
pub(super) type IsWanted<'a> = &'a dyn Fn(&Runnable) -> bool;

/// The part of a task besides its future. It lies in the task's one allocation.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) id: TaskId,
    pub(crate) executor: ExecutorId,
    /// The queue that the task goes to when it is next scheduled, changed by
    /// [`raise`](Meta::raise) and [`queue_by_loans`](Meta::queue_by_loans), and above that the bits
    /// [`ABORTED`], [`ABORTABLE`] and [`LENT`].
    state: AtomicU16,
    /// Whether its name is entered in `ground/telemetry/names.rs`, from before its first scheduling
    /// to the end of its memory.
    named: bool,
    /// The bits [`SENT_BACK`] and [`SERVED`], both of which awaiters of this task set: a thread at
    /// a time, as the task has one handle.
    awaiters: AtomicU8,
    /// Here as well as in `Life` (`tracked.rs`), for code that sees the task and not its future.
    pub(crate) spawned_at: &'static Location<'static>,
}

/// Set when the task was told to end: instead of its next poll its future is dropped.
const ABORTED: u16 = 1 << 15;

/// Set when the task may be told to end through `ending/abort_orders.rs`, until the end of its
/// memory.
const ABORTABLE: u16 = 1 << 14;

/// Set while a low task goes to the high queue because priority is lent to it (`ground/loans.rs`).
const LENT: u16 = 1 << 13;

/// Set once the awaiter of this task was sent back pending although the task had ended, since the
/// budget of the awaiter's poll was used up (`ground/poll/budget.rs`).
const SENT_BACK: u8 = 1;

/// Set once an awaiter has had the outcome of this task.
const SERVED: u8 = 2;

/// The bits of `state` that are no queue's number.
const BITS: u16 = ABORTED | ABORTABLE | LENT;

/// More queues than this would reach into the bits.
pub(crate) const MAX_QUEUES: usize = LENT as usize;

impl Meta {
    pub(super) fn new(
        id: TaskId,
        executor: ExecutorId,
        queue: QueueId,
        origin: Origin<'_>,
    ) -> Meta {
        Meta {
            id,
            executor,
            state: AtomicU16::new(queue.0),
            named: origin.name.is_some(),
            awaiters: AtomicU8::new(0),
            spawned_at: origin.spawned_at,
        }
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.named.then(|| names::get(self.key())).flatten()
    }

    /// The queue as the last raise, or the last look at the loans, has left it.
    #[inline]
    pub(super) fn queue(&self) -> QueueId {
        // Relaxed: a hint to the next scheduling; no other data hangs on it.
        QueueId(self.state.load(Ordering::Relaxed) & !BITS)
    }

    /// Moves a low task to the high queue from its next scheduling on, and says whether it was one.
    /// A further queue was chosen for its threads, not its urgency: such a task stays there.
    pub(crate) fn raise(&self) -> bool {
        self.change(|queue, bits| match (queue, bits & LENT) {
            (QueueId::LOW, _) => Some((QueueId::HIGH, bits)),
            // The priority that was lent is the task's own from now on.
            (_, LENT) => Some((QueueId::HIGH, bits ^ LENT)),
            _ => None,
        })
    }

    /// The queue that the task goes to by the loans of the moment: a low task to which priority is
    /// lent goes to the high queue, and one from which it was taken back goes to the low one. A
    /// change is written down here, for [`queue`](Meta::queue).
    #[inline]
    pub(crate) fn queue_by_loans(&self) -> QueueId {
        let state = self.state.load(Ordering::Relaxed);
        // One comparison for most tasks: of the three bits `LENT` is the lowest.
        match state >= LENT || Borrower::may_have_loans(self.id) {
            false => QueueId(state),
            true => self.settle_loan(),
        }
    }

    #[cold]
    fn settle_loan(&self) -> QueueId {
        let borrower = Borrower {
            executor: self.executor,
            task: self.id,
        };
        let is_lent = borrower.meets_loans();
        self.change(|queue, bits| match (is_lent, queue, bits & LENT) {
            (true, QueueId::LOW, _) => Some((QueueId::HIGH, bits | LENT)),
            (false, _, LENT) => Some((QueueId::LOW, bits ^ LENT)),
            _ => None,
        });
        self.queue()
    }

    /// Changes the queue and the bits, and says whether there was a change.
    fn change(&self, change: impl Fn(QueueId, u16) -> Option<(QueueId, u16)>) -> bool {
        let changed = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
                let (queue, bits) = change(QueueId(state & !BITS), state & BITS)?;
                Some(queue.0 | bits)
            });
        changed.is_ok()
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
        self.awaiters.fetch_or(SENT_BACK, Ordering::Relaxed) & SENT_BACK == 0
    }

    /// Whether an awaiter has had the outcome.
    #[inline]
    pub(crate) fn has_served(&self) -> bool {
        self.awaiters.load(Ordering::Relaxed) & SERVED != 0
    }

    #[inline]
    pub(crate) fn note_served(&self) {
        // A plain store: each later awaiter is refused, so the other bit counts no more.
        self.awaiters.store(SERVED, Ordering::Relaxed);
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
    // `always`, and values for the seldom call: a spawn has a way on which it drops this and makes
    // no task. For a call by reference on that way it would put this together in memory (T42).
    #[inline(always)]
    fn drop(&mut self) {
        let is_abortable = *self.state.get_mut() & ABORTABLE != 0;
        if self.named | is_abortable {
            leave(self.key(), self.named, is_abortable);
        }
    }
}

#[cold]
fn leave(key: (ExecutorId, TaskId), named: bool, is_abortable: bool) {
    if named {
        names::leave(key);
    }
    if is_abortable {
        abort_orders::leave(key);
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
