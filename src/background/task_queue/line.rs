//! The line of work that is queued, and which of it is due.

use std::collections::BTreeSet;

use super::census::Census;
use super::work_id::WorkId;
use crate::background::call_order::Urgency;

/// The work that is queued, in the order in which it is to begin.
///
/// As much of its head as there are free places is due: that work may begin. The two parts are kept
/// apart, so that no change of the line costs more for the length of it or the number of workers.
#[derive(Debug)]
pub(super) struct Line {
    /// The free places.
    free: usize,
    /// The head of the line: as much as there are free places, or all of it.
    due: BTreeSet<Standing>,
    /// The work behind that.
    rest: BTreeSet<Standing>,
    /// The urgent work of both.
    urgent: Census,
    /// The usual work of both.
    usual: Census,
}

/// The places of work in the line, from the newest work of each urgency to the oldest: all that
/// stands before work is older than it, or more urgent.
#[derive(Debug)]
pub(super) struct Places {
    /// The urgent work that is older than the last.
    urgent: usize,
    /// The usual work that is older than the last, and all that is urgent.
    all: usize,
}

/// The place of work in the line: urgent work stands before all that is usual, and work that was
/// submitted first before the later.
type Standing = (Urgency, WorkId);

impl Line {
    pub(super) fn new(free: usize) -> Line {
        Line {
            free,
            due: BTreeSet::new(),
            rest: BTreeSet::new(),
            urgent: Census::default(),
            usual: Census::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.due.len() + self.rest.len()
    }

    /// Puts the newest work at the end.
    pub(super) fn push(&mut self, id: WorkId) {
        // Where a place is free for it, all that stands before it is due.
        let part = match self.due.len() < self.free {
            true => &mut self.due,
            false => &mut self.rest,
        };
        part.insert((Urgency::Usual, id));
        self.usual.add(id.0);
    }

    pub(super) fn is_due(&self, urgency: Urgency, id: WorkId) -> bool {
        self.due.contains(&(urgency, id))
    }

    /// Takes work out that is due and begins, and the place that was free for it.
    pub(super) fn begin(&mut self, urgency: Urgency, id: WorkId) {
        let was_due = self.due.remove(&(urgency, id));
        assert!(was_due, "only work that is due begins, not {id}");
        self.free -= 1;
        self.census(urgency).remove(id.0);
    }

    /// Takes work out that will not begin. The next may be due in its stead.
    pub(super) fn remove(&mut self, urgency: Urgency, id: WorkId) {
        let place = (urgency, id);
        if self.due.remove(&place) || self.rest.remove(&place) {
            self.census(urgency).remove(id.0);
        }
    }

    fn census(&mut self, urgency: Urgency) -> &mut Census {
        match urgency {
            Urgency::Urgent => &mut self.urgent,
            Urgency::Usual => &mut self.usual,
        }
    }

    /// Puts usual work before all that is usual. It may be due by that.
    pub(super) fn raise(&mut self, id: WorkId) {
        self.remove(Urgency::Usual, id);
        self.due.insert((Urgency::Urgent, id));
        self.urgent.add(id.0);
        // All urgent work stands before all other: what is put back is the last of the line's head.
        self.put_back();
    }

    /// Sets the number of free places. More work may be due by that, or less.
    pub(super) fn set_free(&mut self, free: usize) {
        self.free = free;
        self.put_back();
    }

    /// Makes the next work due, if a place is free for it. To be called after a change until it
    /// gives none.
    pub(super) fn next_due(&mut self) -> Option<WorkId> {
        let is_free = self.due.len() < self.free;
        let next = is_free.then(|| self.rest.pop_first()).flatten()?;
        self.due.insert(next);
        Some(next.1)
    }

    /// Work that is due and has no free place is not due.
    fn put_back(&mut self) {
        while self.due.len() > self.free {
            self.rest.extend(self.due.pop_last());
        }
    }

    /// How much work stands before this. Counted without a look at each.
    pub(super) fn ahead(&self, urgency: Urgency, id: WorkId) -> usize {
        match urgency {
            Urgency::Urgent => self.urgent.below(id.0),
            Urgency::Usual => self.urgent.len() + self.usual.below(id.0),
        }
    }

    /// Counts the places back, without a look at the whole line.
    pub(super) fn newest_first(&self) -> Places {
        Places {
            urgent: self.urgent.len(),
            all: self.len(),
        }
    }
}

impl Places {
    /// How much work stands before the next of this urgency. To be asked for each work that is
    /// queued, the newest first.
    pub(super) fn ahead_of_next(&mut self, urgency: Urgency) -> usize {
        let left = match urgency {
            Urgency::Urgent => &mut self.urgent,
            Urgency::Usual => &mut self.all,
        };
        *left -= 1;
        *left
    }
}
