//! The names of the tasks that one thread has spawned, as far as their events may be kept.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use crate::ground::ids::TaskId;

/// How many names are dropped at once. Few enough that a copy takes no noticeable time.
const CHUNK: usize = 256;

/// The last names that were given, in chunks: the full ones are read by reference.
#[derive(Clone)]
pub(super) struct Names {
    /// How many full chunks are kept.
    max_chunks: usize,
    full: VecDeque<Arc<Vec<TaskName>>>,
    current: Vec<TaskName>,
    /// How many names were ever given.
    given: u64,
}

/// A task and its name.
pub(super) type TaskName = (TaskId, Box<str>);

impl Names {
    /// The names that can belong to `events` events.
    pub(super) fn new(events: usize) -> Names {
        Names {
            // A task that came and went has left four events at least.
            max_chunks: (events / 4).div_ceil(CHUNK).max(1),
            full: VecDeque::new(),
            current: Vec::new(),
            given: 0,
        }
    }

    pub(super) fn push(&mut self, task: TaskId, name: Box<str>) {
        if self.current.len() == self.current.capacity() {
            let full = mem::replace(&mut self.current, Vec::with_capacity(CHUNK));
            self.keep(full);
        }
        self.current.push((task, name));
        self.given += 1;
    }

    fn keep(&mut self, full: Vec<TaskName>) {
        if self.full.len() == self.max_chunks {
            self.full.pop_front();
        }
        // At first there is nothing to keep.
        if !full.is_empty() {
            self.full.push_back(Arc::new(full));
        }
    }

    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Those from the one with this number on, as far as they are kept.
    pub(super) fn iter_from(&self, number: u64) -> impl Iterator<Item = &TaskName> {
        let full = self.full.iter().map(|chunk| chunk.len());
        let kept = full.sum::<usize>() + self.current.len();
        let before = self.given - kept as u64;
        let skipped = usize::try_from(number.saturating_sub(before)).unwrap_or(usize::MAX);
        let full = self.full.iter().flat_map(|chunk| chunk.iter());
        full.chain(&self.current).skip(skipped)
    }
}
