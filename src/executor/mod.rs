//! The core: tasks, the queues where they wait, and the workers that run them.
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
//!   waker,     │  ▼                                 ▼  │     or panicked
//!   or (7)     │ ┌───────┐                  ┌─────────┐│
//!              │ │ ended │                  │ waiting ││
//!              │ └───────┘                  └─────────┘│
//!              │     ▲                          │      │
//!              └─────┼──────────────────────────┘      │
//!                    └─────────────────────────────────┘
//! ```
//!
//! 1. [`Executor::spawn`] counts the task, makes its two halves (`tracked::halves`) and queues one
//!    of them: with the worker that sits on this thread (`seat::offer_worker_here`), or in its
//!    queue's channel ([`Executor::inject`]).
//! 2. [`worker::step`] takes it, along the worker's route (`Worker::next`), and polls it once.
//! 3. It was woken during its own poll: async-task calls `tracked::schedule` when that has ended.
//!    It goes to the back of the worker's deque, or into its next-slot where nothing else waits
//!    there; and to its queue's channel if it was raised meanwhile, or if no worker sits here any
//!    more.
//! 4. It waits. The first time, its waker is entered in `ground/waker/pending.rs`
//!    (`seat::enter_waker`), for shutdown to find.
//! 5. Its waker calls `tracked::schedule`, which queues it at the priority that it has *then*
//!    (`seat::schedule`): with the worker that sits on this thread, or in its queue's channel. A
//!    low task becomes a high one when `Task::escalate` is called, or when a high task awaits it;
//!    if it waits, it is woken for it, and if it is queued, a worker moves it to the high queue.
//! 6. `Tracked::poll` catches the panic, drops the future and counts the end (`Life::end`).
//!    async-task stores the outcome and wakes the awaiter.
//! 7. Its handle was dropped, it was aborted, or the runtime has shut down: it is queued if it
//!    waited. The thread that takes it drops the future instead of polling it: a worker's, or at
//!    the end of a runtime the thread that ends it. If the task is running, its future is dropped
//!    after the poll. async-task does so where the handle was dropped, `cancel.rs` elsewhere.
//!
//! Read the files in this order, after `src/ground/ids.rs`, which has the numbers of all things.
//! Each begins with its purpose, most also with the things that they never do, and names the next
//! file. A T with a number names a trick, whose gain is told in `benches/TRICKS.md`.
//!
//! - `runnable.rs`: the half of a task that waits in queues, with its priority.
//! - `queue.rs`: the places where tasks wait.
//! - `ground/channel.rs`: the channel of a queue. Below the core.
//! - `route.rs`: which worker takes from which queue, and in what order.
//! - `worker.rs`: one step of a consumer thread.
//! - `seat.rs`: the connection of a thread to its runtime and its worker.
//! - `task/handle.rs`: the half of a task that its spawner keeps. In a module above the core,
//!   `src/task/`.
//! - `tracked.rs`: the future, with the work around each poll of it.
//! - `outcome.rs`: how a task has ended.
//! - `idle/mod.rs`: how workers without work park, and how they are unparked. A module below the
//!   core, `src/idle/`, since it knows no tasks. Of its files, a task's life
//!   needs `parking.rs` alone.
//!
//! With `ground/ids.rs` and these ten a task's life is told. The others serve them:
//!
//! - `executor.rs`: the part of a runtime that all its threads share.
//! - `host.rs`: the requests of the core to the threads that it runs on.
//! - `thread_locals.rs`: the memory of a thread between two calls.
//! - `cancel.rs`: how a task is ended before its time.
//! - `ending/abort_orders.rs`: the orders to end that are given to tasks by their number. In a
//!   module below the core, `src/ending/`, since it knows a task's number alone.
//! - `ending/mod.rs`: how a runtime ends.
//! - `ground/waker/pending.rs`: the wakers of tasks that wait. Below the core.
//! - `ground/next_slot.rs`: room for one task. Below the core.
//! - `ground/loans.rs`: the priority that a caller lends to the task that serves it. Below the
//!   core.
//! - `queue/extract.rs`: how raised tasks, and tasks that a thread joins, are taken out of a queue.
//! - `worker/sifter.rs`: how a worker finds the tasks that were raised in the low queue.
//! - `worker/inner_polls.rs`: how a worker polls a task within the poll of another.
//! - `telling.rs`: how an event reaches a runtime's observers.
//!
//! Below the core is, besides these, the rest of `src/ground/`: its `mod.rs` says what stands
//! there. After the core comes `runtime/`, which gives it its threads. Five notions are named
//! before their files come:
//!
//! - A **crew** is made of workers that serve the same queues (`idle/parking.rs`).
//! - A thread is **outside** if no worker of the runtime sits on it (`seat.rs`).
//! - A **standby** is an additional high worker, which takes high tasks alone and is unparked when
//!   the other high workers are not there for one, mostly since they are in low polls
//!   (`Builder::with_standby`). For the core it is a worker with a short route. Standbys form a
//!   crew of their own.
//! - A **stand-in** is a thread that takes a worker over when a task blocks that worker's thread
//!   (`runtime/threads.rs`).
//! - The **watchdog** is a thread that looks every 10 ms for workers that have begun no new poll
//!   since its last look. It gives the task that such a worker would run next (the one in its
//!   next-slot, `queue.rs`) to other workers, and unparks a worker for a task of which no
//!   worker was told (`runtime/watchdog.rs`).
//!
//! The core owns no threads and does no I/O; a reactor that does is handed in. It asks its [`Host`]
//! for the time where a worker begins, rests, goes on after that, searches for long, sifts, or
//! ends. `Ending` alone reads a clock, to wait for shutdown's deadline.

mod cancel;
mod executor;
mod host;
mod outcome;
mod queue;
mod route;
mod runnable;
pub(crate) mod seat;
pub(crate) mod telling;
mod thread_locals;
mod tracked;
pub(crate) mod worker;

pub use runnable::Priority;

pub(crate) use cancel::abort_by_number;
pub(crate) use executor::{Executor, ExecutorParts, Late};
pub(crate) use host::{Bound, Host, Park};
pub(crate) use outcome::{Outcome, TaskHalf};
pub(crate) use queue::{LocalQueue, Queue, Stealable};
pub(crate) use route::Route;
pub(crate) use runnable::{MAX_QUEUES, Meta, Origin};
pub(crate) use worker::{Worker, WorkerParts};
