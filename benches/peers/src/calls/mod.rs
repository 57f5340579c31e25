//! What a call to a task behind a handle costs: the request there, the reply back.
//!
//! The task owns a sum and adds to it. Each executor does it as its users do: tokio by a channel
//! of requests that carry a oneshot sender each, Laneway by its `background`. Callers and the
//! task run on the same executor, unless the caller is a thread outside.
//!
//! A process holds all executors and measures them in rounds, in an order that is drawn anew each
//! time.

mod report;
mod services;

use std::future::Future;
use std::time::Instant;

use crate::child::{Effort, child};
use crate::executors::{Executor, Lane};
use crate::figures::{self, Figure, Figures};
use crate::peer::Peer;

pub(crate) use report::report;

/// An executor whose users have a way to put a task behind a handle.
pub(crate) trait Serves: Executor {
    type Client: Client;

    /// Spawns the task. It ends with the last client.
    fn serve(&'static self, room: Room) -> Self::Client;
}

/// A handle to the task.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// Adds a number, and gives the sum.
    fn call(&self, n: u64) -> impl Future<Output = u64> + Send;
}

/// How many requests may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Unbounded,
    For(usize),
}

/// What all executors that serve have in common once their types are forgotten.
pub(crate) trait Served: Sync {
    /// Nanoseconds per call.
    fn ns_per_call(&'static self, calling: Calling) -> f64;
}

impl<E: Serves> Served for E {
    fn ns_per_call(&'static self, calling: Calling) -> f64 {
        measure(self, calling)
    }
}

/// Who calls, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calling {
    name: &'static str,
    callers: Callers,
    calls: usize,
    room: Room,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callers {
    /// So many tasks at once.
    Tasks(usize),
    /// The thread that measures.
    ThreadOutside,
}

impl Calling {
    pub(crate) const ALL: [Calling; 5] = [
        Calling::by_tasks("one task", 1, 20_000, Room::Unbounded),
        Calling::by_tasks("4 tasks", 4, 5_000, Room::Unbounded),
        Calling::by_tasks("100 tasks", 100, 500, Room::Unbounded),
        Calling::by_tasks("100 tasks and room for 16", 100, 500, Room::For(16)),
        Calling {
            name: "a thread outside",
            callers: Callers::ThreadOutside,
            calls: 1_000,
            room: Room::Unbounded,
        },
    ];

    const fn by_tasks(name: &'static str, tasks: usize, calls: usize, room: Room) -> Calling {
        Calling {
            name,
            callers: Callers::Tasks(tasks),
            calls,
            room,
        }
    }
}

fn measure<E: Serves>(on: &'static E, calling: Calling) -> f64 {
    let client = on.serve(calling.room);
    let started = Instant::now();
    let callers = match calling.callers {
        Callers::Tasks(tasks) => {
            on.block_on(on.spawn(
                Lane::Default,
                call_from_tasks(on, client, tasks, calling.calls),
            ));
            tasks
        }
        Callers::ThreadOutside => {
            (0..calling.calls).for_each(|_| {
                on.block_on(client.call(1));
            });
            1
        }
    };
    started.elapsed().as_nanos() as f64 / (callers * calling.calls) as f64
}

async fn call_from_tasks<E: Serves>(on: &'static E, client: E::Client, tasks: usize, calls: usize) {
    let callers: Vec<_> = (0..tasks)
        .map(|_| {
            let client = client.clone();
            on.spawn_inside(Lane::Default, async move {
                for _ in 0..calls {
                    client.call(1).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await;
    }
    let sum = client.call(0).await;
    assert_eq!(sum, (tasks * calls) as u64, "a call was lost");
}

/// Measures in fresh processes, one after the other.
pub(crate) fn in_processes(effort: Effort, threads: usize, peers: &[Peer]) -> Figures {
    let mut figures = Figures::default();
    let names: Vec<String> = peers.iter().map(|peer| peer.name()).collect();
    let arguments = [
        "calls".to_owned(),
        format!("--rounds={}", effort.rounds),
        format!("--threads={threads}"),
        format!("--peers={}", names.join(",")),
    ];
    for process in 0..effort.processes {
        eprintln!("process {} of {}", process + 1, effort.processes);
        figures.add_named(process, &child(&arguments));
    }
    figures
}

/// What a child process does. The first round is to warm up.
pub(crate) fn in_this_process(peers: &[Peer], threads: usize, rounds: usize) {
    let started = peers
        .iter()
        .map(|&peer| (peer, peer.start_serving(threads)));
    let subjects: Vec<(Peer, &'static dyn Served)> = started.collect();
    let each = |calling| subjects.iter().map(move |&subject| (calling, subject));
    let mut pairs: Vec<_> = Calling::ALL.into_iter().flat_map(each).collect();
    for round in 0..=rounds {
        fastrand::shuffle(&mut pairs);
        for &(calling, (peer, subject)) in &pairs {
            let ns = subject.ns_per_call(calling);
            if round > 0 {
                figures::print_named(peer, &[Figure::new(calling.name, ns)]);
            }
        }
    }
}
