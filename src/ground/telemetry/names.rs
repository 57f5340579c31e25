//! The names that tasks were given.
//!
//! Most tasks have none and must not pay for those that have: the names are kept here, beside the
//! tasks, and a task knows only whether it has one. A name is entered before its task is scheduled
//! and leaves when the task's memory is given back, however the task ended: until then its handle
//! can ask for it.
//!
//! The list is one for the process, since a handle outlives its runtime. It never runs code of the
//! user's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::ground::ids::{ExecutorId, TaskId};
use crate::ground::sync::unpoisoned;

/// A task's number among those of all runtimes.
pub(crate) type Key = (ExecutorId, TaskId);

type Shard = Mutex<BTreeMap<Key, Arc<str>>>;

/// How many parts the list has, so that threads that spawn named tasks seldom wait for each other.
const SHARDS: usize = 16;

static NAMES: [Shard; SHARDS] = [const { Mutex::new(BTreeMap::new()) }; SHARDS];

/// Keeps a task's name until [`leave`].
pub(crate) fn enter(key: Key, name: Arc<str>) {
    let before = shard(key).insert(key, name);
    debug_assert!(before.is_none(), "two tasks have the number {key:?}");
}

pub(crate) fn get(key: Key) -> Option<Arc<str>> {
    shard(key).get(&key).cloned()
}

#[cold]
pub(crate) fn leave(key: Key) {
    let name = shard(key).remove(&key);
    debug_assert!(name.is_some(), "the name of {key:?} left before its task");
}

fn shard(key: Key) -> MutexGuard<'static, BTreeMap<Key, Arc<str>>> {
    let (_, TaskId(number)) = key;
    let index = number % SHARDS as u64;
    // A poisoned lock is fine: nothing is half done under it. A panic here would abort, since
    // async-task lets none out of the end of a task's memory.
    unpoisoned(NAMES[index as usize].lock())
}

/// A name as messages show it, after a space; nothing if there is none.
pub(crate) struct Called<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // Escaped: a name with a line break in it must not look like a line of the log.
            Some(name) => write!(f, " {name:?}"),
            None => Ok(()),
        }
    }
}
