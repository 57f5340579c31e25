//! The executors by name, and which of them take part in what.

use clap::ValueEnum;

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
    /// tokio under axum, over HTTP.
    TokioAxum,
    /// tokio under hyper, with its pool for blocking calls for the low tasks.
    TokioSpawnBlocking,
    /// The same with rayon for them.
    TokioRayon,
    /// No runtime: a thread for each connection, over HTTP.
    Threads,
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
    /// Laneway: one high and the rest low threads, the high ones stealing, and one that stands by.
    Laneway,
    /// Laneway set up for the latency of high tasks.
    LanewayLatencyFirst,
    /// Laneway under axum, over HTTP.
    LanewayAxum,
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
    /// do about it. The fair peers first: tokio's users can do the same with two runtimes, and
    /// bound threads show what the kernel takes.
    pub(crate) const FOR_LATENCY: [Peer; 9] = [
        Peer::TokioTwoNiced,
        Peer::FlumePoolBound,
        Peer::TokioTwo,
        Peer::Tokio,
        Peer::AsyncExecutor,
        Peer::AsyncRuntime,
        Peer::FlumePoolTwoNiced,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
    ];

    /// Those that beat beside items that never yield. The first has a plain thread for that.
    pub(crate) const FOR_HEARTBEAT: [Peer; 4] = [
        Peer::FlumePool,
        Peer::Tokio,
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

    /// The servers over HTTP. Where no name says otherwise, tokio is under hyper, and Laneway is
    /// under `laneway-http`, which is on hyper too.
    pub(crate) const FOR_HTTP: [Peer; 10] = [
        Peer::Tokio,
        Peer::TokioAxum,
        Peer::TokioSpawnBlocking,
        Peer::TokioRayon,
        Peer::TokioTwo,
        Peer::TokioTwoNiced,
        Peer::Threads,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
        Peer::LanewayAxum,
    ];

    /// Those of them that are asked without a pause.
    pub(crate) const SATURATED: [Peer; 5] = [
        Peer::Tokio,
        Peer::TokioAxum,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
        Peer::LanewayAxum,
    ];

    /// Those that are asked beside a handler that computes. The first shows what the kernel takes.
    pub(crate) const BESIDE_HANDLER: [Peer; 4] = [
        Peer::Threads,
        Peer::Tokio,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
    ];

    /// Those that are asked beside low tasks.
    pub(crate) const BESIDE_LOW: [Peer; 7] = [
        Peer::Tokio,
        Peer::TokioSpawnBlocking,
        Peer::TokioRayon,
        Peer::TokioTwo,
        Peer::TokioTwoNiced,
        Peer::Laneway,
        Peer::LanewayLatencyFirst,
    ];

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
}
