//! The core: tasks, queues, workers, and how workers sleep.
//!
//! A task's life, with the functions that take each edge:
//!
//! ```text
//!              (1) spawn
//!                 │
//!                 ▼
//!            ┌─────────┐   (2) worker::step    ┌─────────┐
//!            │ queued  │ ────────────────────▶ │ running │
//!            └─────────┘                       └─────────┘
//!              ▲  │  ▲     (3) woken while       │  │  │
//!              │  │  │         it ran            │  │  │
//!              │  │  └───────────────────────────┘  │  │
//!   (5) its    │  │ (7) cancelled        (4) pending│  │ (6) ready
//!   waker      │  ▼                                 ▼  │     or panicked
//!              │ ┌───────┐   (7) cancelled  ┌─────────┐│
//!              │ │ ended │ ◀────────────────│ waiting ││
//!              │ └───────┘                  └─────────┘│
//!              │     ▲                          │      │
//!              └─────┼──────────────────────────┘      │
//!                    └─────────────────────────────────┘
//! ```
//!
//! 1. [`Executor::spawn`] makes the task (`task.rs`) and queues it (`seat.rs`).
//! 2. [`worker::step`] takes it, along the worker's route (`route.rs`), and polls it once.
//! 3. It was woken during its own poll: it goes to the back of the worker's deque.
//! 4. It waits. The first time, its waker is entered in `pending.rs` for shutdown to find.
//! 5. Its waker calls `seat::schedule`, which queues it at the priority that it has *then*. A low
//!    task becomes a high one when [`Task::escalate`] is called, or when a high task awaits it;
//!    if it waits, it is woken for it.
//! 6. Its future is dropped, its outcome stored, its awaiter woken.
//! 7. Its handle was dropped, or the runtime has shut down: it is queued if it waited, and whoever
//!    takes it drops the future instead of polling it: a worker, or at the end of a runtime the
//!    thread that ends it. If that happens while it runs, its future is dropped after the poll.
//!
//! Read on in this order: `task.rs`, `queue.rs`, `worker.rs`, `idle.rs`, then `runtime.rs` above
//! this folder. `route.rs` holds the policy, `event.rs` what observers see, `join_error.rs` what
//! awaiters see, `seat.rs` the thread-local connection between a thread and its worker; `nearby.rs`
//! knows which sleeping worker is near, `pace.rs` when a worker lets tasks gather; `names.rs` keeps
//! the names of tasks that have one; `loans.rs` lends priority to a task; `ending.rs` is about the
//! end of a runtime, `cut_off.rs` keeps what shutdown cancelled; `pending.rs` keeps what waits,
//! `watchers.rs` who is told of shutdown; `shield.rs` stops panics of the user's code, `tally.rs`
//! counts, `stopwatch.rs` adds up time, `floor.rs` keeps what was shown of it; `budget.rs` keeps a
//! task that never has to wait from keeping its thread; `polling.rs` shows what a worker polls,
//! `long_poll.rs` is the report of a poll that takes too long.
//!
//! The core owns no threads and does no I/O. It asks its [`Host`] for the time where a worker
//! parks, gets up, or searches for long. `Ending::drain` alone reads a clock, to wait for
//! shutdown's deadline.

mod abort_handle;
mod aborts;
pub(crate) mod budget;
mod cancel;
mod cut_off;
mod ending;
mod event;
mod executor;
mod floor;
mod host;
mod idle;
mod ids;
mod join_error;
mod loans;
mod long_poll;
mod names;
mod nearby;
mod outcome;
mod pace;
mod pending;
mod polling;
mod queue;
mod route;
mod runnable;
pub(crate) mod seat;
mod shield;
mod stopwatch;
mod tally;
mod task;
pub(crate) mod telling;
mod thread_locals;
mod tracked;
mod trust;
mod watchers;
pub(crate) mod worker;

pub use abort_handle::AbortHandle;
pub use cut_off::CutOffTask;
pub use event::{Event, LostPanic, Observer, Placement, PollEnd, RuntimeShape, Source};
pub use ids::{QueueId, TaskId, WorkerId};
pub use join_error::JoinError;
pub use long_poll::{LongPoll, LongPollStage};
pub use route::Stealing;
pub use runnable::Priority;
pub use task::{FallibleTask, Task};

pub(crate) use cancel::being_cut_off_here;
pub(crate) use ending::Phase;
pub(crate) use executor::{Executor, ExecutorParts};
pub(crate) use host::{Host, Park, Spin};
pub(crate) use idle::ParkingLot;
pub(crate) use ids::CrewId;
pub(crate) use loans::Borrower;
pub(crate) use nearby::Nearby;
pub(crate) use outcome::Outcome;
pub(crate) use pending::Spread;
pub(crate) use polling::Polled;
pub(crate) use queue::{LocalQueue, Queue, Stealable};
pub(crate) use route::Route;
pub(crate) use runnable::{MAX_QUEUES, Origin};
pub(crate) use shield::{drop_shielded, log_debug, log_error, log_warning, message, shielded};
pub(crate) use tally::Tally;
pub(crate) use trust::trusting;
pub(crate) use worker::{Worker, WorkerParts};
