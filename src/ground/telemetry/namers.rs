//! Functions that name tasks which were given no name, where a report speaks of one.
//!
//! A name that is kept costs its task a lock at the beginning and one at the end. These functions
//! cost nothing until a report is written. None is called while the lock of the list is held.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::names;
use crate::ground::ids::{ExecutorId, TaskId};
use crate::ground::shield::{drop_shielded, shielded};
use crate::ground::sync::unpoisoned;

/// Gives the name of a task, if it knows the task.
pub(crate) type Name = dyn Fn(TaskId) -> Option<String> + Send + Sync;

/// Those of all runtimes.
static NAMERS: Mutex<Vec<Namer>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Namer {
    number: u64,
    executor: ExecutorId,
    name: Arc<Name>,
}

/// Lets a function name tasks of a runtime, and gives the number by which it is let go.
pub(crate) fn add(executor: ExecutorId, name: Arc<Name>) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    namers().push(Namer {
        number,
        executor,
        name,
    });
    number
}

pub(crate) fn remove(number: u64) {
    let mut namers = namers();
    let place = namers.iter().position(|namer| namer.number == number);
    let removed = place.map(|place| namers.remove(place));
    // Unlock first: the function's destructor is a user's code.
    drop(namers);
    drop_shielded(removed);
}

/// The name that a task was given, or else the one that a function gives it.
pub(crate) fn name_of(key: names::Key) -> Option<Arc<str>> {
    names::get(key).or_else(|| {
        let (executor, task) = key;
        let of_runtime = |namer: &&Namer| namer.executor == executor;
        let asked: Vec<_> = namers().iter().filter(of_runtime).cloned().collect();
        asked.into_iter().find_map(|namer| namer.ask(task))
    })
}

impl Namer {
    fn ask(self, task: TaskId) -> Option<Arc<str>> {
        let mut name = None;
        shielded("a function that names tasks", || name = (self.name)(task));
        drop_shielded(self.name);
        name.map(Arc::from)
    }
}

fn namers() -> MutexGuard<'static, Vec<Namer>> {
    unpoisoned(NAMERS.lock())
}
