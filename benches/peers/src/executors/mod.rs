//! The executors under test, one per file, behind one trait.
//!
//! An executor lives as long as the process: its users keep it in a static, and so does this
//! program. So no executor pays for a reference count that its users would not pay for. For the
//! same reason every `spawn` is inlined: its users call the executor's own.

mod async_executor;
mod async_runtime;
mod bevy;
mod flume_pool;
mod futures;
pub(crate) mod laneway;
mod smol;
pub(crate) mod tokio;

use std::future::Future;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::calls::Served;
use crate::subject::Subject;
use crate::timer::Timed;
pub(crate) use crate::workloads::{Executor, Handle, Lane};

/// An executor that comes with a timer.
pub(crate) trait Sleeps: Executor {
    type Sleep: Future + Send + 'static;

    /// Made inside of `block_on` or of a task, since some look for their timer there.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// As [`sleep`](Sleeps::sleep), by the deadline.
    fn sleep_until(deadline: Instant) -> Self::Sleep;
}

/// async-executor, bevy_tasks and the flume pool share this handle.
impl<T: Send + 'static> Handle<T> for async_task::Task<T> {
    fn detach(self) {
        async_task::Task::detach(self);
    }
}

/// An executor and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Peer {
    /// tokio as `#[tokio::main]` starts it, with its drivers for sockets and time.
    Tokio,
    /// tokio without the drivers: idle workers sleep on a condition variable.
    TokioBare,
    /// tokio with a second runtime for the high tasks.
    TokioTwo,
    /// The same, with the low runtime's threads at niceness 19.
    TokioTwoNiced,
    /// async-executor's `Executor`.
    AsyncExecutor,
    /// async-executor's `StaticExecutor`.
    AsyncExecutorStatic,
    /// async-executor's `Executor` on threads that also drive async-io, as the crate smol has it.
    Smol,
    /// The `ThreadPool` of futures.
    Futures,
    /// bevy_tasks' `TaskPool`.
    Bevy,
    /// The crate async-runtime.
    AsyncRuntime,
    /// One flume channel and threads that block on it: the book's third chapter.
    FlumePool,
    /// Such a pool for high tasks and one at niceness 19 for the others: the kernel's own latency.
    FlumePoolTwoNiced,
    /// The same with the threads for high tasks bound to cores and called on their own.
    FlumePoolBound,
    /// Laneway without local queues, all threads on one queue.
    LanewayOneQueue,
    /// Laneway: one high and the rest low threads, stealing both ways.
    Laneway,
    /// Laneway set up for the latency of high tasks.
    LanewayLatencyFirst,
}

impl Peer {
    /// Those whose throughput is compared.
    pub(crate) const EXECUTORS: [Peer; 11] = [
        Peer::Tokio,
        Peer::TokioBare,
        Peer::AsyncExecutor,
        Peer::AsyncExecutorStatic,
        Peer::Futures,
        Peer::Bevy,
        Peer::AsyncRuntime,
        Peer::FlumePool,
        Peer::LanewayOneQueue,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
    ];

    /// Those whose high tasks are timed: those that have any, and what the users of the others
    /// do about it. The fair peer of `laneway-latency-first` first: it does the same with tokio.
    pub(crate) const FOR_LATENCY: [Peer; 9] = [
        Peer::TokioTwoNiced,
        Peer::TokioTwo,
        Peer::Tokio,
        Peer::AsyncExecutor,
        Peer::AsyncRuntime,
        Peer::FlumePoolTwoNiced,
        Peer::FlumePoolBound,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
    ];

    /// Those that are given ten million tasks.
    pub(crate) const FOR_GROWTH: [Peer; 5] = [
        Peer::Tokio,
        Peer::AsyncExecutor,
        Peer::AsyncExecutorStatic,
        Peer::FlumePool,
        Peer::Laneway,
    ];

    /// Those that have a timer.
    pub(crate) const FOR_TIMER: [Peer; 3] = [Peer::Tokio, Peer::Smol, Peer::Laneway];

    /// Those whose tasks are called through a handle.
    pub(crate) const FOR_CALLS: [Peer; 3] = [Peer::Tokio, Peer::TokioBare, Peer::Laneway];

    /// The name on the command line and in the tables.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no peer is skipped");
        value.get_name().to_owned()
    }

    pub(crate) fn is_laneway(self) -> bool {
        self.name().starts_with("laneway")
    }

    /// Whether it has as many threads again for high tasks alone.
    pub(crate) fn has_threads_for_high(self) -> bool {
        matches!(
            self,
            Peer::TokioTwo
                | Peer::TokioTwoNiced
                | Peer::FlumePoolTwoNiced
                | Peer::FlumePoolBound
                | Peer::LanewayLatencyFirst
        )
    }

    /// Starts the executor with so many threads: see
    /// [`has_threads_for_high`](Peer::has_threads_for_high).
    pub(crate) fn start(self, threads: usize) -> &'static dyn Subject {
        match self {
            Peer::Tokio => keep(tokio::Tokio::with_drivers(threads)),
            Peer::TokioBare => keep(tokio::Tokio::bare(threads)),
            Peer::TokioTwo => keep(tokio::Tokio::two(threads)),
            Peer::TokioTwoNiced => keep(tokio::Tokio::two_niced(threads)),
            Peer::AsyncExecutor => keep(async_executor::Plain::start(threads)),
            Peer::AsyncExecutorStatic => keep(async_executor::Static::start(threads)),
            Peer::Smol => keep(smol::Smol::start(threads)),
            Peer::Futures => keep(futures::Futures::start(threads)),
            Peer::Bevy => keep(bevy::Bevy::start(threads)),
            Peer::AsyncRuntime => keep(async_runtime::AsyncRuntime::start(threads)),
            Peer::FlumePool => keep(flume_pool::FlumePool::start(threads)),
            Peer::FlumePoolTwoNiced => keep(flume_pool::FlumePool::two_niced(threads)),
            Peer::FlumePoolBound => keep(flume_pool::FlumePool::bound(threads)),
            Peer::LanewayOneQueue => keep(laneway::Laneway::one_queue(threads)),
            Peer::Laneway => keep(laneway::Laneway::default_queues(threads)),
            Peer::LanewayLatencyFirst => keep(laneway::Laneway::latency_first(threads)),
        }
    }

    /// Starts an executor that has a timer: one of [`Peer::FOR_TIMER`].
    pub(crate) fn start_timed(self, threads: usize) -> &'static dyn Timed {
        match self {
            Peer::Tokio => Box::leak(Box::new(tokio::Tokio::with_drivers(threads))),
            Peer::Smol => Box::leak(Box::new(smol::Smol::start(threads))),
            Peer::Laneway => Box::leak(Box::new(laneway::Laneway::default_queues(threads))),
            _ => panic!("{} has no timer", self.name()),
        }
    }

    /// Starts an executor that serves calls: one of [`Peer::FOR_CALLS`].
    pub(crate) fn start_serving(self, threads: usize) -> &'static dyn Served {
        match self {
            Peer::Tokio => Box::leak(Box::new(tokio::Tokio::with_drivers(threads))),
            Peer::TokioBare => Box::leak(Box::new(tokio::Tokio::bare(threads))),
            Peer::Laneway => Box::leak(Box::new(laneway::Laneway::default_queues(threads))),
            _ => panic!("{} serves no calls", self.name()),
        }
    }
}

fn keep(executor: impl Executor) -> &'static dyn Subject {
    Box::leak(Box::new(executor))
}
