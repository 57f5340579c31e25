//! Every thread-local of the core, and the few words that pass through each.
//!
//! | thread-local | written by | read by |
//! |---|---|---|
//! | [`RUNTIME`] | `seat::enter`, `seat::belong` | spawns and wake-ups here |
//! | [`FOR_LIFE`] | `seat::belong` | the end of the thread, which leaves the runtime |
//! | [`SEAT`] | a thread that sits down or gives up its seat | spawns, wake-ups, counters |
//! | [`BLOCKED_IN_HIGH`] | `seat::leave` | an awaiter that may raise a task |
//! | [`RUNNING`] | a worker's step, if observed | events of the timer, the monitor |
//! | [`FIRING`] | the timer, while it wakes sleepers | the event of a scheduling |
//! | [`NUMBERS`] | spawns while no worker sits here | the same |
//! | [`NOTE`] | a thread that polls a task or orders it to end; the task | the other one |
//! | [`BUDGET`] | a poll that begins; futures that are ready at once | the same |
//! | [`TRUSTED`] | a task's poll; `block_on` | a poll of another task's handle |
//! | [`NESTING`] | a worker or a closure that runs within a poll | the same, deeper; task-locals |
//! | [`BETWEEN_POLLS`] | a worker that rests or wakes what is ready | the end of a runtime |
//! | [`CUT_OFF_HERE`] | a thread that ends a runtime | the same, called from a destructor |
//! | [`OBSERVED_HERE`] | a thread that calls observers | the end of a runtime, called from one |
//!
//! [`NOTE`] and [`TRUSTED`] stand in for arguments: between the two ends of a call lies async-task,
//! whose signatures cannot be changed. All but [`FOR_LIFE`] have no destructor, so they can be used
//! in the destructors of a user's own thread-locals. Read `trust.rs` next.

use std::cell::{Cell, OnceCell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::RawWakerVTable;

use super::budget::Budget;
use super::executor::Executor;
use super::seat::Entered;
use super::worker::Worker;
use crate::ids::{ExecutorId, TaskId};
use crate::telemetry::event::PollEnd;

thread_local! {
    /// The runtime that this thread works for, or has entered by `Runtime::block_on`.
    pub(super) static RUNTIME: RefCell<Option<Undropped<Here>>> = const { RefCell::new(None) };

    /// The runtime of a thread that was started for it. Entered before any code of the user's runs
    /// here, and so left after the destructors of the user's own thread-locals.
    pub(super) static FOR_LIFE: OnceCell<Entered> = const { OnceCell::new() };

    /// The worker that sits here. Empty while its thread is blocked in a task and another thread
    /// stands in for it, and while `Seated` has it.
    pub(super) static SEAT: Cell<Option<Undropped<Box<Worker>>>> = const { Cell::new(None) };

    /// Whether the task that blocks this thread is a high one. Meaningless while a worker sits
    /// here.
    pub(super) static BLOCKED_IN_HIGH: Cell<bool> = const { Cell::new(false) };

    /// The task that is being polled on this thread. Kept only where there is an observer.
    pub(super) static RUNNING: Cell<Option<(ExecutorId, TaskId)>> = const { Cell::new(None) };

    /// Whether this thread is waking tasks whose time has come.
    pub(super) static FIRING: Cell<bool> = const { Cell::new(false) };

    /// Task numbers set aside for spawns from this thread while no worker sits here.
    pub(super) static NUMBERS: Cell<Numbers> = const { Cell::new(Numbers::NONE) };

    /// What a task and the thread that runs it tell each other.
    pub(super) static NOTE: Cell<Note> = const { Cell::new(Note::Ended(PollEnd::Cancelled)) };

    /// How many futures that were ready at once the poll that runs here has awaited.
    pub(super) static BUDGET: Cell<Budget> = const { Cell::new(Budget::Outside(0)) };

    /// The functions of the wakers that are known not to panic: those of the running task, or of
    /// our own `block_on`. A table of functions belongs to one type of waker, and all wakers of a
    /// type of ours are equally harmless.
    pub(super) static TRUSTED: Cell<*const RawWakerVTable> = const { Cell::new(ptr::null()) };

    /// How deep the polls on this stack lie within each other.
    pub(super) static NESTING: Cell<Nesting> = const { Cell::new(Nesting::NONE) };

    /// Whether the innermost worker here is between two polls, while foreign code may run: that of
    /// an observer, or of a waker.
    pub(super) static BETWEEN_POLLS: Cell<bool> = const { Cell::new(false) };

    /// The runtimes whose tasks this thread is cutting off at the moment, innermost last: a
    /// destructor may end another runtime, or the same one again.
    pub(super) static CUT_OFF_HERE: Cell<Undropped<Vec<ExecutorId>>> =
        const { Cell::new(ManuallyDrop::new(Vec::new())) };

    /// Whose observers are called on this thread at the moment.
    pub(super) static OBSERVED_HERE: Cell<ObservedHere> = const { Cell::new(ObservedHere::None) };
}

/// How many polls the one that runs here lies within: 0 on a stack with one poll, or with none.
pub(crate) fn poll_level() -> u32 {
    NESTING.get().levels
}

/// How many polls are under way on this stack, of a thread that steps a worker.
pub(crate) fn polls_under_way() -> u32 {
    poll_level() + u32::from(!BETWEEN_POLLS.get())
}

/// Runs code of a worker that polls no task meanwhile.
pub(crate) fn between_polls<R>(run: impl FnOnce() -> R) -> R {
    /// Puts back what was before, after a panic too.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            BETWEEN_POLLS.set(self.0);
        }
    }
    let _restore = Restore(BETWEEN_POLLS.replace(true));
    run()
}

/// Runs code that is called in the middle of a poll and is no part of it: it finds none of the
/// poll's task-locals.
pub(crate) fn apart_from_polls<R>(run: impl FnOnce() -> R) -> R {
    /// Puts back how deep the polls lay, after a panic too.
    struct Restore(Nesting);
    impl Drop for Restore {
        fn drop(&mut self) {
            NESTING.set(self.0);
        }
    }
    let outer = NESTING.get();
    let _restore = Restore(outer);
    NESTING.set(Nesting {
        levels: outer.levels + 1,
        ..outer
    });
    run()
}

/// A thread's runtime. Cloned within the thread, which counts without an atomic operation.
#[derive(Clone, Debug)]
pub(crate) struct Here(Rc<EnteredRuntime>);

#[derive(Debug)]
struct EnteredRuntime(Arc<Executor>);

impl Here {
    pub(super) fn new(executor: Arc<Executor>) -> Here {
        Here(Rc::new(EnteredRuntime(executor)))
    }
}

impl Deref for Here {
    type Target = Arc<Executor>;

    #[inline]
    fn deref(&self) -> &Arc<Executor> {
        &self.0.0
    }
}

/// A value that is dropped by the code that takes it out, and never with the thread: a thread-local
/// without a destructor needs no check that it still exists, at each of several accesses in a poll
/// (T18).
pub(super) type Undropped<T> = ManuallyDrop<T>;

/// What passes between a task and the thread that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// To the task: a worker has taken it and is about to poll it. Still so afterwards if its
    /// future was dropped instead.
    Taken,
    /// The same, where there is an observer that is to be told of the poll.
    TakenObserved,
    /// To the task: instead of going on, end.
    Order(Order),
    /// From the task: it has obeyed the order.
    Obeyed,
    /// From the task: how its poll ended.
    Ended(PollEnd),
}

/// The runtimes whose observers are called on a thread at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObservedHere {
    None,
    One(ExecutorId),
    /// An observer of one runtime has done something that another one's is told of.
    Several,
}

/// Why a task is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A holder of its handle has asked for it.
    Abort,
    /// Its runtime ends.
    CutOff,
    /// Its runtime takes nothing new, and has never counted it.
    Refuse,
}

/// How deep polls lie within each other on one stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nesting {
    pub(super) levels: u32,
    /// Where on the stack the outermost begins.
    pub(super) outermost: Option<usize>,
}

impl Nesting {
    pub(super) const NONE: Nesting = Nesting {
        levels: 0,
        outermost: None,
    };
}

/// Task numbers that are not given to any task yet: from `next` to before `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// The runtime that set them aside.
    pub(super) of: Option<ExecutorId>,
    pub(super) next: u64,
    pub(super) end: u64,
}

impl Numbers {
    const NONE: Numbers = Numbers {
        of: None,
        next: 0,
        end: 0,
    };
}
