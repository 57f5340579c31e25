//! An async runtime with a high and a low priority queue that you can read in an afternoon.
//!
//! Tasks run on two queues, each with threads of its own; idle threads steal from the other queue.
//! Three macros are all that most programs need:
//!
//! ```
//! use laneway::{Priority, join, spawn_task};
//!
//! async fn word_count(text: &'static str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! let low = spawn_task!(word_count("the slow lane is a lane too"));
//! let high = spawn_task!(async { 42 }, Priority::High);
//! assert_eq!(join!(low, high), [7, 42]);
//! ```
//!
//! The first [`spawn_task!`] of a program starts the runtime, with its defaults. [`Runtime::new`]
//! sets it up before, and [`Runtime::builder`] makes one that the program owns.
//!
//! # For whom, and for whom not
//!
//! | Laneway is for a program | and not for one |
//! |---|---|
//! | in which some tasks are waited for and others are not | whose libraries need tokio's reactor |
//! | whose tasks are `Send` and run on any thread | whose tasks mostly are not: [see `block_on`] |
//! | whose long computations yield now and then | that counts on preemption |
//! | that answers on sockets or over HTTP beside heavy work | whose server speaks HTTP/3 |
//! | that gains by microseconds and survives a late start | that must keep deadlines |
//!
//! # Which configuration
//!
//! | for | take | a high task starts after: median, p99 |
//! |---|---|---|
//! | most programs | the defaults | 4.1 us, 11 us |
//! | high tasks that compute for long | [`latency_first`] | 4.0 us, 11 us |
//! | computations beside other work | a queue of their own: [`with_queue`] | once it gets a core |
//!
//! The figures are those beside 64 low tasks that compute 2 ms in each poll. On tokio the same
//! takes 0.95 ms and 24 ms; on two tokio runtimes, of which one has nice threads, 20 us and 40 us.
//! Small tasks alone take up to 1.65 times as long with `latency_first` as with the defaults, and
//! on tokio 3.3 times as long if their handles are awaited, 1.7 times if they are detached. All of
//! this is on two cores under Linux: `benches/peers` in the repository has the tables, the method
//! and its bias. [`Builder`] lists all settings.
//!
//! # Coming from tokio
//!
//! | tokio | Laneway |
//! |---|---|
//! | `#[tokio::main]` | a plain `main`; the first [`spawn_task!`] starts the runtime |
//! | `tokio::spawn` | [`spawn_task!`], [`Runtime::spawn`], [`Handle::spawn`] |
//! | `task::Builder`, for a name | [`named`]; `spawn_task!(name = "parser", future)` |
//! | a dropped `JoinHandle` detaches | a dropped [`Task`] **cancels**: keep it or [`detach`] it |
//! | `handle.await` is a `Result` | it is the output; [`fallible`] makes it a `Result` |
//! | `handle.abort()` | [`cancel`] waits until the future is gone; [`AbortHandle`] does not |
//! | `join!` polls futures in place | [`join!`] **blocks**, for a `Vec`; async code awaits tasks |
//! | `try_join!` ends at an error | [`try_join!`] runs all to their end; [`first_error`] does not |
//! | `JoinSet` | [`TaskGroup`] |
//! | `LocalSet`, `spawn_local` | [`block_on`] with the `LocalExecutor` of `async-executor` |
//! | `spawn_blocking` | [`blocking::unblock`] |
//! | `block_in_place` | [`block_in_place`]; [`block_on`] and [`join!`] do the same by themselves |
//! | `tokio::net` | the feature `net`: traits of `futures_io`, halves that are clones |
//! | `tokio::time` | [`time`](mod@time), with a runtime or without |
//! | `#[tokio::test]` | a plain test with [`block_on`]; [`sim::explore`] for every schedule |
//! | `start_paused` | [`sim::Sim`], whose clock is simulated |
//!
//! # Coming from smol
//!
//! Handles are the same: dropping a [`Task`] cancels it, and [`detach`] and [`cancel`] mean what
//! they mean there. `smol::spawn` is [`spawn_task!`], `unblock` is [`blocking::unblock`],
//! `Timer::after` is [`time::sleep`]. A runtime owns its threads: nothing corresponds to
//! `Executor::run`. A `LocalExecutor` runs within [`block_on`], which has an example. async-io,
//! async-net, async-fs, async-process, async-lock and async-channel work as they are.
//!
//! # Sockets, `select!`, semaphores, Ctrl-C
//!
//! A future that brings its own wake-ups works here, whichever crate it comes from:
//!
//! | for | take |
//! |---|---|
//! | sockets and name lookup | the feature `net`; or `async-net` |
//! | an HTTP server, with axum or without | the package `laneway-http` of the repository |
//! | jobs that survive a crash | the package `laneway-jobs` of the repository |
//! | files, child processes | `async-fs`, `async-process`; or std within [`blocking::unblock`] |
//! | the first of several | `tokio::select!`, `futures::select!`, `futures_lite::future::or` |
//! | channels, oneshots, locks, semaphores | `tokio::sync`, `async-channel`, `async-lock` |
//! | cancellation tokens | `tokio_util::sync::CancellationToken` |
//! | the end of the runtime, within a task | [`shutdown_begun`] |
//! | Ctrl-C and other signals | `ctrlc` with a channel, `async-signal` |
//! | streams, a few of whose futures run at once | `buffer_unordered` of `futures` |
//! | values that follow a task, such as a request's number | [`task_local!`] |
//! | what needs tokio's reactor or its timers | `async_compat::Compat` around the future |
//!
//! Of tokio this takes the features `sync` and `macros`, and no runtime. Without `Compat`, a future
//! of `tokio::net` or `tokio::time` panics and says that no reactor is running.
//!
//! tokio's runtime does two things for `tokio::sync` that Laneway does not. A task that receives
//! again and again without a wait yields there: here such a loop calls [`yield_now`] now and then.
//! And `blocking_recv`, `blocking_send` and `blocking_lock` panic there in async code: here they
//! block the worker, unless they are called within [`blocking::unblock`] or [`block_in_place`].
//!
//! # Which crate needs what
//!
//! | a crate that | such as | needs |
//! |---|---|---|
//! | takes any stream of `futures-io` | async-tungstenite | nothing: give it a stream of `net` |
//! | has a reactor of its own | `smol::net`, `smol::fs`, `smol::Timer` | nothing |
//! | lets a feature choose the reactor | sqlx | its feature for smol, and nothing else |
//! | waits for no socket and no time | `tokio::sync`, tower, routers of axum | nothing |
//! | opens tokio's sockets, or sleeps by it | reqwest | `async_compat::Compat` around a future |
//! | spawns on tokio, within such a future | reqwest, for each connection; axum's `ws` | the same |
//! | spawns on smol's executor | `smol::spawn` | [`spawn_task!`] in its place |
//!
//! `Compat` starts a tokio runtime of one thread when it is first used: that thread waits for
//! sockets and times, and runs what is spawned on tokio. The future itself stays a task of its
//! lane. async-tungstenite also takes an upgraded connection of `laneway-http`, whose example
//! `chat` shows that. The folder `examples/others` has a program for each of reqwest, sqlx,
//! async-tungstenite and smol, and a test that runs it.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | brings | dependency |
//! |---|---|---|
//! | `cron` | `background::cron`: processes at times of day in a time zone | `croner`, `jiff` |
//! | `metrics` | `observe::facade`: the counters, for that crate's recorder | `metrics` |
//! | `net` | `net`: TCP, UDP and Unix sockets, and names | `mio`, `socket2`, `futures-io` |
//! | `slices` | no wait for a nice thread's slice: [`Builder::with_low_nice`] | `thread-priority` |
//! | `tracing` | `observe::spans`: a span for each task, as tokio-console reads it | `tracing` |
//!
//! # Cookbook, examples, book
//!
//! The [`cookbook`] has whole programs: shutdown on Ctrl-C, a batch with bounded concurrency that
//! an error cancels, a TCP server, a periodic job, an actor, a simulated test, metrics. The folder
//! `examples` has one idea in each program: begin with `cargo run --release --example tour`. The
//! repository also has a book that builds this runtime step by step: `cargo chapter` lists its
//! chapters and runs their programs, `cargo book --open` renders it.
//!
//! # Platforms
//!
//! Laneway is developed, tested and measured on Linux, on x86-64. It needs Rust 1.88, threads and
//! 64-bit atomics, and has no `unsafe` code. Systems other than Linux lack two things: niceness
//! belongs to the whole process there and is left alone, as [`Runtime::low_nice`] tells; and a
//! worker does not know its core, so that `latency_first` cannot wake the nearest high thread. Each
//! change is checked by the compiler for Windows and macOS too, where nothing is run: all features
//! of this package, and `laneway-http` without TLS.
//!
//! | system | what was done there |
//! |---|---|
//! | Linux, x86-64 | all tests, all figures |
//! | Windows, x86-64 (`-pc-windows-gnu`) | `cargo check` with `net`, and of `laneway-http` |
//! | macOS, aarch64 | the same |
//! | others | nothing |
//!
//! A process that forks and goes on in the child without `exec` has none of its threads there: a
//! runtime of the parent runs no task in the child, and its drop waits for ever. If the parent has
//! slept or has used [`blocking::unblock`] before, no sleep ends in the child, and no such closure
//! runs. Child processes of `std::process` and `async-process` are not concerned.
//!
//! # A tour of the source
//!
//! 1. [`spawn_task!`] turns a future into a half that gets queued and a half that the caller
//!    keeps, the [`Task`], with one allocation.
//! 2. The queued half enters a queue: a channel that any thread may push to, or the local deque of
//!    the worker that is running right now.
//! 3. A worker takes it: from its own queue first, then along its route from other queues.
//! 4. It is polled once. If it is pending, it is gone until its waker schedules it again, at the
//!    priority that it has then.
//! 5. Ready, panicked or cancelled: the `Task` learns it, and its awaiter wakes.
//!
//! The source reads in that order. `executor/mod.rs` draws this life, names the functions that take
//! each step, and lists its files in the order in which to read them, after `ground/ids.rs`, which
//! has the numbers of all things: `runnable.rs`, `queue.rs`, `route.rs`, `worker.rs`, `seat.rs`,
//! then `task/handle.rs`, `tracked.rs`, `outcome.rs`, `idle/`, and the rest. Each of these files
//! names the next one. `runtime/` adds the threads. Around them stand `time/` (the timer),
//! `blocking/` (threads for closures that block), `group/` (tasks that belong together),
//! `background/`, `pipeline/`, `net/` (sockets), `sim/` (the same workers without threads),
//! `observe/` (the recorder and its replays) and `macros.rs`. Below all of it stands `ground/`: the
//! numbers of all things, the primitives of threads, panics of the user's code, the poll that goes
//! on, wakers that are kept, events and counts. `ending/` has the phases of a runtime's end.
//!
//! [see `block_on`]: block_on#futures-that-are-not-send
//! [`latency_first`]: Builder::latency_first
//! [`with_queue`]: Builder::with_queue
//! [`detach`]: Task::detach
//! [`fallible`]: Task::fallible
//! [`cancel`]: Task::cancel
//! [`first_error`]: TaskGroup::first_error

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod background;
pub mod blocking;
pub mod cookbook;
#[cfg(counted)]
#[path = "../benches/scale/counted/mod.rs"]
pub mod counted;
mod ending;
mod executor;
mod ground;
mod group;
mod idle;
mod macros;
#[cfg(feature = "net")]
pub mod net;
pub mod observe;
pub mod pipeline;
mod runtime;
pub mod sim;
mod task;
pub mod time;

pub use executor::Priority;
pub use futures_lite::future::yield_now;
pub use ground::ids::{QueueId, TaskId};
pub use ground::join_error::JoinError;
pub use ground::telemetry::CutOffTask;
pub use group::{NamedMember, TaskGroup};
#[doc(hidden)]
pub use macros::joined as __joined;
pub use runtime::{
    BuildError, Builder, EnterGuard, HIGH_NUM_VARIABLE, Handle, Idle, IntoQueueName,
    LOW_NUM_VARIABLE, NamedSpawn, QueueName, Runtime, ShutdownBegun, ShutdownReport, SpawnError,
    Stealing, block_in_place, block_on, join_all, named, shutdown_begun, spawn, try_join_all,
};
pub use task::{AbortHandle, FallibleTask, Task};

#[doc(hidden)]
pub use task::task_local::TaskLocalSlot as __TaskLocalSlot;
pub use task::task_local::{NotInScope, Scoped, TaskLocal};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
