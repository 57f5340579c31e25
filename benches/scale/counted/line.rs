//! One cache line, as processors keep it: by one core that has changed it, or alike by several.

use std::panic::Location;

use super::core_set::CoreSet;

/// The state of a cache line.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The cores that have it in their caches.
    holders: CoreSet,
    /// The core that has changed it since, and so is its only holder.
    owner: Option<usize>,
    /// The cores that have ever written it.
    writers: CoreSet,
    /// How often it was written, and where in the source.
    writes: Vec<(&'static Location<'static>, u64)>,
    /// When the last transfer or lock that it serves is over, in nanoseconds.
    pub(super) free_at: f64,
}

/// Whether an access finds its line at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Here,
    /// In another core's cache.
    Elsewhere,
}

impl Line {
    /// Begins to count anew.
    pub(super) fn restart(&mut self) {
        self.writes.clear();
        self.free_at = 0.0;
    }

    pub(super) fn read(&mut self, core: usize) -> Found {
        if self.holders.contains(core) {
            return Found::Here;
        }
        // The first that touches it takes it from memory, as it would on one core.
        let found = match self.holders.is_empty() {
            true => Found::Here,
            false => Found::Elsewhere,
        };
        self.owner = None;
        self.holders.insert(core);
        found
    }

    pub(super) fn write(&mut self, core: usize, at: &'static Location<'static>) -> Found {
        self.note_write(core, at);
        let alone = self.holders.is_empty() || self.holders == CoreSet::of(core);
        self.owner = Some(core);
        self.holders = CoreSet::of(core);
        match alone {
            true => Found::Here,
            false => Found::Elsewhere,
        }
    }

    fn note_write(&mut self, core: usize, at: &'static Location<'static>) {
        self.writers.insert(core);
        match self.writes.iter_mut().find(|(place, _)| *place == at) {
            Some((_, times)) => *times += 1,
            None => self.writes.push((at, 1)),
        }
    }

    /// Whether this core alone has ever written it.
    pub(super) fn is_written_by(&self, core: usize) -> bool {
        self.writers == CoreSet::of(core)
    }

    /// Its writes, if more than one core wrote it.
    pub(super) fn shared_writes(&self) -> &[(&'static Location<'static>, u64)] {
        match self.writers.len() {
            0 | 1 => &[],
            _ => &self.writes,
        }
    }
}
