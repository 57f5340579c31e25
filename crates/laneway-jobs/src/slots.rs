//! The slots of time in which a store counts what its lanes did.

use std::time::Duration;

use crate::micros::{Micros, duration_of, length};
use crate::store::{ActivityWanted, SLOT_LIMIT};

/// Slots of one length, the last of which holds the store's T.
pub(crate) struct Slots {
    pub(crate) t: Micros,
    pub(crate) from: Micros,
    pub(crate) length: Micros,
    pub(crate) count: usize,
    /// The most jobs that are counted in each.
    pub(crate) at_most: i64,
}

impl Slots {
    pub(crate) fn of(wanted: &ActivityWanted, t: Micros) -> Slots {
        let length = length(wanted.slot).max(1_000);
        let count = wanted.slots.clamp(1, SLOT_LIMIT);
        Slots {
            t,
            from: (t / length - (count as Micros - 1)) * length,
            length,
            count,
            at_most: i64::try_from(wanted.at_most).unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn begin(&self, place: usize) -> Micros {
        self.from + place as Micros * self.length
    }

    /// The time that counts. Where more were done than are counted, it ends with the last of those.
    pub(crate) fn counted(&self, place: usize, done: i64, last: Micros) -> Duration {
        let begin = self.begin(place);
        let until = match done < self.at_most {
            true => (begin + self.length).min(self.t),
            false => last.max(begin),
        };
        duration_of((until - begin).max(1))
    }
}
