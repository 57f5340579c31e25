//! What a task takes of memory, and how often it goes to the allocator.
//!
//! The bytes are those asked for; what the allocator adds is not in them, nor is the handle that
//! the caller keeps. The tasks' futures are empty or hold one pointer.

use std::env;
use std::future::{Future, poll_fn};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;

use clap::ValueEnum;

use crate::executors::{Executor, Handle, Lane};
use crate::figures::{self, Figure};
use crate::peer::Peer;
use crate::{profile, servers};

const TASKS: usize = 100_000;

/// What a program has asked of its allocator so far.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    /// Allocations and reallocations.
    pub times: usize,
    /// Bytes allocated.
    pub bytes: usize,
    /// Bytes given back.
    pub bytes_freed: usize,
}

/// Reads the counts of the program's allocator.
pub(crate) type Count = fn() -> Allocated;

/// Whose memory is counted.
#[expect(
    clippy::enum_variant_names,
    reason = "the arguments of the program read so"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Held {
    /// What a task takes.
    ByTasks,
    /// What a pending sleep takes. See `timer/held.rs`.
    BySleeps,
    /// The memory of a connection that rests. See `servers/held.rs`.
    ByConnections,
}

/// Measures what is named on an executor by its name, in a program whose allocator counts.
///
/// # Panics
///
/// If either name is unknown.
pub fn print_memory(held: &str, peer: &str, threads: usize, count: Count) {
    let peer = figures::peer_named(peer).expect("the name of an executor");
    let figures = match Held::from_str(held, false).expect("by-tasks, by-sleeps or by-connections")
    {
        Held::ByTasks => peer.start(threads).memory(threads, count),
        Held::BySleeps => peer.start_timed(threads).memory(count),
        Held::ByConnections => servers::held(peer, threads, count),
    };
    figures::print(&figures);
}

/// Builds and runs the program that counts. `None` if that cannot be done: without cargo.
pub(crate) fn in_counting_program(held: Held, peer: Peer, threads: usize) -> Option<Vec<String>> {
    let features = match held {
        Held::ByConnections => "count,http",
        Held::ByTasks | Held::BySleeps => "count",
    };
    let held = held.to_possible_value().expect("none is skipped");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--profile", profile::option()])
        .args(["--features", features])
        .args(["--bin", "laneway-peers-memory"])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args(["--", held.get_name(), &peer.name(), &threads.to_string()])
        .output()
        .ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    Some(lines.lines().map(str::to_owned).collect())
}

pub(crate) fn measure<E: Executor>(on: &'static E, threads: usize, count: Count) -> Vec<Figure> {
    // Not counted: what an executor allocates once.
    spawn_and_await(on);
    let mut figures = spawned_and_run(on, count);
    figures.push(spawned(on, threads, count));
    figures.push(pending(on, count));
    figures
}

fn spawned_and_run<E: Executor>(on: &'static E, count: Count) -> Vec<Figure> {
    let before = count();
    spawn_and_await(on);
    let after = count();
    let per_task = |count: usize| count as f64 / TASKS as f64;
    vec![
        Figure::new("allocations", per_task(after.times - before.times)),
        Figure::new("bytes allocated", per_task(after.bytes - before.bytes)),
    ]
}

/// Spawns from outside in small groups, so that what queues allocate does not count as a task's.
fn spawn_and_await<E: Executor>(on: &'static E) {
    const GROUP: usize = 100;
    for _ in 0..TASKS / GROUP {
        let group: [_; GROUP] = std::array::from_fn(|_| on.spawn(Lane::Default, async {}));
        on.block_on(async {
            for task in group {
                task.await;
            }
        });
    }
}

/// Bytes that a task holds that has been spawned and not polled: all workers are kept busy.
fn spawned<E: Executor>(on: &'static E, threads: usize, count: Count) -> Figure {
    let busy = Arc::new(Barrier::new(threads + 1));
    for _ in 0..threads {
        let busy = busy.clone();
        on.spawn(Lane::Default, async move {
            busy.wait();
            busy.wait();
        })
        .detach();
    }
    busy.wait();
    let mut tasks = Vec::with_capacity(TASKS);
    let before = count();
    tasks.extend((0..TASKS).map(|_| on.spawn(Lane::Default, async {})));
    let held = held_per_task(before, count());
    busy.wait();
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
    Figure::new("spawned bytes", held)
}

/// Bytes that a task holds that has been polled and waits.
fn pending<E: Executor>(on: &'static E, count: Count) -> Figure {
    let polled = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(TASKS);
    let before = count();
    for spawned in 0..TASKS {
        // Not far ahead of the workers, so that their queues stay short.
        wait_until(|| polled.load(Ordering::Relaxed) + 100 >= spawned);
        tasks.push(on.spawn(Lane::Default, waiting(polled.clone())));
    }
    wait_until(|| polled.load(Ordering::Relaxed) == TASKS);
    let held = held_per_task(before, count());
    tasks.into_iter().for_each(Handle::detach);
    Figure::new("pending bytes", held)
}

/// Counts its first poll, and waits for ever.
fn waiting(polled: Arc<AtomicUsize>) -> impl Future<Output = ()> {
    poll_fn(move |_cx| {
        polled.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    })
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

fn held_per_task(before: Allocated, after: Allocated) -> f64 {
    let allocated = (after.bytes - before.bytes) as f64;
    let freed = (after.bytes_freed - before.bytes_freed) as f64;
    (allocated - freed) / TASKS as f64
}
