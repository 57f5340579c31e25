//! The thread-local of the poll that is under way on this thread.
//!
//! Between the two ends of a call lies code whose signatures cannot be changed: that of async-task,
//! or a future of the user's. So a few words pass by a thread-local. These are all of them, with
//! the code that writes and reads each:
//!
//! | part | written by | read by |
//! |---|---|---|
//! | `budget` | a poll that begins; futures that are ready at once | the same |
//! | `trusted` | a task's poll; `block_on` | a poll of another task's handle |
//! | `observed_task` | a worker's step, if observed | events of the timer, the monitor |
//! | `blocks_in_high` | `seat::give_way` | an awaiter that may raise a task |
//! | `nesting` | a worker or a closure that runs within a poll | the same, deeper; task-locals |
//! | `is_between_polls` | a worker that rests or wakes what is ready | the end of a runtime |
//! | `fires` | the timer, while it wakes sleepers | the event of a scheduling |
//! | `cutting_off` | a thread that ends a runtime | the same, called from a destructor |
//! | `observers_of` | a thread that calls observers | the end of a runtime, called from one |

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr;
use std::task::RawWakerVTable;

use super::nesting::{Nesting, Room};
use super::used::Used;
use crate::ground::ids::{ExecutorId, TaskId};

thread_local! {
    /// Has no destructor, so that it can be used in those of a user's own thread-locals, and needs
    /// no check that it still exists (T18).
    pub(super) static POLL: ThisPoll = const { ThisPoll::none() };
}

/// The parts of [`POLL`].
pub(super) struct ThisPoll {
    /// How many futures that were ready at once the poll has awaited.
    pub(super) budget: Cell<Used>,
    /// The functions of the wakers that are known not to panic: those of the running task, or of
    /// our own `block_on`. A table of functions belongs to one type of waker, and all wakers of a
    /// type of ours are equally harmless.
    pub(super) trusted: Cell<*const RawWakerVTable>,
    /// The task that is polled. Kept only where there is an observer.
    observed_task: Cell<Option<(ExecutorId, TaskId)>>,
    /// Whether the task that blocks this thread is a high one. Meaningless while a worker sits
    /// here.
    blocks_in_high: Cell<bool>,
    /// How deep the polls on this stack lie within each other.
    nesting: Cell<Nesting>,
    /// Whether the innermost worker here is between two polls, while foreign code may run: that of
    /// an observer, or of a waker.
    is_between_polls: Cell<bool>,
    /// Whether this thread is waking tasks whose time has come.
    fires: Cell<bool>,
    /// The runtimes whose tasks this thread is cutting off at the moment, innermost last: a
    /// destructor may end another runtime, or the same one again.
    cutting_off: RefCell<ManuallyDrop<Vec<ExecutorId>>>,
    /// The runtimes whose observers are called on this thread at the moment.
    observers_of: Cell<ObservedHere>,
}

/// The runtimes whose observers are called on a thread at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObservedHere {
    None,
    One(ExecutorId),
    /// An observer of one runtime has done something that another one's is told of.
    Several,
}

impl ThisPoll {
    const fn none() -> ThisPoll {
        ThisPoll {
            budget: Cell::new(Used::OUTSIDE),
            trusted: Cell::new(ptr::null()),
            observed_task: Cell::new(None),
            blocks_in_high: Cell::new(false),
            nesting: Cell::new(Nesting::NONE),
            is_between_polls: Cell::new(false),
            fires: Cell::new(false),
            cutting_off: RefCell::new(ManuallyDrop::new(Vec::new())),
            observers_of: Cell::new(ObservedHere::None),
        }
    }
}

/// One part of [`POLL`].
type Part<T> = fn(&ThisPoll) -> &Cell<T>;

/// Changes a part while `run` runs, and puts the old value back, after a panic too.
#[inline]
pub(super) fn with<T: Copy, R>(part: Part<T>, value: T, run: impl FnOnce() -> R) -> R {
    struct Restore<T: Copy>(Part<T>, T);
    impl<T: Copy> Drop for Restore<T> {
        fn drop(&mut self) {
            POLL.with(|poll| self.0(poll).set(self.1));
        }
    }
    let before = POLL.with(|poll| part(poll).replace(value));
    let _restore = Restore(part, before);
    run()
}

/// How many polls the one that runs here lies within: 0 on a stack with one poll, or with none.
pub(crate) fn poll_level() -> u32 {
    POLL.with(|poll| poll.nesting.get()).levels
}

/// How many polls are under way on this stack, of a thread that steps a worker.
pub(crate) fn polls_under_way() -> u32 {
    poll_level() + u32::from(!POLL.with(|poll| poll.is_between_polls.get()))
}

/// Runs code of a worker that polls no task meanwhile.
pub(crate) fn between_polls<R>(run: impl FnOnce() -> R) -> R {
    with(|poll| &poll.is_between_polls, true, run)
}

/// Runs code that is called in the middle of a poll and is no part of it: it finds none of the
/// poll's task-locals.
pub(crate) fn apart_from_polls<R>(run: impl FnOnce() -> R) -> R {
    let deeper = POLL.with(|poll| poll.nesting.get()).deeper();
    with(|poll| &poll.nesting, deeper, run)
}

/// A level of polls within the one that goes on here, whose budget is put back when this is
/// dropped.
pub(crate) struct InnerLevel {
    outer_budget: Used,
    outer_nesting: Nesting,
}

impl InnerLevel {
    /// `None`: the stack, which is of this size, has no room for it.
    pub(crate) fn begin(room: Room, stack_size: usize) -> Option<InnerLevel> {
        let mark = 0_u8;
        let here = ptr::from_ref(&mark).addr();
        POLL.with(|poll| {
            let (outer_budget, outer_nesting) = (poll.budget.get(), poll.nesting.get());
            let deeper = outer_nesting.deeper_within(room, here, stack_size)?;
            poll.nesting.set(deeper);
            Some(InnerLevel {
                outer_budget,
                outer_nesting,
            })
        })
    }
}

impl Drop for InnerLevel {
    fn drop(&mut self) {
        POLL.with(|poll| {
            poll.budget.set(self.outer_budget);
            poll.nesting.set(self.outer_nesting);
        });
    }
}

/// Whether the task that blocks this thread is a high one.
pub(crate) fn blocks_in_high() -> bool {
    POLL.with(|poll| poll.blocks_in_high.get())
}

/// Notes whether the task that is about to block this thread is a high one.
pub(crate) fn note_blocks_in_high(is_high: bool) {
    POLL.with(|poll| poll.blocks_in_high.set(is_high));
}

/// The task that is being polled on this thread, if its runtime has an observer.
pub(crate) fn observed_task() -> Option<(ExecutorId, TaskId)> {
    POLL.with(|poll| poll.observed_task.get())
}

/// Polls a task for an observer.
pub(crate) fn observed<R>(task: (ExecutorId, TaskId), poll: impl FnOnce() -> R) -> R {
    with(|poll| &poll.observed_task, Some(task), poll)
}

/// Runs `wake`, which wakes a task whose time has come.
pub(crate) fn firing(wake: impl FnOnce()) {
    with(|poll| &poll.fires, true, wake);
}

/// Whether this thread is waking a task whose time has come.
pub(crate) fn fires() -> bool {
    POLL.with(|poll| poll.fires.get())
}

/// Notes that this thread is cutting off a task, until it is dropped.
pub(crate) struct CutOffHere;

impl CutOffHere {
    #[must_use]
    pub(crate) fn begin(executor: ExecutorId) -> CutOffHere {
        POLL.with(|poll| poll.cutting_off.borrow_mut().push(executor));
        CutOffHere
    }
}

impl Drop for CutOffHere {
    fn drop(&mut self) {
        POLL.with(|poll| {
            let mut here = poll.cutting_off.borrow_mut();
            here.pop();
            if here.is_empty() {
                // The thread-local has no destructor: the outermost guard gives the memory back.
                **here = Vec::new();
            }
        });
    }
}

/// How many of a runtime's tasks are being cut off by this thread at the moment: in the middle of
/// their destructors, from which they cannot be waited for.
pub(crate) fn being_cut_off_here(executor: ExecutorId) -> u64 {
    POLL.with(|poll| {
        let here = poll.cutting_off.borrow();
        here.iter().filter(|&&id| id == executor).count() as u64
    })
}

/// How many tasks are being cut off by this thread, whichever runtimes they belong to.
pub(crate) fn cut_off_here_in_all() -> u64 {
    POLL.with(|poll| poll.cutting_off.borrow().len() as u64)
}

/// Calls observers of a runtime. Their panics are stopped by `call`.
pub(crate) fn calling_observers_of(executor: ExecutorId, call: impl FnOnce()) {
    let here = match POLL.with(|poll| poll.observers_of.get()) {
        ObservedHere::None => ObservedHere::One(executor),
        ObservedHere::One(id) if id == executor => ObservedHere::One(id),
        ObservedHere::One(_) | ObservedHere::Several => ObservedHere::Several,
    };
    with(|poll| &poll.observers_of, here, call);
}

/// Whether this thread is calling an observer of the runtime, or may be: the task that the observer
/// is told of may be in no queue.
pub(crate) fn may_call_observer_of(executor: ExecutorId) -> bool {
    match POLL.with(|poll| poll.observers_of.get()) {
        ObservedHere::None => false,
        ObservedHere::One(id) => id == executor,
        ObservedHere::Several => true,
    }
}
