//! The thread-locals of the core. A poll's own are in `src/ground/poll/this_poll.rs`, with such a
//! table.
//!
//! | thread-local | written by | read by |
//! |---|---|---|
//! | [`ENTERED`] | `seat::enter`, `seat::visit`, `seat::belong` | spawns and wake-ups here |
//! | [`FOR_LIFE`] | `seat::belong` | the end of the thread, which leaves the runtime |
//! | [`SEAT`] | a thread that seats a worker, or gives it away | spawns, wake-ups, counters |
//! | [`NUMBERS`] | spawns while no worker sits here | the same |
//! | [`NOTE`] | a thread that polls a task or orders it to end; the task | the other one |
//!
//! [`NOTE`] stands in for an argument: between the two ends of a call lies async-task, whose
//! signatures cannot be changed. All but [`FOR_LIFE`] have no destructor, so they can be used
//! in the destructors of a user's own thread-locals. Read `cancel.rs` next.

use std::cell::{Cell, OnceCell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::executor::Executor;
use super::seat::Entered;
use super::worker::Worker;
use crate::ground::join_error::Order;
use crate::ground::task_numbers::ThreadsNumbers;
use crate::ground::telemetry::event::PollEnd;

thread_local! {
    /// The runtimes that this thread works for, or has entered by `Runtime::block_on` or
    /// `Handle::enter`, and has not left. The last one counts. Without memory where there is none.
    pub(super) static ENTERED: RefCell<Undropped<Vec<Here>>> =
        const { RefCell::new(Undropped::new(Vec::new())) };

    /// The runtime of a thread that was started for it. Entered before any code of the user's runs
    /// here, and so left after the destructors of the user's own thread-locals.
    pub(super) static FOR_LIFE: OnceCell<Entered> = const { OnceCell::new() };

    /// The worker that sits here. Empty while its thread is blocked in a task and another thread
    /// stands in for it, and while `Seated` has it.
    pub(super) static SEAT: Cell<Option<Undropped<Box<Worker>>>> = const { Cell::new(None) };

    /// Task numbers set aside for spawns from this thread while no worker sits here.
    pub(super) static NUMBERS: Cell<ThreadsNumbers> = const { Cell::new(ThreadsNumbers::NONE) };

    /// The latest message between a task and the thread that runs it.
    pub(super) static NOTE: Cell<Note> = const { Cell::new(Note::Ended(PollEnd::Cancelled)) };
}

/// One entrance of a thread to a runtime. Cloned within the thread, which counts without an atomic
/// operation.
#[derive(Clone, Debug)]
#[allow(
    clippy::redundant_allocation,
    reason = "the thread counts its own clones"
)]
pub(crate) struct Here(Rc<Arc<Executor>>);

impl Here {
    pub(super) fn new(executor: Arc<Executor>) -> Here {
        Here(Rc::new(executor))
    }

    /// The runtime, to be shared with other threads.
    pub(super) fn shared(&self) -> &Arc<Executor> {
        &self.0
    }

    /// Whether both are one entrance.
    pub(super) fn is(&self, other: &Here) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Here {
    type Target = Executor;

    #[inline]
    fn deref(&self) -> &Executor {
        &self.0
    }
}

/// A value that is dropped by the code that takes it out, and never with the thread: a thread-local
/// without a destructor needs no check that it still exists, at each of several accesses in a poll
/// (T18).
pub(super) type Undropped<T> = ManuallyDrop<T>;

/// A message between a task and the thread that runs it.
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
