//! The six workloads. The same futures and channels for every executor, and nothing in them
//! that belongs to one of the peers.
//!
//! Ping-pong, yields, chains and both spawns follow the shape of tokio's own benchmark
//! `rt_multi_threaded`; spawn-and-wait is what a thread does that hands one thing over at a time.
//!
//! Part of two programs, which include it by its path: `benches/peers` runs the workloads on
//! Laneway and on others, `benches/recorder` on Laneway alone, observed and not.

mod executor;

use clap::ValueEnum;
use futures_channel::oneshot;
use futures_lite::future::yield_now;

pub(crate) use executor::{Executor, Handle, Lane};

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
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no workload is skipped");
        value.get_name().to_owned()
    }

    /// Runs it to its end.
    pub(crate) fn run<E: Executor>(self, on: &'static E) {
        match self {
            Workload::SpawnMany => spawn_many(on, 50_000),
            Workload::SpawnInside => {
                on.block_on(on.spawn(Lane::Default, spawn_inside(on, 50_000)));
            }
            Workload::YieldMany => yield_many(on, 200, 1_000),
            Workload::PingPong => on.block_on(on.spawn(Lane::Default, ping_pong(on, 1_000))),
            Workload::Chain => {
                let (done, ended) = oneshot::channel();
                on.spawn(Lane::Default, async move { chain(on, done, 10_000) })
                    .detach();
                on.block_on(ended).expect("the chain comes to its end");
            }
            Workload::SpawnAndWait => spawn_and_wait(on, 1_000),
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

fn yield_many<E: Executor>(on: &'static E, tasks: usize, yields: usize) {
    let yielding = || async move {
        for _ in 0..yields {
            yield_now().await;
        }
    };
    let tasks: Vec<_> = (0..tasks)
        .map(|_| on.spawn(Lane::Default, yielding()))
        .collect();
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
}

async fn ping_pong<E: Executor>(on: &'static E, pairs: usize) {
    let tasks: Vec<_> = (0..pairs)
        .map(|_| on.spawn_inside(Lane::Default, ping(on)))
        .collect();
    for task in tasks {
        task.await;
    }
}

async fn ping<E: Executor>(on: &'static E) {
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

fn chain<E: Executor>(on: &'static E, done: oneshot::Sender<()>, links: usize) {
    if links == 0 {
        done.send(()).expect("somebody waits for the end");
    } else {
        on.spawn_inside(Lane::Default, async move { chain(on, done, links - 1) })
            .detach();
    }
}

fn spawn_and_wait<E: Executor>(on: &'static E, times: usize) {
    for _ in 0..times {
        on.block_on(on.spawn(Lane::Default, async {}));
    }
}
