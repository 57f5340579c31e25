//! The six workloads. The same futures and channels for every executor, and nothing in them
//! that belongs to one of the peers.
//!
//! Ping-pong, yields, chains and both spawns follow the shape of tokio's own benchmark
//! `rt_multi_threaded`; spawn-and-wait is what a thread does that hands one thing over at a time.
//!
//! Part of three programs, which include it by its path: `benches/peers` runs the workloads on
//! Laneway and on others, and once more in a form without handles; `benches/recorder` on Laneway
//! alone, observed and not; `benches/scale` on up to 128 cores that are simulated.

mod executor;

use std::future::Future;

use clap::ValueEnum;
use futures_channel::oneshot;
use futures_lite::future::yield_now;

pub(crate) use executor::{Executor, Handle, Lane};

/// Empty tasks of the two spawning workloads.
pub(crate) const EMPTY_TASKS: usize = 50_000;
/// Tasks that yield.
pub(crate) const YIELDING_TASKS: usize = 200;
/// How often each of them does.
pub(crate) const YIELDS: usize = 1_000;
/// Pairs that play ping-pong.
pub(crate) const PAIRS: usize = 1_000;
/// Tasks of the chain, after the first one.
pub(crate) const LINKS: usize = 10_000;
/// Tasks that are waited for one at a time.
pub(crate) const WAITS: usize = 1_000;

/// One of the six.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Workload {
    /// 50,000 empty tasks spawned by a thread outside, which awaits them all.
    SpawnMany,
    /// The same, spawned and awaited by a task.
    SpawnInside,
    /// 200 tasks that yield 1,000 times each.
    YieldMany,
    /// 1,000 tasks that each spawn another and send it a message that it answers.
    PingPong,
    /// 10,000 tasks, each spawned by the one before.
    Chain,
    /// 1,000 times: a thread outside spawns a task and waits for it; there is nothing else to do.
    SpawnAndWait,
}

impl Workload {
    /// Runs it to its end.
    pub(crate) fn run<E: Executor>(self, on: &'static E) {
        self.run_part(on, 1);
    }

    /// Runs one of so many equal parts of it.
    pub(crate) fn run_part<E: Executor>(self, on: &'static E, parts: usize) {
        match self {
            Workload::SpawnMany => spawn_many(on, EMPTY_TASKS / parts),
            Workload::SpawnInside => {
                on.block_on(on.spawn(Lane::Default, spawn_inside(on, EMPTY_TASKS / parts)));
            }
            Workload::YieldMany => yield_times(on, YIELDS / parts, yield_now),
            Workload::PingPong => {
                on.block_on(on.spawn(Lane::Default, ping_pong(on, PAIRS / parts)));
            }
            Workload::Chain => {
                let (done, ended) = oneshot::channel();
                let at_end = move || done.send(()).expect("somebody waits for the end");
                let links = LINKS / parts;
                on.spawn(Lane::Default, async move { chain(on, links, at_end) })
                    .detach();
                on.block_on(ended).expect("the chain comes to its end");
            }
            Workload::SpawnAndWait => spawn_and_wait(on, WAITS / parts),
        }
    }
}

fn spawn_many<E: Executor>(on: &'static E, count: usize) {
    let mut tasks = Vec::with_capacity(count);
    tasks.extend((0..count).map(|_| on.spawn(Lane::Default, async {})));
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
}

async fn spawn_inside<E: Executor>(on: &'static E, count: usize) {
    let mut tasks = Vec::with_capacity(count);
    tasks.extend((0..count).map(|_| on.spawn_inside(Lane::Default, async {})));
    for task in tasks {
        task.await;
    }
}

/// The tasks yield by the futures that are given.
pub(crate) fn yield_many<E, F, Y>(on: &'static E, yield_once: F)
where
    E: Executor,
    F: Fn() -> Y + Copy + Send + 'static,
    Y: Future<Output = ()> + Send + 'static,
{
    yield_times(on, YIELDS, yield_once);
}

fn yield_times<E, F, Y>(on: &'static E, times: usize, yield_once: F)
where
    E: Executor,
    F: Fn() -> Y + Copy + Send + 'static,
    Y: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..YIELDING_TASKS)
        .map(|_| on.spawn(Lane::Default, yielding_times(times, yield_once)))
        .collect();
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
}

/// One of the tasks that yield.
pub(crate) async fn yielding<Y: Future<Output = ()>>(yield_once: impl Fn() -> Y) {
    yielding_times(YIELDS, yield_once).await;
}

async fn yielding_times<Y: Future<Output = ()>>(times: usize, yield_once: impl Fn() -> Y) {
    for _ in 0..times {
        yield_once().await;
    }
}

async fn ping_pong<E: Executor>(on: &'static E, pairs: usize) {
    let tasks: Vec<_> = (0..pairs)
        .map(|_| on.spawn_inside(Lane::Default, ping(on)))
        .collect();
    for task in tasks {
        task.await;
    }
}

/// Spawns a partner, and exchanges a message for an answer.
pub(crate) async fn ping<E: Executor>(on: &'static E) {
    let (ping, pinged) = oneshot::channel();
    let (pong, ponged) = oneshot::channel();
    let partner = async move {
        pinged.await.expect("a ping is sent");
        pong.send(()).expect("somebody waits for the pong");
    };
    on.spawn_inside(Lane::Default, partner).detach();
    ping.send(()).expect("the partner waits for the ping");
    ponged.await.expect("a pong is sent");
}

/// Spawns so many tasks, each from the one before.
pub(crate) fn chain<E, F>(on: &'static E, links: usize, at_end: F)
where
    E: Executor,
    F: FnOnce() + Send + 'static,
{
    if links == 0 {
        at_end();
    } else {
        on.spawn_inside(Lane::Default, async move { chain(on, links - 1, at_end) })
            .detach();
    }
}

fn spawn_and_wait<E: Executor>(on: &'static E, times: usize) {
    for _ in 0..times {
        on.block_on(on.spawn(Lane::Default, async {}));
    }
}
