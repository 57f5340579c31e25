//! Which runtimes' threads wait for the end of which other runtimes.
//!
//! The end of a runtime waits for its threads, and a task that is polled or dropped on one of these
//! may wait for the end of another runtime. Where that made a circle, all of its waits would last
//! for ever: a runtime that closes it has to be ended by a thread that no runtime waits for. This
//! file finds circles, and ends nothing.

use std::sync::{Mutex, MutexGuard};

use super::threads::{Threads, ThreadsId};
use crate::sync::unpoisoned;

/// All such waits in the process.
static WAITS: Mutex<Vec<Edge>> = Mutex::new(Vec::new());

/// A thread of one runtime waits for the end of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    by: ThreadsId,
    of: ThreadsId,
}

/// The wait of this thread for the end of a runtime, from before its beginning until this is
/// dropped.
#[derive(Debug)]
pub(super) struct EndWait(Option<Edge>);

/// The runtime's end would wait for the thread that is to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circle;

impl EndWait {
    pub(super) fn begin(of: &Threads) -> Result<EndWait, Circle> {
        // A thread that ends its own runtime does not wait for itself.
        let by = Threads::here().filter(|by| *by != of.id());
        let edge = by.map(|by| Edge { by, of: of.id() });
        let mut waits = waits();
        if edge.is_some_and(|edge| leads(&waits, edge.of, edge.by)) {
            return Err(Circle);
        }
        waits.extend(edge);
        Ok(EndWait(edge))
    }
}

impl Drop for EndWait {
    fn drop(&mut self) {
        if let Some(edge) = self.0 {
            let mut waits = waits();
            let place = waits.iter().position(|wait| *wait == edge);
            waits.swap_remove(place.expect("it was entered"));
        }
    }
}

/// Whether a thread of `from` waits for the end of `to`, or for that of a runtime that leads there.
/// It comes to an end, since nothing in `waits` is a circle.
fn leads(waits: &[Edge], from: ThreadsId, to: ThreadsId) -> bool {
    let mut onwards = waits.iter().filter(|wait| wait.by == from);
    onwards.any(|wait| wait.of == to || leads(waits, wait.of, to))
}

fn waits() -> MutexGuard<'static, Vec<Edge>> {
    unpoisoned(WAITS.lock())
}
