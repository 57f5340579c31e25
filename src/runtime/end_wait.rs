//! The waits of runtimes' threads for the ends of other runtimes.
//!
//! The end of a runtime waits for its threads, and a task that is polled or dropped on one of these
//! may wait for the end of another runtime. Where that made a circle, all of its waits would last
//! for ever: a wait that closes one is not to be for the tasks that wait in it, or has to be left
//! to a thread that no runtime waits for. This file finds circles, and ends nothing.

use std::sync::{Mutex, MutexGuard};

use super::threads::{Threads, ThreadsId};
use crate::ground::sync::unpoisoned;

/// All such waits in the process.
static WAITS: Mutex<Vec<Edge>> = Mutex::new(Vec::new());

/// A thread of one runtime waits for the end of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    by: ThreadsId,
    of: ThreadsId,
    /// How many tasks of the first one cannot end before the thread goes on.
    tasks: u64,
}

/// The wait of this thread for the end of a runtime, from before its beginning until this is
/// dropped.
#[derive(Debug)]
pub(super) struct EndWait {
    edge: Option<Edge>,
    circle: Option<Circle>,
}

/// The runtime's end would wait for the thread that is to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Circle {
    /// How many of the runtime's tasks wait in it.
    tasks: u64,
}

impl EndWait {
    pub(super) fn begin(of: &Threads) -> EndWait {
        // A thread that ends its own runtime does not wait for itself.
        let by = Threads::here().filter(|by| *by != of.id());
        let edge = by.map(|by| Edge {
            by,
            of: of.id(),
            tasks: Threads::tasks_here(),
        });
        let mut waits = waits();
        let circle = edge.and_then(|edge| Circle::closed_by(edge, &waits));
        // One that closes a circle is entered too: it may be a part of another circle.
        waits.extend(edge);
        EndWait { edge, circle }
    }

    /// Whether the runtime's end would wait for this thread.
    pub(super) fn closes_a_circle(&self) -> bool {
        self.circle.is_some()
    }

    /// How many of the runtime's tasks cannot end before this thread goes on.
    pub(super) fn tasks_in_circle(&self) -> u64 {
        self.circle.map_or(0, |circle| circle.tasks)
    }
}

impl Drop for EndWait {
    fn drop(&mut self) {
        if let Some(edge) = self.edge {
            let mut waits = waits();
            let place = waits.iter().position(|wait| *wait == edge);
            waits.swap_remove(place.expect("it was entered"));
        }
    }
}

impl Circle {
    fn closed_by(edge: Edge, waits: &[Edge]) -> Option<Circle> {
        let of_its_end = waits.iter().filter(|wait| wait.by == edge.of);
        let in_circle = of_its_end.filter(|wait| leads(waits, wait.of, edge.by, &mut Vec::new()));
        let tasks = in_circle.map(|wait| wait.tasks);
        tasks
            .reduce(|sum, tasks| sum + tasks)
            .map(|tasks| Circle { tasks })
    }
}

/// Whether `from` is `to`, or a thread of it waits for the end of a runtime that leads there.
fn leads(waits: &[Edge], from: ThreadsId, to: ThreadsId, passed: &mut Vec<ThreadsId>) -> bool {
    if from == to || passed.contains(&from) {
        return from == to;
    }
    passed.push(from);
    let mut onwards = waits.iter().filter(|wait| wait.by == from);
    onwards.any(|wait| leads(waits, wait.of, to, passed))
}

fn waits() -> MutexGuard<'static, Vec<Edge>> {
    unpoisoned(WAITS.lock())
}
