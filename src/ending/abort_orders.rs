//! The orders to end that are given to tasks by their number.
//!
//! Most tasks are never told so, and pay nothing: the orders are kept here, beside the tasks, and a
//! task holds one bit that says whether there is anything to look up. An entry leaves with its
//! task's memory. The list is one for the process, since the handle that gives the order outlives
//! its runtime. Read `ending/mod.rs` next.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::names::Key;

/// Whether the task of an entry was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AbortState {
    Quiet,
    Ordered,
}

static ENTRIES: Mutex<BTreeMap<Key, AbortState>> = Mutex::new(BTreeMap::new());

/// Enters a task, until [`leave`].
pub(crate) fn enter(key: Key) {
    entries().insert(key, AbortState::Quiet);
}

/// Tells a task to end when it is run next. Gives `false` if the task is no longer there.
pub(crate) fn order(key: Key) -> bool {
    let mut entries = entries();
    let entry = entries.get_mut(&key);
    entry.map(|entry| *entry = AbortState::Ordered).is_some()
}

#[cold]
pub(crate) fn is_ordered(key: Key) -> bool {
    entries().get(&key) == Some(&AbortState::Ordered)
}

#[cold]
pub(crate) fn leave(key: Key) {
    entries().remove(&key);
}

fn entries() -> MutexGuard<'static, BTreeMap<Key, AbortState>> {
    unpoisoned(ENTRIES.lock())
}
