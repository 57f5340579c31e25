//! Which executor stands behind each name.

use crate::calls::Served;
use crate::executors::{
    Yields, async_executor, async_runtime, bevy, flume_pool, futures, laneway, smol, tokio,
};
use crate::heartbeat::Beating;
use crate::peer::Peer;
use crate::subject::Subject;
use crate::timer::Timed;

impl Peer {
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
            Peer::TokioAxum
            | Peer::TokioSpawnBlocking
            | Peer::TokioRayon
            | Peer::Threads
            | Peer::LanewayAxum => {
                panic!("{} is a server over HTTP", self.name())
            }
            Peer::LanewayOneQueue => keep(laneway::Laneway::one_queue(threads)),
            Peer::Laneway => keep(laneway::Laneway::default_queues(threads)),
            Peer::LanewayLatencyFirst => keep(laneway::Laneway::latency_first(threads)),
        }
    }

    /// Starts an executor that beats beside its items: one of [`Peer::FOR_HEARTBEAT`].
    pub(crate) fn start_beating(self, threads: usize) -> &'static dyn Beating {
        match self {
            Peer::FlumePool => Box::leak(Box::new(flume_pool::FlumePool::start(threads))),
            Peer::Tokio => Box::leak(Box::new(tokio::Tokio::with_drivers(threads))),
            Peer::Laneway => Box::leak(Box::new(laneway::Laneway::default_queues(threads))),
            Peer::LanewayLatencyFirst => {
                Box::leak(Box::new(laneway::Laneway::latency_first(threads)))
            }
            _ => panic!("{} has no heartbeat", self.name()),
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

fn keep(executor: impl Yields) -> &'static dyn Subject {
    Box::leak(Box::new(executor))
}
